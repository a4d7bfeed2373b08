#include "vector/filter_cache.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace vibrato::vector {
namespace {

constexpr std::uint32_t kCachedRows = 6400;

filter::RowSetPtr set_of(std::uint32_t row) {
  return std::make_shared<const filter::RowSet>(filter::RowSet::of({row}, kCachedRows));
}

class FilterCacheTest : public ::testing::Test {
 protected:
  // Keys of the same length, whose sets are of one row: all take the same bytes.
  static std::string key(std::uint32_t number) { return fmt::format("key {:06}", number); }
  static std::size_t bytes_of_one() { return FilterCache::bytes_of(key(0), *set_of(0)); }

  // As a search does: asks, and hands over what the cache wants. Whether the cache had it.
  static bool use(FilterCache::Part& part, std::uint32_t number) {
    const FilterCache::Part::Known known = part.find(key(number));
    if (known.rows != nullptr) {
      EXPECT_EQ(*known.rows, *set_of(number));
      return true;
    }
    if (known.is_wanted) {
      part.keep(key(number), set_of(number));
    }
    return false;
  }
};

TEST_F(FilterCacheTest, keeps_what_is_asked_for_again) {
  const auto cache = std::make_shared<FilterCache>(10 * bytes_of_one());
  FilterCache::Part part(cache);
  EXPECT_FALSE(use(part, 1));
  EXPECT_EQ(cache->bytes(), 0U) << "once is not enough";
  EXPECT_FALSE(use(part, 1));
  EXPECT_EQ(cache->bytes(), bytes_of_one());
  EXPECT_TRUE(use(part, 1));
  EXPECT_FALSE(use(part, 2)) << "another one";
}

TEST_F(FilterCacheTest, drives_out_the_one_used_longest_ago_at_the_edge_of_its_bytes) {
  const auto cache = std::make_shared<FilterCache>(3 * bytes_of_one());
  FilterCache::Part part(cache);
  for (const std::uint32_t number : {1U, 2U, 3U}) {
    use(part, number);
    use(part, number);
  }
  EXPECT_EQ(cache->bytes(), cache->bytes_max()) << "three fit exactly";
  EXPECT_TRUE(use(part, 1));
  use(part, 4);
  EXPECT_TRUE(use(part, 3)) << "asked for once, it drives nothing out";
  EXPECT_TRUE(use(part, 2));
  EXPECT_TRUE(use(part, 1));
  use(part, 4);
  EXPECT_EQ(cache->bytes(), cache->bytes_max());
  EXPECT_TRUE(use(part, 4));
  EXPECT_TRUE(use(part, 2));
  EXPECT_TRUE(use(part, 1));
  EXPECT_FALSE(use(part, 3));
  EXPECT_TRUE(use(part, 3)) << "known from before, it was taken at once";
  EXPECT_EQ(cache->bytes(), cache->bytes_max());
}

TEST_F(FilterCacheTest, keeps_nothing_that_is_larger_than_all_of_it) {
  const auto cache = std::make_shared<FilterCache>(2 * bytes_of_one());
  FilterCache::Part part(cache);
  use(part, 1);
  use(part, 1);
  const auto large = std::make_shared<const filter::RowSet>(filter::RowSet::all(1 << 20));
  ASSERT_GT(FilterCache::bytes_of("large", *large), cache->bytes_max());
  part.keep("large", large);
  EXPECT_EQ(part.find("large").rows, nullptr);
  EXPECT_TRUE(use(part, 1));
}

TEST_F(FilterCacheTest, gives_each_part_its_own_and_takes_them_back_with_it) {
  const auto cache = std::make_shared<FilterCache>(100 * bytes_of_one());
  FilterCache::Part stays(cache);
  {
    FilterCache::Part goes(cache);
    goes.keep(key(1), set_of(1));
    goes.keep(key(2), set_of(2));
    EXPECT_FALSE(use(stays, 1));
    stays.keep(key(1), set_of(1));
    EXPECT_EQ(cache->bytes(), 3 * bytes_of_one());
  }
  EXPECT_EQ(cache->bytes(), bytes_of_one());
  EXPECT_TRUE(use(stays, 1));
}

TEST_F(FilterCacheTest, takes_the_same_filter_twice_as_once) {
  const auto cache = std::make_shared<FilterCache>(100 * bytes_of_one());
  FilterCache::Part part(cache);
  part.keep(key(1), set_of(1));
  part.keep(key(1), set_of(1));
  EXPECT_EQ(cache->bytes(), bytes_of_one());
  EXPECT_TRUE(use(part, 1));
}

TEST_F(FilterCacheTest, frees_a_set_when_its_last_reader_is_done) {
  const auto cache = std::make_shared<FilterCache>(bytes_of_one());
  FilterCache::Part part(cache);
  std::weak_ptr<const filter::RowSet> watched;
  {
    part.keep(key(1), set_of(1));
    const filter::RowSetPtr reader = part.find(key(1)).rows;
    watched = reader;
    part.keep(key(2), set_of(2));
    EXPECT_EQ(part.find(key(1)).rows, nullptr);
    EXPECT_EQ(cache->bytes(), bytes_of_one());
    EXPECT_TRUE(reader->contains(1));
  }
  EXPECT_TRUE(watched.expired());
}

TEST_F(FilterCacheTest, counts_what_sets_take) {
  const filter::RowSet sparse = filter::RowSet::of({1, 2, 3}, 1'000'000);
  const filter::RowSet dense = filter::RowSet::all(1'000'000);
  EXPECT_GE(FilterCache::bytes_of("k", sparse), 3 * sizeof(std::uint32_t));
  EXPECT_LT(FilterCache::bytes_of("k", sparse), 1000U);
  EXPECT_GE(FilterCache::bytes_of("k", dense), 125'000U);
  EXPECT_EQ(FilterCache::bytes_of(std::string(500, 'k'), dense), FilterCache::bytes_of("", dense) + 500);
}

}  // namespace
}  // namespace vibrato::vector
