// The memory of counted values, at its edge.
#include "filter/facet.hpp"

#include <gtest/gtest.h>
#include <string>

#include "support/status_matchers.hpp"

namespace vibrato::filter {
namespace {

TEST(FacetCounts, add_up_in_the_order_of_values) {
  FacetCounts counts;
  for (const Scalar& value : {Scalar(std::string("b")), Scalar(true), Scalar(Number::from_signed(3)),
                              Scalar(std::string("a")), Scalar(true)}) {
    ASSERT_OK(counts.add(value, 2));
  }
  ASSERT_EQ(counts.size(), 4U);
  EXPECT_EQ(counts.begin()->first, Scalar(true));
  EXPECT_EQ(counts.begin()->second, 4U);
  EXPECT_EQ(std::prev(counts.end())->first, Scalar(std::string("b")));
}

TEST(FacetCounts, hold_as_many_values_as_fit_and_no_more) {
  const Scalar number = Number::from_signed(7);
  const Scalar text = std::string(300, 'x');
  EXPECT_GT(FacetCounts::bytes_of(text), FacetCounts::bytes_of(number) + 299);
  const std::size_t both = FacetCounts::bytes_of(number) + FacetCounts::bytes_of(text);
  for (const std::size_t bytes_max : {both - 1, both, both + 1}) {
    FacetCounts counts(bytes_max);
    ASSERT_OK(counts.add(number, 1));
    const Status second = counts.add(text, 1);
    EXPECT_EQ(second.ok(), bytes_max >= both) << bytes_max;
    if (second.ok()) {
      EXPECT_CODE(counts.add(false, 1), ErrorCode::kPayloadTooLarge);
    } else {
      EXPECT_EQ(second.code(), ErrorCode::kPayloadTooLarge);
      EXPECT_NE(second.message().find("give a filter"), std::string::npos) << second.message();
      EXPECT_EQ(counts.size(), 1U);
    }
    EXPECT_OK(counts.add(number, 1)) << "it is counted already";
  }
}

}  // namespace
}  // namespace vibrato::filter
