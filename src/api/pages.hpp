// What a browser gets: the description of the routes as text, a page made from it, and a page that says how the
// database is. All of it is part of the binary, has no scripts, and loads nothing from elsewhere.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vibrato::api {

// docs/openapi.yaml, put into the binary by the build (src/CMakeLists.txt).
extern const std::string_view kOpenapiYaml;

// What everybody may know of a database.
struct PublicState {
  bool is_ready = false;
  std::vector<std::string> reasons = {};  // Why it is not ready, or what else there is to say.
  std::optional<double> progress = {};    // Of recovery, from 0 to 1.
  std::size_t collections = 0;            // Of vectors.
};

[[nodiscard]] std::string status_page(const PublicState& state);
// Made at its first use, then kept. Thread-safe.
[[nodiscard]] std::string_view reference_page();

}  // namespace vibrato::api
