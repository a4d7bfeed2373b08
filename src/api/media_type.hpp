// The Content-Type header, as far as routes look at it.
#pragma once

#include <string_view>
#include <vibrato/status.hpp>

#include "api/request.hpp"

namespace vibrato::api {

// A JSON value a line.
inline constexpr std::string_view kNdjson = "application/x-ndjson";

// True for `application/json` in any case, with any parameters but a charset other than UTF-8.
[[nodiscard]] bool is_json_media_type(std::string_view content_type);

// The same for another type, in lower case.
[[nodiscard]] bool is_media_type(std::string_view content_type, std::string_view wanted);

// Errors: kUnsupportedMediaType.
[[nodiscard]] Status check_json_media_type(const Request& request);

}  // namespace vibrato::api
