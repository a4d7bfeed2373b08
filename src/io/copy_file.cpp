#include "io/copy_file.hpp"

#include <algorithm>
#include <memory>
#include <vector>

namespace vibrato::io {
namespace {

constexpr std::uint64_t kPieceBytes = std::uint64_t{1024} * 1024;

}  // namespace

Status read_pieces(const File& file, std::uint64_t count, const ByteSink& sink) {
  std::vector<std::byte> buffer(static_cast<std::size_t>(std::min(count, kPieceBytes)));
  for (std::uint64_t at = 0; at < count;) {
    const std::span<std::byte> piece =
        std::span(buffer).first(static_cast<std::size_t>(std::min<std::uint64_t>(count - at, buffer.size())));
    VIBRATO_ASSIGN_OR_RETURN(const std::size_t got, file.read_at(at, piece));
    if (got < piece.size()) {
      return corruption(file.path() + ": size: expected at least " + std::to_string(count) + " bytes, found " +
                        std::to_string(at + got));
    }
    VIBRATO_RETURN_IF_ERROR(sink(piece));
    at += got;
  }
  return ok_status();
}

Status copy_bytes(FileSystem& fs, const std::string& from, const std::string& to, std::uint64_t count, OpenMode mode,
                  const ByteSink& seen) {
  VIBRATO_ASSIGN_OR_RETURN(const std::unique_ptr<File> source, fs.open(from, OpenMode::kReadOnly));
  VIBRATO_ASSIGN_OR_RETURN(const std::unique_ptr<File> target, fs.open(to, mode));
  std::uint64_t at = 0;
  const Status copied = read_pieces(*source, count, [&](std::span<const std::byte> piece) -> Status {
    VIBRATO_RETURN_IF_ERROR(target->write_at(at, piece));
    at += piece.size();
    return seen ? seen(piece) : ok_status();
  });
  return copied.ok() ? target->sync() : copied;
}

Status link_or_copy(FileSystem& fs, const std::string& from, const std::string& to, OpenMode mode) {
  Status linked = fs.hard_link(from, to);
  if (linked.code() != ErrorCode::kIoError) {
    return linked;
  }
  // Another device, or a file system without links.
  VIBRATO_ASSIGN_OR_RETURN(const FileInfo info, fs.stat(from));
  return copy_bytes(fs, from, to, info.size_bytes, mode);
}

}  // namespace vibrato::io
