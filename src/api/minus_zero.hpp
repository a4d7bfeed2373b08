// The number -0. The parser takes it for the whole number 0 and forgets its sign, and so would readers of ids and of
// counts, for which it is no number that they take. Written as a fraction it stays what it is, to everybody.
// For api/json_body.cpp only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vibrato::api {

// The text with -0.0 for every number -0, and kBodyPadding bytes behind it; nothing if there is none, which is found
// out at many bytes a nanosecond. Requires: `json` is JSON, but for numbers that are none.
struct PaddedText {
  std::string padded;
  std::size_t size = 0;
  [[nodiscard]] std::string_view text() const { return std::string_view(padded).substr(0, size); }
};
[[nodiscard]] std::optional<PaddedText> with_minus_zeros_as_fractions(std::string_view json);

}  // namespace vibrato::api
