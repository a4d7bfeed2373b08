#include "store/block_scan.hpp"

#include <fmt/format.h>
#include <utility>

#include "format/corrupt_at.hpp"
#include "format/vdb_blocks.hpp"

namespace vibrato::store {

Result<std::unique_ptr<BlockScan>> BlockScan::open(io::FileSystem& fs, const std::string& path, std::uint32_t part) {
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<io::File> file, fs.open(path, io::OpenMode::kReadOnly));
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<io::ReadOnlyMap> map, fs.map_read_only(path));
  std::unique_ptr<VdbFile> image;
  std::uint64_t image_offset = 0;
  if (format::is_pack(map->bytes())) {
    VIBRATO_ASSIGN_OR_RETURN(const auto pack, PackFile::from_map(path, std::move(map)));
    VIBRATO_ASSIGN_OR_RETURN(image, pack->open_part(part));
    image_offset = pack->part_range(part).offset;
  } else if (part == 0) {
    VIBRATO_ASSIGN_OR_RETURN(image, VdbFile::from_map(path, std::move(map)));
  } else {
    return not_found(fmt::format("{}: has no part {}", path, part));
  }
  return std::unique_ptr<BlockScan>(new BlockScan(std::move(file), std::move(image), image_offset));
}

Result<std::uint64_t> BlockScan::step(std::uint32_t blocks_max) {
  const format::VdbLayout& layout = image_->layout();
  std::uint64_t bytes = 0;
  for (std::uint32_t count = 0; count < blocks_max && !is_done(); ++count, ++next_block_) {
    const format::ByteRange range = format::vdb_block_range(layout, next_block_);
    buffer_.resize(range.length);
    const auto read = file_->read_at(image_offset_ + range.offset, buffer_);
    if (!read.ok()) {
      return Status(read.status().code(), fmt::format("{}: offset {}: {} bytes could not be read: {}", image_->path(),
                                                      range.offset, range.length, read.status().message()));
    }
    if (*read != range.length) {
      return format::corrupt_at(range.offset, "bytes of a block", range.length, *read).with_context(image_->path());
    }
    const Status whole = format::check_vdb_block_copy(image_->map().bytes(), layout, next_block_, buffer_);
    VIBRATO_RETURN_IF_ERROR(whole.with_context(image_->path()));
    bytes += range.length;
  }
  return bytes;
}

}  // namespace vibrato::store
