// Errors as values. Every fallible call of vibratod returns a Status or a Result<T>; exceptions of libraries are
// caught where they enter. The set of codes is closed: one table maps each to its HTTP status and JSON code.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace vibrato {

enum class ErrorCode : std::uint8_t {
  kOk,
  kInvalidArgument,
  kUnknownField,
  kInvalidJson,
  kDimMismatch,
  kInvalidFilter,
  kUnauthenticated,
  kForbidden,
  kNotFound,
  kMethodNotAllowed,
  kTimeout,
  kAlreadyExists,
  kRevisionMismatch,
  kConflict,
  kGone,
  kPayloadTooLarge,
  kUnsupportedMediaType,
  kOverloaded,
  kHeaderTooLarge,
  kInternal,
  kUnavailable,
  kDiskFull,
  kIoError,     // An operating-system call failed; answered as `internal`.
  kCorruption,  // Stored bytes are not what was written; the message names file and offset. Answered as `internal`.
};

// The JSON code ("invalid_argument") and the HTTP status (400) of an error code. kOk is "ok" and 200.
[[nodiscard]] std::string_view json_code(ErrorCode code);
[[nodiscard]] int http_status(ErrorCode code);

// An outcome without a value. Thread-safety: a value type; share it as you would a string.
class [[nodiscard]] Status {
 public:
  Status() = default;
  // Requires: code != kOk.
  Status(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  [[nodiscard]] bool ok() const { return code_ == ErrorCode::kOk; }
  [[nodiscard]] ErrorCode code() const { return code_; }
  // Says what failed, where, and what to do about it. Empty when ok.
  [[nodiscard]] const std::string& message() const { return message_; }

  // The same error with "<prefix>: " in front of its message. An ok status stays ok.
  [[nodiscard]] Status with_context(std::string_view prefix) const;

 private:
  ErrorCode code_ = ErrorCode::kOk;
  std::string message_;
};

[[nodiscard]] inline Status ok_status() {
  return {};
}
[[nodiscard]] inline Status invalid_argument(std::string message) {
  return {ErrorCode::kInvalidArgument, std::move(message)};
}
[[nodiscard]] inline Status not_found(std::string message) {
  return {ErrorCode::kNotFound, std::move(message)};
}
[[nodiscard]] inline Status corruption(std::string message) {
  return {ErrorCode::kCorruption, std::move(message)};
}
[[nodiscard]] inline Status io_error(std::string message) {
  return {ErrorCode::kIoError, std::move(message)};
}
[[nodiscard]] inline Status unavailable(std::string message) {
  return {ErrorCode::kUnavailable, std::move(message)};
}

}  // namespace vibrato
