#include "vector/check_vector.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "support/status_matchers.hpp"

namespace vibrato::vector {
namespace {

TEST(CheckVector, wants_the_dimension_of_the_file) {
  EXPECT_OK(check_vector(std::vector<float>{1, 2}, 2, Metric::kDot));
  EXPECT_CODE(check_vector(std::vector<float>{1}, 2, Metric::kDot), ErrorCode::kDimMismatch);
  EXPECT_CODE(check_vector(std::vector<float>{}, 2, Metric::kDot), ErrorCode::kDimMismatch);
}

TEST(CheckVector, refuses_numbers_that_are_not_finite_by_position) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const Status status = check_vector(std::vector<float>{1, bad, 3}, 3, Metric::kL2);
    EXPECT_CODE(status, ErrorCode::kInvalidArgument);
    EXPECT_NE(status.message().find("value 1"), std::string::npos);
  }
}

TEST(CheckVector, refuses_vectors_too_long_for_their_squares) {
  EXPECT_OK(check_vector(std::vector<float>{9e14F}, 1, Metric::kL2));
  EXPECT_CODE(check_vector(std::vector<float>{2e15F}, 1, Metric::kL2), ErrorCode::kInvalidArgument);
  EXPECT_CODE(check_vector(std::vector<float>{3e38F}, 1, Metric::kL2), ErrorCode::kInvalidArgument);
}

TEST(CheckVector, refuses_zero_under_cosine_only) {
  for (const float small : {0.0F, -0.0F, 1e-30F}) {
    EXPECT_CODE(check_vector(std::vector<float>{small, 0}, 2, Metric::kCosine), ErrorCode::kInvalidArgument);
    EXPECT_OK(check_vector(std::vector<float>{small, 0}, 2, Metric::kDot));
    EXPECT_OK(check_vector(std::vector<float>{small, 0}, 2, Metric::kL2));
  }
  EXPECT_OK(check_vector(std::vector<float>{1e-15F, 0}, 2, Metric::kCosine));
}

}  // namespace
}  // namespace vibrato::vector
