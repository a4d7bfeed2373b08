#include "app/json_rows.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

namespace vibrato::app {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";

Status row_too_long() {
  return invalid_argument("its text is longer than " + std::to_string(kRowTextBytesMax) + " bytes");
}

double share_of(const FileCursor& cursor) {
  if (cursor.file_bytes() == 0) return 1.0;
  return static_cast<double>(cursor.consumed_bytes()) / static_cast<double>(cursor.file_bytes());
}

class JsonLines final : public RowSource {
 public:
  explicit JsonLines(LineReader lines) : lines_(std::move(lines)) {}

  Result<bool> next(InputRow& row) override {
    VIBRATO_ASSIGN_OR_RETURN(const bool found, lines_.next(line_));
    if (!found) return false;
    VIBRATO_RETURN_IF_ERROR(parser_.parse_row(line_, row));
    return true;
  }

  double share_done() const override { return share_of(lines_.cursor()); }
  std::string position() const override { return "line " + std::to_string(lines_.line_number()); }

 private:
  LineReader lines_;
  JsonRowParser parser_;
  std::string line_;
};

// Cuts the elements of the outer array out of the stream by counting brackets outside of strings; whether an element
// is valid JSON is for its parser to say.
class JsonArray final : public RowSource {
 public:
  explicit JsonArray(FileCursor cursor) : cursor_(std::move(cursor)) {}

  Result<bool> next(InputRow& row) override {
    if (!began_) VIBRATO_RETURN_IF_ERROR(begin());
    if (ended_) return false;
    element_offset_ = cursor_.consumed_bytes();
    VIBRATO_RETURN_IF_ERROR(cut_element());
    // `[]` is an array without rows; after a comma there must be one.
    if (ended_ && rows_ == 0 && element_.find_first_not_of(kSpaces) == std::string::npos) return false;
    VIBRATO_RETURN_IF_ERROR(parser_.parse_row(element_, row));
    ++rows_;
    return true;
  }

  double share_done() const override { return share_of(cursor_); }
  std::string position() const override { return "from byte " + std::to_string(element_offset_); }

 private:
  // Moves to the next byte that is no space, or to the end.
  Status skip_spaces() {
    for (;;) {
      VIBRATO_RETURN_IF_ERROR(cursor_.fill());
      const std::string_view text = cursor_.buffered();
      const std::size_t next = text.find_first_not_of(kSpaces);
      cursor_.consume(std::min(next, text.size()));
      if (next != std::string_view::npos || text.empty()) return ok_status();
    }
  }

  Status begin() {
    VIBRATO_RETURN_IF_ERROR(skip_spaces());
    if (cursor_.at_end() || cursor_.buffered().front() != '[') {
      return invalid_argument("the file is not a JSON array of rows (for one row a line use --format jsonl)");
    }
    cursor_.consume(1);
    began_ = true;
    return ok_status();
  }

  // Takes what stands before the next ',' or ']' of the outer array into element_, and the mark itself away.
  Status cut_element() {
    element_.clear();
    depth_ = 0;
    in_string_ = false;
    escaped_ = false;
    for (;;) {
      VIBRATO_RETURN_IF_ERROR(cursor_.fill());
      const std::string_view text = cursor_.buffered();
      if (text.empty()) return Status(ErrorCode::kInvalidJson, "malformed JSON: the file ends inside the array");
      const std::size_t length = scan(text);
      if (element_.size() + length > kRowTextBytesMax) return row_too_long();
      element_.append(text.substr(0, length));
      if (length == text.size()) {
        cursor_.consume(length);
        continue;
      }
      const bool last = text[length] == ']';
      cursor_.consume(length + 1);
      return last ? end() : ok_status();
    }
  }

  // How many bytes of `text` belong to the element; text.size() if its end is not among them.
  std::size_t scan(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (in_string_) {
        if (escaped_) {
          escaped_ = false;
        } else if (c == '\\') {
          escaped_ = true;
        } else if (c == '"') {
          in_string_ = false;
        }
      } else if (c == '"') {
        in_string_ = true;
      } else if (c == '[' || c == '{') {
        ++depth_;
      } else if (depth_ == 0 && (c == ',' || c == ']')) {
        return i;
      } else if ((c == ']' || c == '}') && depth_ > 0) {
        --depth_;
      }
    }
    return text.size();
  }

  Status end() {
    ended_ = true;
    VIBRATO_RETURN_IF_ERROR(skip_spaces());
    if (cursor_.at_end()) return ok_status();
    return invalid_argument("there is text behind the array of rows (for one row a line use --format jsonl)");
  }

  FileCursor cursor_;
  JsonRowParser parser_;
  std::string element_;
  std::uint64_t element_offset_ = 0;
  std::uint64_t rows_ = 0;
  std::uint64_t depth_ = 0;  // Of brackets inside the element.
  bool in_string_ = false;
  bool escaped_ = false;
  bool began_ = false;
  bool ended_ = false;
};

}  // namespace

Result<bool> LineReader::next(std::string& line) {
  for (;;) {
    line.clear();
    bool ended = false;
    while (!ended) {
      VIBRATO_RETURN_IF_ERROR(cursor_.fill());
      const std::string_view text = cursor_.buffered();
      const std::size_t newline = text.find('\n');
      ended = newline != std::string_view::npos || text.empty();
      const std::size_t length = std::min(newline, text.size());
      if (line.size() + length > kRowTextBytesMax) {
        ++line_number_;
        return row_too_long();
      }
      line.append(text.substr(0, length));
      cursor_.consume(length + (newline != std::string_view::npos ? 1 : 0));
      if (text.empty() && line.empty()) return false;
    }
    ++line_number_;
    if (line.find_first_not_of(kSpaces) != std::string::npos) return true;
  }
}

Result<std::unique_ptr<RowSource>> open_json_array(io::FileSystem& fs, const std::string& path) {
  VIBRATO_ASSIGN_OR_RETURN(FileCursor cursor, FileCursor::open(fs, path));
  return std::unique_ptr<RowSource>(std::make_unique<JsonArray>(std::move(cursor)));
}

Result<std::unique_ptr<RowSource>> open_json_lines(io::FileSystem& fs, const std::string& path) {
  VIBRATO_ASSIGN_OR_RETURN(FileCursor cursor, FileCursor::open(fs, path));
  return std::unique_ptr<RowSource>(std::make_unique<JsonLines>(LineReader(std::move(cursor))));
}

Result<MetaLines> MetaLines::open(io::FileSystem& fs, const std::string& path) {
  VIBRATO_ASSIGN_OR_RETURN(FileCursor cursor, FileCursor::open(fs, path));
  return MetaLines(LineReader(std::move(cursor)));
}

Result<bool> MetaLines::next(std::string& meta_json) {
  Result<bool> found = lines_.next(line_);
  if (found.ok() && !*found) return false;
  Result<std::string> meta = found.ok() ? parser_.parse_meta(line_) : Result<std::string>(found.status());
  if (!meta.ok()) return meta.status().with_context("line " + std::to_string(lines_.line_number()));
  meta_json = std::move(*meta);
  return true;
}

}  // namespace vibrato::app
