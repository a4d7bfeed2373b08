// Text as HTML. Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace vibrato::api {

// The text as it may stand between tags and in quoted attributes.
[[nodiscard]] std::string escape_html(std::string_view text);
// The same, with what stands between backquotes as code.
[[nodiscard]] std::string inline_html(std::string_view text);
// The same, with empty lines between paragraphs.
[[nodiscard]] std::string paragraphs_of(std::string_view text);
// The text as an id: letters and digits, a '-' for a run of others.
[[nodiscard]] std::string anchor_of(std::string_view text);

}  // namespace vibrato::api
