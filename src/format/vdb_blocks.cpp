#include "format/vdb_blocks.hpp"

#include <algorithm>

#include "base/crc32c.hpp"
#include "format/corrupt_at.hpp"

namespace vibrato::format {

ByteRange vdb_block_range(const VdbLayout& layout, std::uint64_t block) {
  VIBRATO_CHECK(block < layout.block_count);
  const std::uint64_t begin = std::max<std::uint64_t>(block * kVdbBlockBytes, kVdbHeaderBytes);
  const std::uint64_t end = std::min((block + 1) * kVdbBlockBytes, layout.section_table_offset);
  return {begin, end - begin};
}

Status check_vdb_block(std::span<const std::byte> file, const VdbLayout& layout, std::uint64_t block) {
  const ByteRange range = vdb_block_range(layout, block);
  return check_vdb_block_copy(file, layout, block, file.subspan(range.offset, range.length));
}

Status check_vdb_block_copy(std::span<const std::byte> file, const VdbLayout& layout, std::uint64_t block,
                            std::span<const std::byte> copy) {
  const auto stored = load_le<std::uint32_t>(file, layout.block_table_offset + block * sizeof(std::uint32_t));
  const std::uint32_t computed = crc32c(copy);
  if (stored != computed) {
    return bad_checksum_at(vdb_block_range(layout, block).offset, "block checksum", stored, computed);
  }
  return ok_status();
}

Status check_vdb_block_range(std::span<const std::byte> file, const VdbLayout& layout, std::uint64_t offset,
                             std::uint64_t length) {
  if (layout.block_count == 0 || length == 0 || offset >= layout.section_table_offset) {
    return ok_status();
  }
  const std::uint64_t last = offset + std::min(length, layout.section_table_offset - offset) - 1;
  for (std::uint64_t block = offset / kVdbBlockBytes; block <= last / kVdbBlockBytes; ++block) {
    VIBRATO_RETURN_IF_ERROR(check_vdb_block(file, layout, block));
  }
  return ok_status();
}

}  // namespace vibrato::format
