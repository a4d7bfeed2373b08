#include "app/row_source.hpp"

#include <array>
#include <utility>

#include "app/binary_rows.hpp"
#include "app/file_cursor.hpp"
#include "app/json_rows.hpp"

namespace vibrato::app {
namespace {

constexpr std::array<std::pair<std::string_view, InputFormat>, 6> kEndings = {{
    {".json", InputFormat::kJson},
    {".jsonl", InputFormat::kJsonLines},
    {".ndjson", InputFormat::kJsonLines},
    {".npy", InputFormat::kNpy},
    {".fvecs", InputFormat::kFvecs},
    {".bvecs", InputFormat::kBvecs},
}};

std::optional<InputFormat> format_of_content(std::string_view content) {
  if (content.starts_with("\x93NUMPY")) return InputFormat::kNpy;
  constexpr std::string_view kSpaces = " \t\r\n";
  const std::size_t first = content.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return std::nullopt;
  if (content[first] == '{') return InputFormat::kJsonLines;
  if (content[first] != '[') return std::nullopt;
  // A list of rows begins with another bracket; a line of JSON Lines that is a bare vector with a number.
  const std::size_t second = content.find_first_not_of(kSpaces, first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const bool is_list = content[second] == '[' || content[second] == '{' || content[second] == ']';
  return is_list ? InputFormat::kJson : InputFormat::kJsonLines;
}

}  // namespace

std::optional<InputFormat> parse_input_format(std::string_view name) {
  for (const auto& [ending, format] : kEndings) {
    if (ending.substr(1) == name) return format;
  }
  return std::nullopt;
}

Result<InputFormat> detect_input_format(io::FileSystem& fs, const std::string& path) {
  for (const auto& [ending, format] : kEndings) {
    if (path.ends_with(ending)) return format;
  }
  if (path.ends_with(".gz")) return invalid_argument(path + ": compressed input is not supported; unpack it first");
  if (path.ends_with(".ivecs")) return invalid_argument(path + ": an .ivecs file holds integers, not vectors");
  VIBRATO_ASSIGN_OR_RETURN(FileCursor cursor, FileCursor::open(fs, path));
  VIBRATO_RETURN_IF_ERROR(cursor.fill());
  if (const std::optional<InputFormat> format = format_of_content(cursor.buffered())) return *format;
  return invalid_argument(path + ": cannot tell the format from its name or its first bytes; name it with --format");
}

Result<std::unique_ptr<RowSource>> open_row_source(io::FileSystem& fs, const std::string& path, InputFormat format) {
  switch (format) {
    case InputFormat::kJson:
      return open_json_array(fs, path);
    case InputFormat::kJsonLines:
      return open_json_lines(fs, path);
    case InputFormat::kNpy:
      return open_npy(fs, path);
    case InputFormat::kFvecs:
      return open_vecs(fs, path, format::VecsKind::kFvecs);
    case InputFormat::kBvecs:
      return open_vecs(fs, path, format::VecsKind::kBvecs);
  }
  return invalid_argument(path + ": unknown format");
}

}  // namespace vibrato::app
