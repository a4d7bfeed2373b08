#include "api/errors.hpp"

#include <algorithm>
#include <vibrato/check.hpp>

#include "api/json_writer.hpp"

namespace vibrato::api {
namespace {

constexpr std::string_view kRetryAfterSeconds = "1";

bool has_header(const Reply& reply, std::string_view name) {
  return std::any_of(reply.headers.begin(), reply.headers.end(),
                     [&](const auto& header) { return equals_ignoring_case(header.first, name); });
}

// What clients of /v2 know some failures by.
std::string_view v2_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kDimMismatch:
    case ErrorCode::kInvalidFilter:
      return "bad_request";
    case ErrorCode::kOverloaded:
      return "resource_exhausted";
    default:
      return json_code(code);
  }
}

std::string_view error_code(ErrorCode code, ErrorStyle style, const Reply& reply) {
  if (!reply.error_code.empty()) {
    return reply.error_code;
  }
  return style == ErrorStyle::kV2 ? v2_code(code) : json_code(code);
}

}  // namespace

void write_error(const Status& status, ErrorStyle style, std::string_view request_id, Reply& reply, Outage outage) {
  VIBRATO_CHECK(!status.ok());
  reply.status = http_status(status.code());
  reply.content_type = Reply::kJson;
  reply.body.clear();
  const std::string_view code = error_code(status.code(), style, reply);
  JsonWriter json(reply.body);
  json.begin_object();
  switch (style) {
    case ErrorStyle::kNative:
      json.key("error");
      json.string(code);
      json.key("message");
      json.string(status.message());
      break;
    case ErrorStyle::kV2:
      json.key("code");
      json.string(code);
      json.key("message");
      json.string(status.message());
      break;
    case ErrorStyle::kServe:
      json.key("error");
      json.string(status.message());
      json.key("code");
      json.string(code);
      break;
  }
  if (!reply.error_details.empty() && style != ErrorStyle::kServe) {
    json.key("details");
    json.raw(reply.error_details);
  }
  json.key("request_id");
  json.string(request_id);
  json.end_object();

  const bool come_again =
      status.code() == ErrorCode::kOverloaded || (status.code() == ErrorCode::kUnavailable && outage == Outage::kBrief);
  if (come_again && !has_header(reply, "Retry-After")) {
    reply.headers.emplace_back("Retry-After", kRetryAfterSeconds);
  }
}

}  // namespace vibrato::api
