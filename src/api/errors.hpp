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

// What is unavailable will be there again within seconds, or only once an operator has acted.
enum class Outage : std::uint8_t { kBrief, kLasting };

// Makes `reply` the answer for `status`: its HTTP status, the envelope of `style`, and Retry-After where the client
// should come again soon (429, and 503 but for a lasting outage). Keeps headers, error_code and error_details that the
// handler has set. Requires: !status.ok().
void write_error(const Status& status, ErrorStyle style, std::string_view request_id, Reply& reply,
                 Outage outage = Outage::kBrief);

}  // namespace vibrato::api
