#include "vector/delete_lsns.hpp"

#include <gtest/gtest.h>
#include <set>

#include "base/random.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::vector {
namespace {

void mark(DeleteLsns& deletes, std::uint32_t row, std::uint64_t lsn) {
  const auto marked = deletes.mark(row, Lsn(lsn));
  ASSERT_OK(marked);
  ASSERT_TRUE(*marked);
}

TEST(DeleteLsns, hide_a_row_from_readers_at_and_above_the_lsn_only) {
  DeleteLsns deletes(3000);
  mark(deletes, 2999, 7);
  EXPECT_FALSE(deletes.is_deleted(2999, Lsn(6)));
  EXPECT_TRUE(deletes.is_deleted(2999, Lsn(7)));
  EXPECT_TRUE(deletes.is_deleted(2999, Lsn::max()));
  EXPECT_FALSE(deletes.is_deleted(0, Lsn::max()));
  EXPECT_EQ(deletes.deleted_at(2999), Lsn(7));
  EXPECT_EQ(deletes.deleted_at(2998), Lsn());
}

TEST(DeleteLsns, keep_the_first_mark) {
  DeleteLsns deletes(10);
  mark(deletes, 4, 5);
  const auto again = deletes.mark(4, Lsn(9));
  ASSERT_OK(again);
  EXPECT_FALSE(*again);
  EXPECT_EQ(deletes.deleted_at(4), Lsn(5));
  EXPECT_EQ(deletes.count(), 1U);
  EXPECT_EQ(deletes.last_mark(), Lsn(5));
}

TEST(DeleteLsns, cost_next_to_nothing_without_marks) {
  const DeleteLsns deletes(1'000'000);
  EXPECT_LE(deletes.bytes_in_memory(), 128U);
}

TEST(DeleteLsns, give_back_what_a_reader_saw_after_storing) {
  Random random(1);
  DeleteLsns deletes(5000);
  std::set<std::uint32_t> up_to_500;
  for (std::uint64_t lsn = 1; lsn <= 1000; ++lsn) {
    const auto row = static_cast<std::uint32_t>(random.below(5000));
    const auto marked = deletes.mark(row, Lsn(lsn));
    ASSERT_OK(marked);
    if (*marked && lsn <= 500) {
      up_to_500.insert(row);
    }
  }
  DeleteLsns loaded(5000);
  ASSERT_OK(loaded.load(deletes.encode(Lsn(500))));
  EXPECT_EQ(loaded.count(), up_to_500.size());
  for (std::uint32_t row = 0; row < 5000; ++row) {
    ASSERT_EQ(loaded.is_deleted(row, Lsn(1)), up_to_500.contains(row)) << row;
  }
}

TEST(DeleteLsns, store_and_load_none_at_all) {
  const DeleteLsns none(100);
  DeleteLsns loaded(100);
  EXPECT_OK(loaded.load(none.encode(Lsn::max())));
  EXPECT_EQ(loaded.count(), 0U);
}

TEST(DeleteLsns, refuse_bytes_that_are_no_bitmap_of_their_rows) {
  DeleteLsns deletes(5000);
  for (const std::uint32_t row : {1U, 77U, 4999U}) {
    mark(deletes, row, row);
  }
  const auto bytes = deletes.encode(Lsn::max());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    DeleteLsns loaded(5000);
    EXPECT_CODE(loaded.load(std::span(bytes).first(length)), ErrorCode::kCorruption) << length;
  }
  auto longer = bytes;
  longer.push_back(std::byte{0});
  DeleteLsns loaded(5000);
  EXPECT_CODE(loaded.load(longer), ErrorCode::kCorruption);
  DeleteLsns smaller(4999);
  EXPECT_CODE(smaller.load(bytes), ErrorCode::kCorruption);
}

TEST(DeleteLsns, survive_any_damaged_byte) {
  DeleteLsns deletes(70'000);
  for (std::uint32_t row = 0; row < 70'000; row += 1 + row % 7) {
    mark(deletes, row, 1);
  }
  const auto bytes = deletes.encode(Lsn::max());
  Random random(3);
  for (int round = 0; round < 500; ++round) {
    auto damaged = bytes;
    damaged[random.below(round < 250 ? 64 : damaged.size())] ^= static_cast<std::byte>(1U << random.below(8));
    DeleteLsns loaded(70'000);
    (void)loaded.load(damaged).ok();  // Loaded or refused; memory checkers watch.
    EXPECT_LE(loaded.count(), 70'000U);
  }
}

}  // namespace
}  // namespace vibrato::vector
