#include "vector/growing_array.hpp"

#include <gtest/gtest.h>
#include <set>
#include <string>
#include <vector>

namespace vibrato::vector {
namespace {

TEST(GrowingArray, keeps_every_element_where_it_is) {
  constexpr std::uint32_t kCount = 5000;
  GrowingArray<std::uint32_t> array(kCount);
  std::vector<const std::uint32_t*> places;
  for (std::uint32_t i = 0; i < kCount; ++i) {
    ASSERT_TRUE(array.make_room(i));
    EXPECT_EQ(array[i], 0U);
    array[i] = i;
    places.push_back(&array[i]);
  }
  EXPECT_EQ(std::set<const std::uint32_t*>(places.begin(), places.end()).size(), kCount);
  for (std::uint32_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(&array[i], places[i]);
    ASSERT_EQ(array[i], i);
  }
}

TEST(GrowingArray, keeps_an_element_when_room_is_made_again) {
  GrowingArray<std::string> array(100);
  ASSERT_TRUE(array.make_room(0));
  array[0] = "kept";
  ASSERT_TRUE(array.make_room(0));
  EXPECT_EQ(array[0], "kept");
}

TEST(GrowingArray, is_small_while_it_holds_little) {
  const GrowingArray<std::uint64_t> array(10'000'000);
  EXPECT_LE(array.bytes_in_memory(10), 16 * sizeof(std::uint64_t));
}

}  // namespace
}  // namespace vibrato::vector
