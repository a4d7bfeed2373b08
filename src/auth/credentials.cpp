#include "auth/credentials.hpp"

#include <algorithm>
#include <cstddef>

#include "base/plain_text.hpp"

namespace vibrato::auth {
namespace {

constexpr std::string_view kBearer = "bearer";

// As far as the first blank.
std::string_view first_word(std::string_view text) {
  return {text.begin(), std::find_if(text.begin(), text.end(), [](char c) { return c == ' ' || c == '\t'; })};
}

// ASCII only: no locale has a say in what a scheme is.
bool is_bearer(std::string_view scheme) {
  const auto same = [](char a, char b) { return b == (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a); };
  return scheme.size() == kBearer.size() && std::equal(scheme.begin(), scheme.end(), kBearer.begin(), same);
}

std::optional<std::string_view> one_word(std::string_view text) {
  text = without_blanks(text);
  if (text.empty() || first_word(text).size() != text.size()) {
    return std::nullopt;
  }
  return text;
}

}  // namespace

std::optional<std::string_view> presented_token(const Credentials& credentials) {
  if (!credentials.authorization) {
    return one_word(credentials.api_key.value_or(""));
  }
  const std::string_view value = without_blanks(*credentials.authorization);
  const std::string_view scheme = first_word(value);
  return is_bearer(scheme) ? one_word(value.substr(scheme.size())) : std::nullopt;
}

}  // namespace vibrato::auth
