// The error envelopes: one JSON shape a surface, for every failure without exception.
#pragma once

#include <cstdint>
#include <string_view>
#include <vibrato/status.hpp>

#include "api/reply.hpp"
#include "api/request.hpp"

namespace vibrato::api {

enum class ErrorStyle : std::uint8_t {
  kNative,  // {"error": code, "message": text, "details"?: {}, "request_id": id}
  kV2,      // {"code": code, "message": text, "details"?: {}, "request_id": id}; some codes are older names
  kServe,   // {"error": text, "code": code, "request_id": id}
};

// Makes `reply` the answer for `status`: its HTTP status, the envelope of `style`, and Retry-After where the client
// should come again (429, 503). Keeps headers, error_code and error_details that the handler has set.
// Requires: !status.ok().
void write_error(const Status& status, ErrorStyle style, std::string_view request_id, Reply& reply);

}  // namespace vibrato::api
