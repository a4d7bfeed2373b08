#include "app/file_cursor.hpp"

#include <algorithm>
#include <span>
#include <utility>
#include <vibrato/check.hpp>

namespace vibrato::app {
namespace {

constexpr std::size_t kReadBytes = 256 * 1024;

}  // namespace

Result<FileCursor> FileCursor::open(io::FileSystem& fs, const std::string& path) {
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<io::File> file, fs.open(path, io::OpenMode::kReadOnly));
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t file_bytes, file->size());
  return FileCursor(std::move(file), file_bytes);
}

FileCursor::FileCursor(std::unique_ptr<io::File> file, std::uint64_t file_bytes)
    : file_(std::move(file)), file_bytes_(file_bytes) {}

Status FileCursor::fill() {
  if (begin_ < buffer_.size()) return ok_status();
  buffer_.resize(kReadBytes);
  begin_ = 0;
  Result<std::size_t> read = file_->read_at(file_offset_, std::as_writable_bytes(std::span(buffer_)));
  buffer_.resize(read.ok() ? *read : 0);
  file_offset_ += buffer_.size();
  return read.status();
}

void FileCursor::consume(std::size_t count) {
  VIBRATO_CHECK(count <= buffer_.size() - begin_);
  begin_ += count;
}

}  // namespace vibrato::app
