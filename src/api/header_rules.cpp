#include "api/header_rules.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace vibrato::api {
namespace {

constexpr std::array<std::string_view, 6> kSingleHeaders = {"Authorization", "x-api-key",        "Idempotency-Key",
                                                            "Content-Type",  "Content-Encoding", "If-Match"};

}  // namespace

Status check_headers_come_once(const Request& request) {
  for (const std::string_view name : kSingleHeaders) {
    const auto count = std::ranges::count_if(
        request.headers, [&](const HeaderField& field) { return equals_ignoring_case(field.name, name); });
    if (count > 1) {
      return invalid_argument("the header " + std::string(name) + " comes more than once; give it once");
    }
  }
  return ok_status();
}

Status check_content_encoding(const Request& request) {
  const auto encoding = request.header("Content-Encoding");
  if (!encoding.has_value() || encoding->empty() || equals_ignoring_case(*encoding, "identity")) {
    return ok_status();
  }
  return {ErrorCode::kUnsupportedMediaType,
          "Content-Encoding: " + std::string(*encoding) + " is not taken; send the body as it is, without this header"};
}

}  // namespace vibrato::api
