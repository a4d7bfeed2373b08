#include "sqlite/sandbox_text.hpp"

#include <algorithm>

#include "base/plain_text.hpp"

namespace vibrato::sqlite {
namespace {

std::string_view after(std::string_view text, std::string_view end, std::size_t from) {
  const std::size_t at = text.find(end, from);
  return at == std::string_view::npos ? std::string_view() : text.substr(at + end.size());
}

}  // namespace

std::string_view skip_blanks(std::string_view text) {
  for (;;) {
    const std::size_t begin = text.find_first_not_of(" \t\n\f\r;");
    if (begin == std::string_view::npos) {
      return {};
    }
    text.remove_prefix(begin);
    if (text.starts_with("--")) {
      text = after(text, "\n", 2);
    } else if (text.starts_with("/*")) {
      text = after(text, "*/", 2);
    } else {
      return text;
    }
  }
}

bool begins_with_word(std::string_view text, std::string_view word) {
  const auto is_of_word = [](char c) {
    const char small = ascii_lower(c);
    return (small >= 'a' && small <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '$' || c < 0;
  };
  return text.size() > word.size() && std::ranges::equal(text.substr(0, word.size()), word, {}, ascii_lower) &&
         !is_of_word(text[word.size()]);
}

}  // namespace vibrato::sqlite
