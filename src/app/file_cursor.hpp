// Reads a file from front to back in blocks of bounded size, for inputs larger than memory.
// Thread-safety: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

#include "io/file_system.hpp"

namespace vibrato::app {

class FileCursor {
 public:
  [[nodiscard]] static Result<FileCursor> open(io::FileSystem& fs, const std::string& path);

  // Makes buffered() not empty, unless the file is at its end.
  [[nodiscard]] Status fill();
  // Bytes read and not yet consumed; invalid after the next fill().
  [[nodiscard]] std::string_view buffered() const { return std::string_view(buffer_).substr(begin_); }
  // Requires: count <= buffered().size().
  void consume(std::size_t count);
  // True once everything is consumed. Call after fill().
  [[nodiscard]] bool at_end() const { return begin_ == buffer_.size(); }

  [[nodiscard]] std::uint64_t consumed_bytes() const { return file_offset_ - (buffer_.size() - begin_); }
  [[nodiscard]] std::uint64_t file_bytes() const { return file_bytes_; }

 private:
  FileCursor(std::unique_ptr<io::File> file, std::uint64_t file_bytes);

  std::unique_ptr<io::File> file_;
  std::uint64_t file_bytes_;
  std::uint64_t file_offset_ = 0;  // Of the first byte that is not in the buffer yet.
  std::string buffer_;
  std::size_t begin_ = 0;  // Of what is not consumed in buffer_.
};

}  // namespace vibrato::app
