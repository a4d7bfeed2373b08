#include "format/id_hash.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <numeric>
#include <string>
#include <vector>

#include "format/little_endian.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::format {
namespace {

PointIdView number(std::uint64_t value) {
  return {false, value, {}};
}
PointIdView text(std::string_view value) {
  return {true, 0, value};
}

std::vector<std::uint32_t> first_rows(std::uint32_t count) {
  std::vector<std::uint32_t> rows(count);
  std::iota(rows.begin(), rows.end(), 0U);
  return rows;
}

// Whether the table leads from the id to `row`, within the probes that a reader makes.
bool leads_to(const IdHashView& table, const PointIdView& id, std::uint32_t row) {
  const std::uint64_t hash = stored_id_hash(id, table.seed());
  std::uint32_t at = table.home_of(hash);
  for (std::uint32_t probe = 0; probe < kIdHashProbesMax; ++probe) {
    const IdHashBucket bucket = table.bucket(at);
    for (std::uint32_t i = 0; i < bucket.count; ++i) {
      if (bucket.rows[i] == row && bucket.fingerprints[i] == IdHashView::fingerprint_of(hash)) {
        return true;
      }
    }
    if (bucket.goes_on == 0) {
      return false;
    }
    at = (at + 1) % table.bucket_count();
  }
  return false;
}

// Computed by another implementation of docs/formats/vdb.md. Stored tables hold these: they never change.
TEST(StoredIdHash, matches_the_documented_vectors) {
  EXPECT_EQ(stored_id_hash(number(0), 0), 0x48218226ff3cd4bfU);
  EXPECT_EQ(stored_id_hash(number(7), 0), 0x0349e02b958f63afU);
  EXPECT_EQ(stored_id_hash(number(~std::uint64_t{0}), 3), 0xb20c8509fa2e7763U);
  EXPECT_EQ(stored_id_hash(text("7"), 0), 0xbfd80a4295f7d60eU);
  EXPECT_EQ(stored_id_hash(text("abcdefgh"), 0), 0x3b0036afcf2cbd9bU);
  EXPECT_EQ(stored_id_hash(text("abcdefghi"), 1), 0xdfc49adfbccfbb96U);
  EXPECT_EQ(stored_id_hash(text(""), 0), 0xcd73fe3de975ac26U);
}

TEST(StoredIdHash, tells_kinds_lengths_and_trailing_zeros_apart) {
  EXPECT_NE(stored_id_hash(number(0), 0), stored_id_hash(text(""), 0));
  EXPECT_NE(stored_id_hash(text("a"), 0), stored_id_hash(text(std::string_view("a\0", 2)), 0));
  EXPECT_NE(stored_id_hash(text("12345678"), 0), stored_id_hash(text(std::string_view("12345678\0", 9)), 0));
}

TEST(IdHash, leads_every_id_to_its_row_and_stays_small) {
  const auto id_of = [](std::uint32_t row) { return number(row * std::uint64_t{1000}); };
  for (const std::uint32_t count : {0U, 1U, 6U, 7U, 61U, 100'000U}) {
    const auto bytes = write_id_hash_section(first_rows(count), id_of);
    ASSERT_TRUE(bytes.has_value());
    EXPECT_LE(bytes->size(), kIdHashHeaderBytes + (count / kIdHashRowsABucket + 1) * kIdHashBucketBytes);
    const auto table = parse_id_hash_section(*bytes, count, 0);
    ASSERT_OK(table);
    EXPECT_OK(check_id_hash(*table, count, 0));
    EXPECT_EQ(table->entry_count(), count);
    for (std::uint32_t row = 0; row < count; ++row) {
      ASSERT_TRUE(leads_to(*table, id_of(row), row)) << row << " of " << count;
    }
  }
}

TEST(IdHash, few_buckets_send_a_search_on) {
  const auto bytes =
      write_id_hash_section(first_rows(100'000), [](std::uint32_t row) { return number(row * std::uint64_t{17}); });
  const auto table = parse_id_hash_section(*bytes, 100'000, 0);
  ASSERT_OK(table);
  std::uint32_t going_on = 0;
  for (std::uint32_t i = 0; i < table->bucket_count(); ++i) {
    going_on += table->bucket(i).goes_on;
  }
  EXPECT_LT(going_on, table->bucket_count() / 15);
}

TEST(IdHash, ids_that_collide_under_one_seed_get_another) {
  // Under seed 0 all of these begin in the first bucket.
  const auto plain = parse_id_hash_section(
      *write_id_hash_section(first_rows(6'000), [](std::uint32_t row) { return number(row); }), 6'000, 0);
  ASSERT_OK(plain);
  EXPECT_EQ(plain->seed(), 0U);
  std::vector<std::uint64_t> ids;
  for (std::uint64_t id = 0; ids.size() < 6'000; ++id) {
    if (stored_id_hash(number(id), 0) >> 54 == 0) {
      ids.push_back(id);
    }
  }
  const auto id_of = [&ids](std::uint32_t row) { return number(ids[row]); };
  const auto bytes = write_id_hash_section(first_rows(6'000), id_of);
  ASSERT_TRUE(bytes.has_value());
  const auto table = parse_id_hash_section(*bytes, 6'000, 0);
  ASSERT_OK(table);
  EXPECT_NE(table->seed(), 0U);
  for (std::uint32_t row = 0; row < ids.size(); ++row) {
    ASSERT_TRUE(leads_to(*table, id_of(row), row));
  }
}

TEST(IdHash, gives_up_where_no_seed_helps) {
  EXPECT_FALSE(write_id_hash_section(first_rows(1000), [](std::uint32_t) { return number(1); }).has_value());
}

TEST(IdHash, refuses_headers_and_lengths_that_do_not_fit) {
  const auto good = *write_id_hash_section(first_rows(100), [](std::uint32_t row) { return number(row); });
  const struct {
    std::size_t at;
    std::uint32_t value;
  } cases[] = {{0, 101}, {4, 0}, {4, 16}, {4, 18}, {4, 0xffffffff}, {16, 1}, {60, 1}};
  for (const auto& item : cases) {
    auto bad = good;
    store_le(std::span(bad), item.at, item.value);
    EXPECT_CODE(parse_id_hash_section(bad, 100, 0), ErrorCode::kCorruption) << item.at << " = " << item.value;
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_CODE(parse_id_hash_section(std::span(good).first(size), 100, 0), ErrorCode::kCorruption) << size;
  }
}

TEST(IdHash, check_finds_buckets_that_contradict_themselves) {
  const auto good = *write_id_hash_section(first_rows(10), [](std::uint32_t row) { return number(row); });
  ASSERT_EQ(parse_id_hash_section(good, 10, 0)->bucket_count(), 2U);
  const std::uint16_t count = parse_id_hash_section(good, 10, 0)->bucket(0).count;
  ASSERT_GT(count, 0U);
  ASSERT_LT(count, 10U);
  const auto damaged = [&](std::size_t at, auto value) {
    auto bad = good;
    store_le(std::span(bad), kIdHashHeaderBytes + at, value);
    const auto table = parse_id_hash_section(bad, 10, 0);
    EXPECT_OK(table);
    return check_id_hash(*table, 10, 0).code();
  };
  EXPECT_EQ(damaged(20, std::uint16_t{11}), ErrorCode::kCorruption);
  EXPECT_EQ(damaged(20, static_cast<std::uint16_t>(count - 1)), ErrorCode::kCorruption);
  EXPECT_EQ(damaged(22, std::uint16_t{1}), ErrorCode::kCorruption);
  EXPECT_EQ(damaged(22, std::uint16_t{2}), ErrorCode::kCorruption);
  EXPECT_EQ(damaged(24, std::uint32_t{10}), ErrorCode::kCorruption);
  EXPECT_EQ(damaged(60, std::uint32_t{1}), ErrorCode::kCorruption);
  EXPECT_EQ(damaged(18, std::uint16_t{1}), ErrorCode::kCorruption);
}

}  // namespace
}  // namespace vibrato::format
