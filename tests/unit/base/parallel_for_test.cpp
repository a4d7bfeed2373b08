// parallel_for: every index once, on the threads asked for.
#include "base/parallel_for.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <limits>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace vibrato {
namespace {

TEST(ParallelFor, gives_every_index_to_exactly_one_call) {
  for (const std::size_t threads : {0U, 1U, 2U, 5U}) {
    for (const std::size_t count : {0U, 1U, 7U, 1000U}) {
      for (const std::size_t chunk : {1U, 3U, 1000U, 5000U}) {
        std::vector<std::atomic<int>> visits(count);
        std::atomic<bool> in_range{true};
        parallel_for(threads, count, chunk, [&](std::size_t begin, std::size_t end, std::size_t thread_index) {
          in_range = in_range && begin < end && end <= count && end - begin <= chunk &&
                     thread_index < std::max<std::size_t>(threads, 1);
          for (std::size_t i = begin; i < end; ++i) {
            ++visits[i];
          }
        });
        EXPECT_TRUE(in_range);
        for (std::size_t i = 0; i < count; ++i) {
          ASSERT_EQ(visits[i], 1) << "index " << i << ", threads " << threads << ", chunk " << chunk;
        }
      }
    }
  }
}

TEST(ParallelFor, runs_in_order_on_the_caller_with_one_thread) {
  std::vector<std::pair<std::size_t, std::size_t>> chunks;
  const std::thread::id caller = std::this_thread::get_id();
  parallel_for(1, 10, 4, [&](std::size_t begin, std::size_t end, std::size_t) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    chunks.emplace_back(begin, end);
  });
  EXPECT_EQ(chunks, (std::vector<std::pair<std::size_t, std::size_t>>{{0, 4}, {4, 8}, {8, 10}}));
}

TEST(ParallelFor, chunks_near_the_largest_count_do_not_wrap_around) {
  const std::size_t huge = std::numeric_limits<std::size_t>::max();
  std::mutex mutex;
  std::set<std::pair<std::size_t, std::size_t>> chunks;
  parallel_for(2, huge, huge / 2, [&](std::size_t begin, std::size_t end, std::size_t) {
    const std::lock_guard lock(mutex);
    chunks.emplace(begin, end);
  });
  EXPECT_EQ(chunks,
            (std::set<std::pair<std::size_t, std::size_t>>{{0, huge / 2}, {huge / 2, huge - 1}, {huge - 1, huge}}));
}

TEST(ParallelFor, threads_really_run_side_by_side) {
  // Each of the two chunks waits for the other: one thread alone would never finish.
  std::atomic<int> arrived{0};
  parallel_for(2, 2, 1, [&](std::size_t, std::size_t, std::size_t) {
    ++arrived;
    while (arrived < 2) {
      std::this_thread::yield();
    }
  });
  EXPECT_EQ(arrived, 2);
}

TEST(ParallelFor, scratch_space_by_thread_index_needs_no_lock) {
  std::vector<std::size_t> sums(3);
  parallel_for(3, 10'000, [&](std::size_t begin, std::size_t end, std::size_t thread_index) {
    for (std::size_t i = begin; i < end; ++i) {
      sums[thread_index] += i;
    }
  });
  EXPECT_EQ(sums[0] + sums[1] + sums[2], std::size_t{10'000} * 9'999 / 2);
}

TEST(ParallelFor, the_machine_has_at_least_one_thread) {
  EXPECT_GE(hardware_threads(), 1U);
}

}  // namespace
}  // namespace vibrato
