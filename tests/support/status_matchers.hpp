// Assertions on Status and Result that print the message when they fail.
#pragma once

#include <gtest/gtest.h>
#include <vibrato/result.hpp>

namespace vibrato::test {

inline const Status& status_of(const Status& status) {
  return status;
}
template <typename T>
const Status& status_of(const Result<T>& result) {
  return result.status();
}

template <typename T>
::testing::AssertionResult is_ok(const T& outcome) {
  const Status& status = status_of(outcome);
  if (status.ok()) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure() << json_code(status.code()) << ": " << status.message();
}

template <typename T>
::testing::AssertionResult has_code(const T& outcome, ErrorCode code) {
  const Status& status = status_of(outcome);
  if (status.code() == code) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure() << "expected code " << static_cast<int>(code) << ", got "
                                       << static_cast<int>(status.code()) << ": " << status.message();
}

}  // namespace vibrato::test

#define ASSERT_OK(expression) ASSERT_TRUE(::vibrato::test::is_ok(expression))
#define EXPECT_OK(expression) EXPECT_TRUE(::vibrato::test::is_ok(expression))
#define EXPECT_CODE(expression, code) EXPECT_TRUE(::vibrato::test::has_code(expression, code))
