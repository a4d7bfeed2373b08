// Text that ids and keys may be made of, and the ASCII in headers. Pure; anyone may call it.
#pragma once

#include <string_view>

namespace vibrato {

// Whether `text` is UTF-8 (Unicode 15, table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF).
[[nodiscard]] bool is_utf8(std::string_view text);

// Whether UTF-8 `text` has a control character: U+0000 to U+001F, U+007F to U+009F.
[[nodiscard]] bool has_control_characters(std::string_view text);

// A capital of ASCII as its small letter, any other byte as it is: no locale has a say.
[[nodiscard]] constexpr char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// `text` without the blanks and tabs before and behind it.
[[nodiscard]] std::string_view without_blanks(std::string_view text);

}  // namespace vibrato
