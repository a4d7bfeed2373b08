// Many threads ask a small cache for the filters of parts that come and go; every set must be the one that was kept
// under its key, and the bytes never more than there may be.
#include "vector/filter_cache.hpp"

#include <atomic>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <random>
#include <thread>
#include <vector>

namespace vibrato::vector {
namespace {

constexpr std::uint32_t kCachedRows = 6400;
constexpr std::uint32_t kFilters = 40;
constexpr int kThreads = 4;
constexpr int kRounds = 4000;

// Of the part and the filter, so that a set under a wrong key shows.
filter::RowSet evaluate(std::uint32_t part, std::uint32_t filter) {
  return filter::RowSet::of({part * kFilters + filter, kCachedRows - 1}, kCachedRows);
}

void ask(FilterCache::Part& part, std::uint32_t part_number, std::uint32_t filter, std::atomic<int>& hits) {
  const std::string key = fmt::format("filter {:02}", filter);
  const FilterCache::Part::Known known = part.find(key);
  if (known.rows != nullptr) {
    hits.fetch_add(1, std::memory_order_relaxed);
    EXPECT_EQ(*known.rows, evaluate(part_number, filter));
  } else if (known.is_wanted) {
    part.keep(key, std::make_shared<const filter::RowSet>(evaluate(part_number, filter)));
  }
}

TEST(FilterCacheConcurrency, answers_are_right_while_sets_come_and_go) {
  const auto cache = std::make_shared<FilterCache>(kFilters * FilterCache::bytes_of("filter 00", evaluate(0, 0)));
  FilterCache::Part shared(cache);
  std::atomic<int> hits{0};
  std::vector<std::thread> threads;
  for (std::uint32_t number = 1; number <= kThreads; ++number) {
    threads.emplace_back([&, number] {
      std::mt19937 random(number);
      auto own = std::make_unique<FilterCache::Part>(cache);
      for (int round = 0; round < kRounds; ++round) {
        ask(shared, 0, static_cast<std::uint32_t>(random() % kFilters), hits);
        ask(*own, number, static_cast<std::uint32_t>(random() % 8), hits);
        if (round % 500 == 499) {
          own = std::make_unique<FilterCache::Part>(cache);
        }
        EXPECT_LE(cache->bytes(), cache->bytes_max());
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_GT(hits.load(), kRounds);
  EXPECT_GT(cache->bytes(), 0U);
}

}  // namespace
}  // namespace vibrato::vector
