#include "wal/segment_writer.hpp"

#include <algorithm>
#include <vector>

#include "format/log_frame.hpp"
#include "format/log_segment_header.hpp"

namespace vibrato::wal {
namespace {

constexpr std::uint64_t kRewriteBytes = std::uint64_t{1} * 1024 * 1024;

}  // namespace

SegmentWriter::SegmentWriter(std::unique_ptr<io::File> file, const format::LogSegmentHeader& header,
                             const SegmentPosition& end)
    : file_(std::move(file)),
      header_(header),
      salt_(format::log_salt(header.store_id, header.first_lsn)),
      end_(end),
      durable_end_(end),
      written_end_(end.offset) {}

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::create(io::FileSystem& fs, const std::string& path,
                                                             const format::LogSegmentHeader& header) {
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<io::File> file, fs.open(path, io::OpenMode::kCreateTruncate));
  VIBRATO_RETURN_IF_ERROR(file->write_at(0, format::encode_log_segment_header(header)));
  return std::unique_ptr<SegmentWriter>(new SegmentWriter(std::move(file), header, start_of(header)));
}

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::open(io::FileSystem& fs, const std::string& path,
                                                           const format::LogSegmentHeader& header,
                                                           const SegmentPosition& end) {
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<io::File> file, fs.open(path, io::OpenMode::kReadWrite));
  return std::unique_ptr<SegmentWriter>(new SegmentWriter(std::move(file), header, end));
}

Status SegmentWriter::append(std::span<const std::byte> frames, const SegmentPosition& new_end) {
  VIBRATO_CHECK(new_end.offset == end_.offset + frames.size());
  VIBRATO_RETURN_IF_ERROR(file_->write_at(end_.offset, frames));
  end_ = new_end;
  written_end_ = std::max(written_end_, end_.offset);
  return ok_status();
}

Status SegmentWriter::cut_back() {
  VIBRATO_RETURN_IF_ERROR(file_->truncate(end_.offset));
  written_end_ = end_.offset;
  return sync();
}

Status SegmentWriter::cut_and_rewrite(std::uint64_t from) {
  std::vector<std::byte> buffer;
  while (from < end_.offset) {
    buffer.resize(static_cast<std::size_t>(std::min(kRewriteBytes, end_.offset - from)));
    VIBRATO_ASSIGN_OR_RETURN(const std::size_t count, file_->read_at(from, buffer));
    if (count < buffer.size()) {
      return io_error(file_->path() + ": became shorter while it was read");
    }
    VIBRATO_RETURN_IF_ERROR(file_->write_at(from, buffer));
    from += count;
  }
  return cut_back();
}

Status SegmentWriter::sync() {
  VIBRATO_RETURN_IF_ERROR(file_->sync());
  durable_end_ = end_;
  return ok_status();
}

Result<bool> SegmentWriter::write_zeros_ahead(std::uint64_t bytes, std::uint64_t left_bytes,
                                              std::uint64_t limit_bytes) {
  if (written_end_ - end_.offset > left_bytes) {
    return false;
  }
  const std::uint64_t until = std::min(end_.offset + bytes, limit_bytes);
  if (until <= written_end_) {
    return false;
  }
  const std::vector<std::byte> zeros(static_cast<std::size_t>(until - written_end_));
  const Status written = file_->write_at(written_end_, zeros);
  if (!written.ok()) {
    // What was written by then are zeros too.
    return written.code() == ErrorCode::kDiskFull ? Result<bool>(false) : Result<bool>(written);
  }
  written_end_ = until;
  return true;
}

}  // namespace vibrato::wal
