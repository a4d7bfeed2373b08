#include "app/text_format.hpp"

#include <gtest/gtest.h>

namespace vibrato::app {
namespace {

TEST(TextFormat, thousands_are_separated) {
  EXPECT_EQ(with_thousands(0), "0");
  EXPECT_EQ(with_thousands(999), "999");
  EXPECT_EQ(with_thousands(1000), "1,000");
  EXPECT_EQ(with_thousands(123456), "123,456");
  EXPECT_EQ(with_thousands(18446744073709551615U), "18,446,744,073,709,551,615");
}

TEST(TextFormat, bytes_take_the_largest_unit_that_keeps_them_above_one) {
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1024), "1.0 KiB");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
  EXPECT_EQ(human_bytes(1073741824), "1.0 GiB");
  EXPECT_EQ(human_bytes(18446744073709551615U), "16.0 EiB");
}

TEST(TextFormat, durations_show_hours_only_when_there_are_any) {
  EXPECT_EQ(human_duration(7), "0:07");
  EXPECT_EQ(human_duration(754), "12:34");
  EXPECT_EQ(human_duration(3723), "1:02:03");
}

}  // namespace
}  // namespace vibrato::app
