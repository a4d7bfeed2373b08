// Rules for request headers that hold on every route. Pure; for the route table.
#pragma once

#include <vibrato/status.hpp>

#include "api/request.hpp"

namespace vibrato::api {

// A header that decides what a request may do, or what it means, comes at most once: of two, another reader of the
// same request may take the other one. Errors: kInvalidArgument naming the header.
[[nodiscard]] Status check_headers_come_once(const Request& request);

// Bodies are read as they are: none is unpacked. Errors: kUnsupportedMediaType for a Content-Encoding but `identity`.
[[nodiscard]] Status check_content_encoding(const Request& request);

}  // namespace vibrato::api
