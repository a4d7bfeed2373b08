#include "overlay/row_cache.hpp"

#include <gtest/gtest.h>
#include <string>

#include "support/row_stores.hpp"

namespace vibrato::overlay {
namespace {

using test::made_row;

constexpr std::size_t kBytes = 8 * 1024 * 1024;

void keep(RowCache& cache, std::string_view key, const RowPtr& row) {
  cache.keep(key, *row, cache.begin_read());
}

void save(RowCache& cache, std::string_view key, const RowPtr& row) {
  cache.begin_save();
  cache.save(key, *row);
  cache.end_save();
}

std::string value_in(RowCache& cache, std::string_view key) {
  const RowPtr row = cache.find(key);
  return row ? row->value : "(none)";
}

RowPtr deleted_row(std::uint64_t lsn) {
  auto row = std::make_shared<Row>();
  row->lsn = Lsn(lsn);
  row->is_deleted = true;
  return row;
}

TEST(RowCache, a_row_comes_back_as_it_was) {
  RowCache cache(kBytes);
  EXPECT_EQ(cache.find("k"), nullptr);
  const std::string value("a\0b", 3);
  keep(cache, std::string_view("k\0", 2), made_row(7, value, 99));
  keep(cache, "", made_row(8, ""));
  const RowPtr row = cache.find(std::string_view("k\0", 2));
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->lsn, Lsn(7));
  EXPECT_EQ(row->value, value);
  EXPECT_EQ(row->expires_at_ms, 99);
  EXPECT_FALSE(row->is_deleted);
  const RowPtr empty = cache.find("");
  ASSERT_NE(empty, nullptr);
  EXPECT_EQ(empty->value, "");
  EXPECT_EQ(empty->expires_at_ms, std::nullopt);
  EXPECT_EQ(cache.find("k"), nullptr);
}

TEST(RowCache, a_save_replaces_rows_and_takes_away_deleted_ones) {
  RowCache cache(kBytes);
  keep(cache, "a", made_row(1, "one"));
  keep(cache, "b", made_row(2, "two"));
  save(cache, "a", made_row(3, "three"));
  save(cache, "b", deleted_row(4));
  save(cache, "c", made_row(5, "five"));
  EXPECT_EQ(value_in(cache, "a"), "three");
  EXPECT_EQ(value_in(cache, "b"), "(none)");
  EXPECT_EQ(value_in(cache, "c"), "five");
}

TEST(RowCache, what_was_read_before_a_save_or_while_it_ran_is_not_kept) {
  RowCache cache(kBytes);
  const std::uint64_t before = cache.begin_read();
  cache.begin_save();
  cache.keep("k", *made_row(1, "old"), before);
  EXPECT_EQ(value_in(cache, "k"), "(none)");
  const std::uint64_t meanwhile = cache.begin_read();
  cache.keep("k", *made_row(1, "old"), meanwhile);
  EXPECT_EQ(value_in(cache, "k"), "(none)");
  cache.save("k", *made_row(2, "new"));
  cache.end_save();
  cache.keep("k", *made_row(1, "old"), before);
  cache.keep("k", *made_row(1, "old"), meanwhile);
  EXPECT_EQ(value_in(cache, "k"), "new");
  keep(cache, "l", made_row(3, "read later"));
  EXPECT_EQ(value_in(cache, "l"), "read later");
}

TEST(RowCache, it_takes_no_more_than_it_may) {
  constexpr std::size_t kBytesMax = 1024 * 1024;
  RowCache cache(kBytesMax);
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    keep(cache, "key:" + std::to_string(i), made_row(i + 1, std::string(i % 150, 'v')));
    ASSERT_LE(cache.bytes(), kBytesMax);
  }
  EXPECT_GT(cache.bytes(), kBytesMax * 9 / 10);
  EXPECT_EQ(value_in(cache, "key:19999"), std::string(19'999 % 150, 'v'));
}

TEST(RowCache, rows_that_are_asked_for_stay_longer) {
  RowCache cache(1024 * 1024);
  const auto key = [](std::uint64_t i) { return "key:" + std::to_string(i); };
  for (std::uint64_t i = 0; i < 100; ++i) {
    keep(cache, key(i), made_row(1, "asked for"));
  }
  for (std::uint64_t i = 100; i < 50'000; ++i) {
    keep(cache, key(i), made_row(1, "never"));
    for (std::uint64_t asked = 0; i % 100 == 0 && asked < 100; ++asked) {
      (void)cache.find(key(asked));
    }
  }
  std::size_t left = 0;
  for (std::uint64_t i = 0; i < 100; ++i) {
    left += cache.find(key(i)) != nullptr ? 1 : 0;
  }
  EXPECT_EQ(left, 100U);
}

TEST(RowCache, a_row_that_would_take_the_place_of_many_is_not_kept) {
  RowCache cache(kBytes);
  keep(cache, "k", made_row(1, "small"));
  const RowPtr large = made_row(2, std::string(kBytes / 64 / 64, 'v'));
  keep(cache, "l", large);
  EXPECT_EQ(value_in(cache, "l"), "(none)");
  save(cache, "k", large);
  EXPECT_EQ(value_in(cache, "k"), "(none)") << "the smaller one is of the past";
}

TEST(RowCache, without_bytes_it_keeps_nothing) {
  RowCache cache(0);
  keep(cache, "", made_row(1, ""));
  save(cache, "k", made_row(2, "v"));
  EXPECT_EQ(cache.find(""), nullptr);
  EXPECT_EQ(cache.find("k"), nullptr);
  EXPECT_EQ(cache.bytes(), 0U);
}

}  // namespace
}  // namespace vibrato::overlay
