#include "filter/time.hpp"

#include <gtest/gtest.h>

namespace vibrato::filter {
namespace {

TEST(Time, reads_the_examples_of_rfc_3339) {
  EXPECT_EQ(parse_time("1985-04-12T23:20:50.52Z"), (Time{482'196'050, 520'000'000}));
  EXPECT_EQ(parse_time("1996-12-19T16:39:57-08:00"), (Time{851'042'397, 0}));
  EXPECT_EQ(parse_time("1990-12-31T23:59:60Z"), (Time{662'688'000, 0}));
  EXPECT_EQ(parse_time("1990-12-31T15:59:60-08:00"), (Time{662'688'000, 0}));
  EXPECT_EQ(parse_time("1937-01-01T12:00:27.87+00:20"), (Time{-1'041'337'173, 870'000'000}));
}

TEST(Time, is_the_same_moment_in_every_notation) {
  const auto moment = parse_time("2026-11-21T07:30:00Z");
  ASSERT_TRUE(moment);
  for (const auto* text : {"2026-11-21t07:30:00z", "2026-11-21 07:30:00Z", "2026-11-21T07:30:00.000Z",
                           "2026-11-21T08:30:00+01:00", "2026-11-20T23:30:00-08:00", "2026-11-21T07:30:00-00:00"}) {
    EXPECT_EQ(parse_time(text), moment) << text;
  }
}

TEST(Time, orders_moments_around_the_epoch_and_by_fractions) {
  EXPECT_EQ(parse_time("1970-01-01T00:00:00Z"), Time());
  EXPECT_LT(parse_time("1969-12-31T23:59:59.9Z"), parse_time("1970-01-01T00:00:00Z"));
  EXPECT_LT(parse_time("2026-01-01T00:00:00.000000001Z"), parse_time("2026-01-01T00:00:00.000000002Z"));
  EXPECT_EQ(parse_time("2026-01-01T00:00:00.0000000019Z"), parse_time("2026-01-01T00:00:00.000000001Z"));
  EXPECT_LT(parse_time("0000-01-01T00:00:00Z"), parse_time("9999-12-31T23:59:59Z"));
}

TEST(Time, refuses_what_is_no_time) {
  for (const auto* text : {"",
                           "2026",
                           "2026-11-21",
                           "2026-11-21T07:30Z",
                           "2026-11-21T07:30:00",
                           "2026-11-21T07:30:00+0100",
                           "2026-11-21T24:00:00Z",
                           "2026-11-21T07:60:00Z",
                           "2026-11-21T07:30:61Z",
                           "2026-13-01T00:00:00Z",
                           "2026-00-01T00:00:00Z",
                           "2026-02-29T00:00:00Z",
                           "2026-04-31T00:00:00Z",
                           "2026-11-21T07:30:00.Z",
                           "2026-11-21T07:30:00Zx",
                           " 2026-11-21T07:30:00Z",
                           "2026-11-21_07:30:00Z",
                           "2026-11-21T07:30:00+24:00",
                           "26-11-21T07:30:00Z",
                           "+026-11-21T07:30:00Z",
                           "2026-11-21T07:30:00,5Z"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
  EXPECT_TRUE(parse_time("2024-02-29T00:00:00Z"));
}

}  // namespace
}  // namespace vibrato::filter
