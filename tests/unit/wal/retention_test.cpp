#include "wal/retention.hpp"

#include <gtest/gtest.h>
#include <vector>

#include "wal/segment_name.hpp"

namespace vibrato::wal {
namespace {

// Four segments of 100 bytes and 10 records, whose last records are from 1000, 2000, 3000 and 4000 ms.
std::vector<SegmentInfo> four_segments() {
  std::vector<SegmentInfo> segments;
  for (std::uint64_t i = 0; i < 4; ++i) {
    segments.push_back({Lsn(i * 10 + 1), Lsn(i * 10 + 10), static_cast<std::int64_t>(i + 1) * 1000, 100});
  }
  return segments;
}

constexpr Retention kKeepAll = {1'000'000, 1'000'000};

TEST(Retention, keeps_what_lies_within_both_bounds) {
  EXPECT_EQ(trimmable_lsn(four_segments(), kKeepAll, Lsn(40), 4000), Lsn(0));
  EXPECT_EQ(trimmable_lsn({}, {}, Lsn(40), 4000), Lsn(0));
}

TEST(Retention, lets_segments_go_once_newer_ones_are_large_enough) {
  EXPECT_EQ(trimmable_lsn(four_segments(), {300, 1'000'000}, Lsn(40), 4000), Lsn(10));
  EXPECT_EQ(trimmable_lsn(four_segments(), {301, 1'000'000}, Lsn(40), 4000), Lsn(0));
  EXPECT_EQ(trimmable_lsn(four_segments(), {200, 1'000'000}, Lsn(40), 4000), Lsn(20));
}

TEST(Retention, lets_segments_go_by_the_age_of_their_last_record) {
  EXPECT_EQ(trimmable_lsn(four_segments(), {1'000'000, 2000}, Lsn(40), 4000), Lsn(10));
  EXPECT_EQ(trimmable_lsn(four_segments(), {1'000'000, 2000}, Lsn(40), 4001), Lsn(20));
}

TEST(Retention, never_lets_the_newest_segment_go_nor_what_is_not_covered) {
  EXPECT_EQ(trimmable_lsn(four_segments(), {0, 0}, Lsn(40), 1'000'000), Lsn(30));
  EXPECT_EQ(trimmable_lsn(four_segments(), {0, 0}, Lsn(19), 1'000'000), Lsn(10));
  EXPECT_EQ(trimmable_lsn(four_segments(), {0, 0}, Lsn(9), 1'000'000), Lsn(0));
}

TEST(SegmentName, is_read_back_and_sorts_by_lsn) {
  EXPECT_EQ(segment_name(Lsn(7)), "events-00000000000000000007.log");
  for (const std::uint64_t lsn : {std::uint64_t{1}, std::uint64_t{10}, UINT64_MAX}) {
    EXPECT_EQ(parse_segment_name(segment_name(Lsn(lsn))), Lsn(lsn));
  }
  EXPECT_LT(segment_name(Lsn(9)), segment_name(Lsn(10)));
}

TEST(SegmentName, is_nothing_else) {
  for (const char* name :
       {"", "events-.log", "events-1.log", "events-00000000000000000000.log", "events-0000000000000000000a.log",
        "events-00000000000000000007.log~", "Events-00000000000000000007.log", "events-99999999999999999999.log",
        "events-+0000000000000000007.log"}) {
    EXPECT_EQ(parse_segment_name(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace vibrato::wal
