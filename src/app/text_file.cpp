#include "app/text_file.hpp"

#include <memory>
#include <span>

#include "io/real_file_system.hpp"

namespace vibrato::app {

Result<std::string> read_text_file(io::FileSystem& fs, const std::string& path) {
  VIBRATO_ASSIGN_OR_RETURN(const std::string resolved, io::resolve_path(path));
  VIBRATO_ASSIGN_OR_RETURN(const std::unique_ptr<io::File> file, fs.open(resolved, io::OpenMode::kReadOnly));
  std::string text(kTextFileBytesMax + 1, '\0');
  std::size_t size = 0;
  for (;;) {
    const std::span<char> space = std::span(text).subspan(size);
    VIBRATO_ASSIGN_OR_RETURN(const std::size_t count, file->read_at(size, std::as_writable_bytes(space)));
    if (count == 0) break;
    size += count;
    if (size > kTextFileBytesMax) {
      return invalid_argument(path + ": larger than the " + std::to_string(kTextFileBytesMax) + " bytes that are read");
    }
  }
  text.resize(size);
  return text;
}

}  // namespace vibrato::app
