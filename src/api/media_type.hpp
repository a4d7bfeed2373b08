// The Content-Type header, as far as routes look at it.
#pragma once

#include <string_view>

namespace vibrato::api {

// True for `application/json` in any case, with any parameters but a charset other than UTF-8.
[[nodiscard]] bool is_json_media_type(std::string_view content_type);

}  // namespace vibrato::api
