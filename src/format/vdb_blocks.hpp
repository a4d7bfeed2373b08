// The block checksums of a `.vdb` file of version 3: CRC32C of every 64 KiB of its content, from behind the header to
// the section table. Pure and total. Thread-safe: nothing is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vibrato/result.hpp>

#include "format/vdb_layout.hpp"

namespace vibrato::format {

// The bytes that block `block` covers: [block * 64 KiB, + 64 KiB) without the header and what follows the content.
// Requires: layout.version == 3, block < layout.block_count.
[[nodiscard]] ByteRange vdb_block_range(const VdbLayout& layout, std::uint64_t block);

// Checks one block. Requires: `layout` was parsed from `file`, block < layout.block_count.
// Errors: kCorruption with the block's offset.
[[nodiscard]] Status check_vdb_block(std::span<const std::byte> file, const VdbLayout& layout, std::uint64_t block);

// The same for a copy of the block's bytes that was read by other means; the checksum is that of `file`.
[[nodiscard]] Status check_vdb_block_copy(std::span<const std::byte> file, const VdbLayout& layout, std::uint64_t block,
                                          std::span<const std::byte> copy);

// Checks every block that holds a byte of [offset, offset + length); what lies behind the content (the tables, checked
// when the file was parsed) counts as checked, and so does all of versions 1 and 2, which have no checksums.
[[nodiscard]] Status check_vdb_block_range(std::span<const std::byte> file, const VdbLayout& layout,
                                           std::uint64_t offset, std::uint64_t length);

}  // namespace vibrato::format
