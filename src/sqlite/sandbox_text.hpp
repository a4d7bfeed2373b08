// Where a statement begins and ends in the text of a client. Pure. Used by the sandbox.
#pragma once

#include <string_view>

namespace vibrato::sqlite {

// `text` without the blanks, comments and semicolons that it begins with. A comment that never ends is one to the end.
[[nodiscard]] std::string_view skip_blanks(std::string_view text);
// Whether the first word of `text` is `word`, which has small letters.
[[nodiscard]] bool begins_with_word(std::string_view text, std::string_view word);

}  // namespace vibrato::sqlite
