#include "sqlite/shared_memory.hpp"

#include <gtest/gtest.h>

namespace vibrato::sqlite {
namespace {

constexpr std::size_t kBytes = 32768;

TEST(SharedMemory, a_region_is_one_for_all_and_zero_at_first) {
  SharedMemory memory;
  SharedMemory::Holder one;
  SharedMemory::Holder other;
  EXPECT_EQ(memory.region(one, 1, kBytes, false), nullptr);
  std::byte* const made = memory.region(one, 1, kBytes, true);
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(made[kBytes - 1], std::byte{0});
  made[7] = std::byte{3};
  EXPECT_EQ(memory.region(other, 1, kBytes, false), made);
  EXPECT_NE(memory.region(other, 0, kBytes, false), made);
}

TEST(SharedMemory, the_last_one_to_leave_takes_the_content_with_it) {
  SharedMemory memory;
  SharedMemory::Holder one;
  SharedMemory::Holder other;
  memory.region(one, 0, kBytes, true)[0] = std::byte{3};
  (void)memory.region(other, 0, kBytes, false);
  memory.leave(one);
  memory.leave(one);
  EXPECT_EQ(memory.region(other, 0, kBytes, false)[0], std::byte{3});
  memory.leave(other);
  EXPECT_EQ(memory.region(one, 0, kBytes, false), nullptr);
}

TEST(SharedMemory, shares_keep_the_exclusive_lock_away_and_it_them) {
  SharedMemory memory;
  SharedMemory::Holder one;
  SharedMemory::Holder other;
  EXPECT_TRUE(memory.acquire_shared(one, 3, 1));
  EXPECT_TRUE(memory.acquire_shared(one, 3, 1)) << "held once";
  EXPECT_TRUE(memory.acquire_shared(other, 3, 1));
  EXPECT_FALSE(memory.acquire_exclusive(one, 3, 1));
  memory.release(other, 3, 1);
  EXPECT_TRUE(memory.acquire_exclusive(one, 3, 1)) << "its own share is no hindrance";
  EXPECT_FALSE(memory.acquire_shared(other, 3, 1));
  EXPECT_FALSE(memory.acquire_exclusive(other, 3, 1));
  memory.release(one, 3, 1);
  EXPECT_TRUE(memory.acquire_exclusive(other, 3, 1));
}

TEST(SharedMemory, of_several_locks_all_are_taken_or_none) {
  SharedMemory memory;
  SharedMemory::Holder one;
  SharedMemory::Holder other;
  EXPECT_TRUE(memory.acquire_exclusive(one, 5, 1));
  EXPECT_FALSE(memory.acquire_exclusive(other, 3, 5));
  EXPECT_TRUE(memory.acquire_exclusive(one, 3, 5)) << "nothing was left taken";
  memory.leave(one);
  EXPECT_TRUE(memory.acquire_exclusive(other, 0, SharedMemory::kLocks));
}

}  // namespace
}  // namespace vibrato::sqlite
