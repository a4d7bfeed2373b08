// What a `.vdb` file says about itself: the header and the section table of version 3 as structs, and the common
// description that the parsers of all versions give. Byte tables: docs/formats/vdb.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>
#include <vibrato/metric.hpp>

#include "format/little_endian.hpp"
#include "format/section_kind.hpp"

namespace vibrato::format {

inline constexpr std::array kVdbMagic1 = {'V', 'I', 'B', 'D', 'B', '0', '0', '1'};
inline constexpr std::array kVdbMagic2 = {'V', 'I', 'B', 'D', 'B', '0', '0', '2'};
inline constexpr std::array kVdbMagic3 = {'V', 'I', 'B', 'D', 'B', '0', '0', '3'};

inline constexpr std::uint32_t kVdbVersion = 3;
inline constexpr std::uint32_t kVdbHeaderBytes = 128;
inline constexpr std::uint32_t kVdbSectionEntryBytes = 32;
inline constexpr std::uint32_t kVdbBlockBytes = 64 * 1024;
inline constexpr std::uint32_t kVdbSectionsMax = 64;
inline constexpr std::uint32_t kVdbAlignmentMin = 64;
inline constexpr std::uint32_t kVdbAlignmentMax = 2 * 1024 * 1024;
inline constexpr std::uint32_t kVdbVectorsAlignment = 4096;
inline constexpr std::uint64_t kVdbRowAlignment = 64;

// Bytes from one row of kVectors to the next in version 3. Requires: dim <= limits::kDimMax.
[[nodiscard]] constexpr std::uint64_t vdb_row_stride_bytes(std::uint32_t dim) {
  return round_up(std::uint64_t{dim} * sizeof(float), kVdbRowAlignment);
}

// Header of version 3, without the fields that follow from others (version, sizes, its own checksum).
struct VdbHeader {
  std::uint64_t file_bytes = 0;
  std::uint64_t rows = 0;
  std::uint32_t dim = 0;
  Metric metric = Metric::kDot;
  std::uint32_t section_count = 0;
  std::uint64_t section_table_offset = 0;
  std::uint64_t block_table_offset = 0;
  std::uint64_t block_count = 0;
  std::uint64_t first_lsn = 0;  // 0, 0: not written by a log.
  std::uint64_t last_lsn = 0;
  std::uint32_t section_table_crc = 0;
  std::uint32_t block_table_crc = 0;

  friend bool operator==(const VdbHeader&, const VdbHeader&) = default;
};

struct SectionEntry {
  std::uint32_t kind = 0;  // A SectionKind, or a number that only a later build knows.
  std::uint16_t version = 0;
  bool required = false;
  std::uint32_t alignment = kVdbAlignmentMin;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;

  friend bool operator==(const SectionEntry&, const SectionEntry&) = default;
};

struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;

  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

// A parsed file of any version. Invariant: every range lies within the file, `rows` and `dim` are within limits, and
// vectors.length == rows * row_stride_bytes (the last row of version 3 is padded too), or 0 where has_vectors() says
// that the rows were dropped behind their codes.
struct VdbLayout {
  std::uint32_t version = 0;  // 1, 2 or 3.
  std::uint64_t file_bytes = 0;
  std::uint64_t rows = 0;
  std::uint32_t dim = 0;
  Metric metric = Metric::kDot;
  std::uint64_t first_lsn = 0;
  std::uint64_t last_lsn = 0;
  std::uint64_t row_stride_bytes = 0;
  ByteRange vectors;

  std::vector<SectionEntry> sections;  // Version 3: those that this build can use, by offset.
  std::uint32_t skipped_sections = 0;  // Version 3: optional ones that it cannot.
  std::uint64_t section_table_offset = 0;
  std::uint64_t block_table_offset = 0;
  std::uint64_t block_count = 0;  // 0 in versions 1 and 2: they have no checksums.

  std::optional<ByteRange> legacy_meta;  // Version 2: the metadata section.
  bool legacy_graph = false;             // Version 2: a graph is there; it is not used.

  [[nodiscard]] bool has_vectors() const { return vectors.length > 0 || rows == 0; }
  [[nodiscard]] const SectionEntry* find(SectionKind kind) const {
    for (const SectionEntry& section : sections) {
      if (section.kind == static_cast<std::uint32_t>(kind)) {
        return &section;
      }
    }
    return nullptr;
  }
};

}  // namespace vibrato::format
