#include "api/minus_zero.hpp"

#include <cstddef>
#include <utility>

#include "api/request.hpp"

namespace vibrato::api {
namespace {

constexpr std::string_view kMinusZero = "-0";

// What may follow a number in an array or an object: a comma, a bracket, white space.
constexpr bool ends_number(char c) {
  return (c == ',') | (c == ']') | (c == '}') | (static_cast<unsigned char>(c) <= ' ');
}

// Whether "-0" stands anywhere in front of a byte that may follow. Without a branch, so that the compiler looks at many
// bytes at a time.
template <typename MayFollow>
bool has_minus_zero(std::string_view json, const MayFollow& may_follow) {
  const char* const at = json.data();
  const std::size_t count = json.size() < 3 ? 0 : json.size() - 2;
  unsigned char found = 0;
  for (std::size_t i = 0; i < count; ++i) {
    found |= static_cast<unsigned char>((at[i] == '-') & (at[i + 1] == '0') & may_follow(at[i + 2]));
  }
  return found != 0;
}

// All bodies come this way, and vectors are full of "-0.": the first look lets most of them pass. Strings may hold the
// same bytes.
bool may_have_minus_zero(std::string_view json) {
  return has_minus_zero(json, [](char c) { return c != '.'; }) && has_minus_zero(json, ends_number);
}

// Behind the string that begins at `start`.
std::size_t behind_string(std::string_view json, std::size_t start) {
  std::size_t at = start + 1;
  while (at < json.size() && json[at] != '"') {
    at += json[at] == '\\' ? 2 : 1;
  }
  return at + 1;
}

bool is_minus_zero(std::string_view json, std::size_t at) {
  const bool in_exponent = at > 0 && (json[at - 1] == 'e' || json[at - 1] == 'E');
  return !in_exponent && json.substr(at).starts_with(kMinusZero) && at + 2 < json.size() && ends_number(json[at + 2]);
}

}  // namespace

std::optional<PaddedText> with_minus_zeros_as_fractions(std::string_view json) {
  if (!may_have_minus_zero(json)) {
    return std::nullopt;
  }
  std::string out;
  std::size_t copied = 0;
  for (std::size_t at = 0; at < json.size();) {
    if (json[at] == '"') {
      at = behind_string(json, at);
    } else if (is_minus_zero(json, at)) {
      at += kMinusZero.size();
      out.append(json.substr(copied, at - copied)).append(".0");
      copied = at;
    } else {
      ++at;
    }
  }
  if (copied == 0) {
    return std::nullopt;
  }
  out.append(json.substr(copied));
  const std::size_t size = out.size();
  out.append(kBodyPadding, ' ');
  return PaddedText{std::move(out), size};
}

}  // namespace vibrato::api
