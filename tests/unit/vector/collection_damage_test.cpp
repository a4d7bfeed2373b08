#include "vector/collection_damage.hpp"

#include <array>
#include <gtest/gtest.h>
#include <thread>

namespace vibrato::vector {
namespace {

const catalog::SegmentId kFirst(1);
const catalog::SegmentId kSecond(2);

TEST(CollectionDamage, has_a_reason_as_long_as_something_is_wrong) {
  CollectionDamage damage;
  EXPECT_EQ(damage.reason(), "");
  damage.set_unreadable(kFirst, "unreadable");
  EXPECT_EQ(damage.reason(), "unreadable");
  EXPECT_TRUE(damage.set_readable(kFirst));
  EXPECT_EQ(damage.reason(), "");
  EXPECT_FALSE(damage.set_readable(kFirst));
  damage.set_unreadable(kFirst, "unreadable");
  damage.keep_unreadable(std::array{kSecond});
  EXPECT_EQ(damage.reason(), "");
  damage.add(kFirst, "damaged");
  damage.report(kSecond, "found");
  EXPECT_EQ(damage.reason(), "damaged");
  damage.forget(kFirst);
  EXPECT_EQ(damage.reason(), "found");
  damage.forget(kSecond);
  EXPECT_EQ(damage.reason(), "");
  damage.set("all of it");
  EXPECT_EQ(damage.reason(), "all of it");
}

// Every search asks, without a lock while all is well.
TEST(CollectionDamage, is_asked_beside_those_who_find_something) {
  CollectionDamage damage;
  std::thread finder([&] {
    for (int round = 0; round < 1000; ++round) {
      damage.report(kFirst, "found");
      damage.forget(kFirst);
    }
    damage.report(kFirst, "found");
  });
  while (damage.take_found().empty()) {
    const std::string reason = damage.reason();
    EXPECT_TRUE(reason.empty() || reason == "found");
  }
  finder.join();
  EXPECT_EQ(damage.reason(), "found");
}

}  // namespace
}  // namespace vibrato::vector
