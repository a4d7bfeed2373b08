#include "store/pack_writer.hpp"

#include <fmt/format.h>
#include <utility>

namespace vibrato::store {

Result<std::unique_ptr<PackWriter>> PackWriter::create(io::FileSystem& fs, const std::string& path) {
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<TemporaryFile> file, TemporaryFile::create(fs, path));
  return std::unique_ptr<PackWriter>(new PackWriter(path, std::move(file)));
}

Result<std::unique_ptr<VdbWriter>> PackWriter::begin_part(const VdbWriterOptions& options) {
  VIBRATO_CHECK(!part_is_open_);
  if (parts_.size() == format::kPackPartsMax) {
    return Status(ErrorCode::kOverloaded,
                  fmt::format("{}: a pack holds at most {} parts", path_, format::kPackPartsMax));
  }
  auto writer =
      VdbWriter::create_within(file_->file(), next_offset_, fmt::format("{} part {}", path_, parts_.size()), options);
  part_is_open_ = writer.ok();
  return writer;
}

void PackWriter::end_part(std::uint64_t length) {
  VIBRATO_CHECK(part_is_open_);
  parts_.push_back({next_offset_, length});
  next_offset_ = format::round_up(next_offset_ + length, format::kPackPartAlignment);
  part_is_open_ = false;
}

Status PackWriter::commit() {
  VIBRATO_CHECK(!part_is_open_);
  const format::PackTail tail = format::encode_pack_tail(parts_);
  VIBRATO_RETURN_IF_ERROR(file_->file().write_at(tail.table_offset, tail.table));
  VIBRATO_RETURN_IF_ERROR(file_->file().write_at(0, tail.header));
  return file_->publish();
}

}  // namespace vibrato::store
