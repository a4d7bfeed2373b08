// The header and the table of a pack, the file that holds many small `.vdb` images (docs/formats/pack.md).
// Pure and total: any bytes give a value or a Status.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>
#include <vibrato/result.hpp>

#include "format/vdb_layout.hpp"

namespace vibrato::format {

inline constexpr std::array kPackMagic = {'V', 'I', 'B', 'P', 'A', 'C', 'K', '1'};
inline constexpr std::uint32_t kPackVersion = 1;
inline constexpr std::uint32_t kPackHeaderBytes = 64;
inline constexpr std::uint32_t kPackEntryBytes = 16;
inline constexpr std::uint32_t kPackPartAlignment = 4096;  // So that the pages of a part are its own.
inline constexpr std::uint32_t kPackPartsMax = 1U << 20;

[[nodiscard]] bool is_pack(std::span<const std::byte> file);

struct PackLayout {
  std::uint64_t file_bytes = 0;
  std::uint64_t table_offset = 0;
  std::uint32_t part_count = 0;
};

// The bytes of the table and of the header of a pack whose parts are `parts`; the table stands behind the last part,
// at the next multiple of kPackEntryBytes. Requires: parts in order, aligned, without overlap, at most kPackPartsMax.
struct PackTail {
  std::uint64_t table_offset = 0;
  std::vector<std::byte> table;
  std::array<std::byte, kPackHeaderBytes> header{};
};
[[nodiscard]] PackTail encode_pack_tail(std::span<const ByteRange> parts);

// Checks header, table and every range in it. Errors: kCorruption; kInvalidArgument for a version that this build does
// not know.
[[nodiscard]] Result<PackLayout> parse_pack(std::span<const std::byte> file);

// Requires: `layout` was parsed from `file`, part < part_count.
[[nodiscard]] ByteRange pack_part(std::span<const std::byte> file, const PackLayout& layout, std::uint32_t part);

// Checks that what lies between the parts is zeros. Errors: kCorruption. Requires: as pack_part.
[[nodiscard]] Status check_pack_padding(std::span<const std::byte> file, const PackLayout& layout);

}  // namespace vibrato::format
