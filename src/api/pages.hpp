// What a browser gets: the description of the routes as text, a page that shows it, and a page that shows how the
// database is. All of it is part of the binary and loads nothing from elsewhere.
#pragma once

#include <string_view>

namespace vibrato::api {

// docs/openapi.yaml, put into the binary by the build (src/CMakeLists.txt).
extern const std::string_view kOpenapiYaml;

[[nodiscard]] std::string_view status_page();
[[nodiscard]] std::string_view reference_page();

}  // namespace vibrato::api
