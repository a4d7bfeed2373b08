// The reference page: the description of the routes as HTML of one piece, without scripts and without anything from
// elsewhere, so that a browser's own search finds all of it.
#pragma once

#include <string>
#include <string_view>
#include <vibrato/result.hpp>

namespace vibrato::api {

// Errors: those of parse_yaml().
[[nodiscard]] Result<std::string> render_reference(std::string_view openapi_yaml);

}  // namespace vibrato::api
