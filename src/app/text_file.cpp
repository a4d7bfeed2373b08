#include "app/text_file.hpp"

#include <algorithm>
#include <memory>
#include <span>

#include "io/real_file_system.hpp"

namespace vibrato::app {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10;

}  // namespace

Result<std::string> read_text_file(io::FileSystem& fs, const std::string& path, std::size_t bytes_max) {
  VIBRATO_ASSIGN_OR_RETURN(const std::string resolved, io::resolve_path(path));
  VIBRATO_ASSIGN_OR_RETURN(const std::unique_ptr<io::File> file, fs.open(resolved, io::OpenMode::kReadOnly));
  std::string text;
  std::size_t size = 0;
  for (;;) {
    text.resize(std::min(size + kReadBytes, bytes_max + 1));
    const std::span<char> space = std::span(text).subspan(size);
    VIBRATO_ASSIGN_OR_RETURN(const std::size_t count, file->read_at(size, std::as_writable_bytes(space)));
    if (count == 0) break;
    size += count;
    if (size > bytes_max) {
      return invalid_argument(path + ": larger than the " + std::to_string(bytes_max) + " bytes that are read");
    }
  }
  text.resize(size);
  return text;
}

}  // namespace vibrato::app
