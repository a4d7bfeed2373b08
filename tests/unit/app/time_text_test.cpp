#include "app/time_text.hpp"

#include <gtest/gtest.h>

#include "support/status_matchers.hpp"

namespace vibrato::app {
namespace {

TEST(TimeText, reads_days_and_moments) {
  EXPECT_EQ(*parse_time("1970-01-01"), 0);
  EXPECT_EQ(*parse_time("1970-01-02"), 86'400'000);
  EXPECT_EQ(*parse_time("2027-01-31T18:30:05Z"), 1'801'420'205'000);
  EXPECT_EQ(*parse_time("2028-02-29"), 1'835'395'200'000);
  EXPECT_EQ(*parse_time("9999-12-31T23:59:59Z"), 253'402'300'799'000);
}

TEST(TimeText, refuses_what_is_no_time) {
  for (const char* text :
       {"", "2027", "2027-1-31", "2027-02-29", "2027-13-01", "2027-00-01", "2027-01-00", "1969-12-31",
        "2027-01-31T24:00:00Z", "2027-01-31T18:60:00Z", "2027-01-31T18:30:60Z", "2027-01-31T18:30:00",
        "2027-01-31T18:30:00+01", "2027-01-31 18:30:00Z", "x027-01-31", "2027-01-31\n", "+027-01-31"}) {
    EXPECT_CODE(parse_time(text), ErrorCode::kInvalidArgument) << text;
  }
}

TEST(TimeText, writes_what_it_reads) {
  for (const char* text : {"1970-01-01T00:00:00Z", "2028-02-29T23:59:59Z", "9999-12-31T00:00:01Z"}) {
    EXPECT_EQ(time_text(*parse_time(text)), text);
  }
  EXPECT_EQ(time_text(999), "1970-01-01T00:00:00Z");
}

}  // namespace
}  // namespace vibrato::app
