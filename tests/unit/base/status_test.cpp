// Status and Result: the table of codes is complete and matches the API, and errors carry their context.
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vibrato/result.hpp>
#include <vibrato/status.hpp>

#include "support/status_matchers.hpp"

namespace vibrato {
namespace {

TEST(Status, every_code_has_the_json_code_and_http_status_of_the_api) {
  struct Row {
    ErrorCode code;
    std::string_view json;
    int http;
  };
  const Row rows[] = {
      {ErrorCode::kOk, "ok", 200},
      {ErrorCode::kInvalidArgument, "invalid_argument", 400},
      {ErrorCode::kUnknownField, "unknown_field", 400},
      {ErrorCode::kInvalidJson, "invalid_json", 400},
      {ErrorCode::kDimMismatch, "dim_mismatch", 400},
      {ErrorCode::kInvalidFilter, "invalid_filter", 400},
      {ErrorCode::kUnauthenticated, "unauthenticated", 401},
      {ErrorCode::kForbidden, "forbidden", 403},
      {ErrorCode::kNotFound, "not_found", 404},
      {ErrorCode::kMethodNotAllowed, "method_not_allowed", 405},
      {ErrorCode::kTimeout, "timeout", 408},
      {ErrorCode::kAlreadyExists, "already_exists", 409},
      {ErrorCode::kRevisionMismatch, "revision_mismatch", 409},
      {ErrorCode::kConflict, "conflict", 409},
      {ErrorCode::kGone, "gone", 410},
      {ErrorCode::kPayloadTooLarge, "payload_too_large", 413},
      {ErrorCode::kUnsupportedMediaType, "unsupported_media_type", 415},
      {ErrorCode::kOverloaded, "overloaded", 429},
      {ErrorCode::kHeaderTooLarge, "header_too_large", 431},
      {ErrorCode::kInternal, "internal", 500},
      {ErrorCode::kUnavailable, "unavailable", 503},
      {ErrorCode::kDiskFull, "disk_full", 507},
      {ErrorCode::kIoError, "internal", 500},
      {ErrorCode::kCorruption, "internal", 500},
  };
  EXPECT_EQ(std::size(rows), static_cast<std::size_t>(ErrorCode::kCorruption) + 1);
  for (const Row& row : rows) {
    EXPECT_EQ(json_code(row.code), row.json);
    EXPECT_EQ(http_status(row.code), row.http) << row.json;
  }
}

TEST(Status, context_goes_in_front_of_the_message_and_leaves_ok_alone) {
  const Status failed = corruption("bad magic").with_context("a.vdb");
  EXPECT_EQ(failed.message(), "a.vdb: bad magic");
  EXPECT_EQ(failed.code(), ErrorCode::kCorruption);
  EXPECT_TRUE(ok_status().with_context("a.vdb").ok());
  EXPECT_EQ(ok_status().with_context("a.vdb").message(), "");
}

Result<int> half(int number) {
  if (number % 2 != 0) {
    return invalid_argument("odd");
  }
  return number / 2;
}

Result<int> quarter(int number) {
  VIBRATO_ASSIGN_OR_RETURN(const int once, half(number));
  VIBRATO_ASSIGN_OR_RETURN(const int twice, half(once));
  return twice;
}

Status check_divides(int number) {
  VIBRATO_RETURN_IF_ERROR(quarter(number).status());
  return ok_status();
}

TEST(Result, holds_a_value_or_the_reason_why_not) {
  EXPECT_EQ(quarter(12).value(), 3);
  EXPECT_CODE(quarter(6), ErrorCode::kInvalidArgument);
  EXPECT_OK(check_divides(8));
  EXPECT_CODE(check_divides(9), ErrorCode::kInvalidArgument);
}

TEST(Result, moves_what_can_only_be_moved) {
  Result<std::unique_ptr<std::string>> result(std::make_unique<std::string>("segment"));
  const std::unique_ptr<std::string> taken = std::move(result).value();
  EXPECT_EQ(*taken, "segment");
}

TEST(ResultDeathTest, taking_the_value_of_an_error_or_an_error_from_ok_is_a_broken_invariant) {
  EXPECT_DEATH((void)half(1).value(), "broken invariant");
  EXPECT_DEATH((void)Result<int>(ok_status()), "broken invariant");
}

}  // namespace
}  // namespace vibrato
