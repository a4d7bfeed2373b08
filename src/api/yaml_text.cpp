#include "api/yaml_text.hpp"

#include <fmt/format.h>
#include <string>
#include <utility>
#include <vector>

namespace vibrato::api {
namespace {

constexpr int kDepthMax = 64;

struct Line {
  std::size_t number = 0;  // From 1.
  std::size_t indent = 0;
  std::string_view text;  // Behind the blanks; empty for a blank line.
};

std::vector<Line> split_lines(std::string_view text) {
  std::vector<Line> lines;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
    lines.push_back({number, indent, line.substr(indent)});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// One value on one line: a quoted or a plain text, or `{}` and `[]` of them.
class FlowReader {
 public:
  explicit FlowReader(std::string_view text) : text_(text) {}

  bool read(YamlValue& value) { return read_value(value, "", 0) && trim(text_).empty(); }

 private:
  // A plain text ends at one of `ends`.
  bool read_value(YamlValue& value, std::string_view ends, int depth) {
    text_ = trim(text_);
    if (depth == kDepthMax) return false;
    if (text_.starts_with('{')) return read_mapping(value, depth);
    if (text_.starts_with('[')) return read_sequence(value, depth);
    std::string scalar;
    if (!read_scalar(scalar, ends)) return false;
    value = std::move(scalar);
    return true;
  }

  bool read_scalar(std::string& scalar, std::string_view ends) {
    if (text_.starts_with('"') || text_.starts_with('\'')) return read_quoted(scalar);
    const std::size_t end = std::min(text_.find_first_of(ends), text_.size());
    scalar = trim(text_.substr(0, end));
    text_.remove_prefix(end);
    return true;
  }

  bool read_quoted(std::string& scalar) {
    const char quote = text_.front();
    for (std::size_t i = 1; i < text_.size(); ++i) {
      if (text_[i] == '\\' && quote == '"' && i + 1 < text_.size()) {
        scalar += text_[++i];
      } else if (text_[i] == quote) {
        text_.remove_prefix(i + 1);
        return true;
      } else {
        scalar += text_[i];
      }
    }
    return false;
  }

  bool read_mapping(YamlValue& value, int depth) {
    value = YamlValue::object();
    text_ = trim(text_.substr(1));
    while (!text_.starts_with('}')) {
      std::string name;
      if (!read_scalar(name, ":,}") || !skip(':')) return false;
      if (!read_value(value[name], ",}", depth + 1)) return false;
      if (!skip(',') && !text_.starts_with('}')) return false;
    }
    text_.remove_prefix(1);
    return true;
  }

  bool read_sequence(YamlValue& value, int depth) {
    value = YamlValue::array();
    text_ = trim(text_.substr(1));
    while (!text_.starts_with(']')) {
      value.push_back(nullptr);
      if (!read_value(value.back(), ",]", depth + 1)) return false;
      if (!skip(',') && !text_.starts_with(']')) return false;
    }
    text_.remove_prefix(1);
    return true;
  }

  bool skip(char c) {
    text_ = trim(text_);
    if (!text_.starts_with(c)) return false;
    text_ = trim(text_.substr(1));
    return true;
  }

  std::string_view text_;
};

// Blocks, by their indentation.
class BlockReader {
 public:
  explicit BlockReader(std::string_view text) : lines_(split_lines(text)) {}

  Result<YamlValue> read() {
    YamlValue value;
    VIBRATO_RETURN_IF_ERROR(read_block(value, 0, 0));
    skip_blank_lines();
    return at_ == lines_.size() ? Result<YamlValue>(std::move(value)) : Result<YamlValue>(fault());
  }

 private:
  [[nodiscard]] Status fault() const {
    return invalid_argument(
        fmt::format("line {}: this is not understood", at_ < lines_.size() ? lines_[at_].number : 0));
  }

  void skip_blank_lines() {
    while (at_ < lines_.size() && lines_[at_].text.empty()) ++at_;
  }
  // Whether a line of the block at `indent` comes next.
  bool has_line(std::size_t indent) {
    skip_blank_lines();
    return at_ < lines_.size() && lines_[at_].indent == indent;
  }

  // The block whose lines are indented so.
  Status read_block(YamlValue& value, std::size_t indent, int depth) {
    if (depth == kDepthMax || !has_line(indent)) return fault();
    const bool is_sequence = lines_[at_].text.starts_with("- ");
    value = is_sequence ? YamlValue::array() : YamlValue::object();
    while (has_line(indent)) {
      if (is_sequence != lines_[at_].text.starts_with("- ")) return fault();
      VIBRATO_RETURN_IF_ERROR(is_sequence ? read_item(value, indent, depth) : read_member(value, indent, depth));
    }
    return ok_status();
  }

  // "- {...}", or "- name: value" with the mapping's other members below it.
  Status read_item(YamlValue& sequence, std::size_t indent, int depth) {
    Line& line = lines_[at_];
    line.text.remove_prefix(2);
    line.indent += 2;
    sequence.push_back(nullptr);
    const bool is_flow = line.text.starts_with('{') || line.text.starts_with('[') || line.text.starts_with('"');
    if (!is_flow && line.text.find(": ") != std::string_view::npos) {
      return read_block(sequence.back(), indent + 2, depth + 1);
    }
    if (!FlowReader(line.text).read(sequence.back())) return fault();
    ++at_;
    return ok_status();
  }

  Status read_member(YamlValue& mapping, std::size_t indent, int depth) {
    const std::string_view text = lines_[at_].text;
    const bool is_quoted = text.starts_with('"') || text.starts_with('\'');
    const std::size_t from = is_quoted ? text.find(text.front(), 1) : 0;
    const std::size_t colon = from == std::string_view::npos ? from : text.find(':', from);
    if (colon == std::string_view::npos || (colon + 1 < text.size() && text[colon + 1] != ' ')) return fault();
    std::string name(text.substr(0, colon));
    if (is_quoted) name = name.substr(1, name.size() - 2);
    const std::string_view rest = trim(text.substr(colon + 1));
    YamlValue& value = mapping[name];
    if (rest.empty()) {
      ++at_;
      skip_blank_lines();
      return at_ < lines_.size() && lines_[at_].indent > indent ? read_block(value, lines_[at_].indent, depth + 1)
                                                                : fault();
    }
    if (rest == "|") {
      ++at_;
      value = read_text(indent);
      return ok_status();
    }
    if (name == "example") {
      value = std::string(rest);
    } else if (!FlowReader(rest).read(value)) {
      return fault();
    }
    ++at_;
    return ok_status();
  }

  // The lines that are indented deeper, without that indentation.
  std::string read_text(std::size_t indent) {
    std::string text;
    std::size_t margin = 0;
    for (; at_ < lines_.size() && (lines_[at_].text.empty() || lines_[at_].indent > indent); ++at_) {
      const Line& line = lines_[at_];
      if (margin == 0) margin = line.indent;
      if (!line.text.empty()) text += std::string(line.indent - std::min(margin, line.indent), ' ');
      text.append(line.text) += '\n';
    }
    while (text.ends_with("\n\n")) text.pop_back();
    return text;
  }

  std::vector<Line> lines_;
  std::size_t at_ = 0;
};

}  // namespace

Result<YamlValue> parse_yaml(std::string_view text) {
  return BlockReader(text).read();
}

}  // namespace vibrato::api
