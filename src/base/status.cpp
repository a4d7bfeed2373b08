#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vibrato/check.hpp>
#include <vibrato/status.hpp>

namespace vibrato {
namespace {

struct CodeRow {
  ErrorCode code;
  std::string_view json;
  int http;
};

constexpr std::array kCodes = {
    CodeRow{ErrorCode::kOk, "ok", 200},
    CodeRow{ErrorCode::kInvalidArgument, "invalid_argument", 400},
    CodeRow{ErrorCode::kUnknownField, "unknown_field", 400},
    CodeRow{ErrorCode::kInvalidJson, "invalid_json", 400},
    CodeRow{ErrorCode::kDimMismatch, "dim_mismatch", 400},
    CodeRow{ErrorCode::kInvalidFilter, "invalid_filter", 400},
    CodeRow{ErrorCode::kUnauthenticated, "unauthenticated", 401},
    CodeRow{ErrorCode::kForbidden, "forbidden", 403},
    CodeRow{ErrorCode::kNotFound, "not_found", 404},
    CodeRow{ErrorCode::kMethodNotAllowed, "method_not_allowed", 405},
    CodeRow{ErrorCode::kTimeout, "timeout", 408},
    CodeRow{ErrorCode::kAlreadyExists, "already_exists", 409},
    CodeRow{ErrorCode::kRevisionMismatch, "revision_mismatch", 409},
    CodeRow{ErrorCode::kConflict, "conflict", 409},
    CodeRow{ErrorCode::kGone, "gone", 410},
    CodeRow{ErrorCode::kPayloadTooLarge, "payload_too_large", 413},
    CodeRow{ErrorCode::kUnsupportedMediaType, "unsupported_media_type", 415},
    CodeRow{ErrorCode::kOverloaded, "overloaded", 429},
    CodeRow{ErrorCode::kHeaderTooLarge, "header_too_large", 431},
    CodeRow{ErrorCode::kInternal, "internal", 500},
    CodeRow{ErrorCode::kUnavailable, "unavailable", 503},
    CodeRow{ErrorCode::kDiskFull, "disk_full", 507},
    CodeRow{ErrorCode::kIoError, "internal", 500},
    CodeRow{ErrorCode::kCorruption, "internal", 500},
};

const CodeRow& row_of(ErrorCode code) {
  const auto index = static_cast<std::size_t>(code);
  VIBRATO_CHECK(index < kCodes.size() && kCodes[index].code == code);
  return kCodes[index];
}

}  // namespace

std::string_view json_code(ErrorCode code) {
  return row_of(code).json;
}

int http_status(ErrorCode code) {
  return row_of(code).http;
}

Status Status::with_context(std::string_view prefix) const {
  if (ok()) {
    return *this;
  }
  return {code_, std::string(prefix) + ": " + message_};
}

namespace detail {

void check_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, expression);
  std::abort();
}

}  // namespace detail
}  // namespace vibrato
