// Row sources over JSON: one array of rows (.json), or one row a line (.jsonl); and the lines of a file of meta.
// Each row's text is cut out of the stream first, with a bound on its size, then parsed by itself.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vibrato/result.hpp>

#include "app/file_cursor.hpp"
#include "app/json_row.hpp"
#include "app/row_source.hpp"

namespace vibrato::app {

// The longest text of one row: 16,384 numbers of 100 digits and the largest meta fit.
inline constexpr std::size_t kRowTextBytesMax = 4 * 1024 * 1024;

[[nodiscard]] Result<std::unique_ptr<RowSource>> open_json_array(io::FileSystem& fs, const std::string& path);
[[nodiscard]] Result<std::unique_ptr<RowSource>> open_json_lines(io::FileSystem& fs, const std::string& path);

// Reads lines that are not blank. Thread-safety: one thread at a time.
class LineReader {
 public:
  explicit LineReader(FileCursor cursor) : cursor_(std::move(cursor)) {}

  // False at the end of the file. Errors: kInvalidArgument for a line past kRowTextBytesMax, kIoError.
  [[nodiscard]] Result<bool> next(std::string& line);
  // Of the newest line, counted from 1, blank lines included.
  [[nodiscard]] std::uint64_t line_number() const { return line_number_; }
  [[nodiscard]] const FileCursor& cursor() const { return cursor_; }

 private:
  FileCursor cursor_;
  std::uint64_t line_number_ = 0;
};

// A file with one JSON value a line: the meta of row 0, 1, ...
class MetaLines {
 public:
  [[nodiscard]] static Result<MetaLines> open(io::FileSystem& fs, const std::string& path);
  // Gives the next row's meta, compact; false at the end. Errors name the line.
  [[nodiscard]] Result<bool> next(std::string& meta_json);

 private:
  explicit MetaLines(LineReader lines) : lines_(std::move(lines)) {}

  LineReader lines_;
  JsonRowParser parser_;
  std::string line_;
};

}  // namespace vibrato::app
