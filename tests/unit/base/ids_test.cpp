// StrongId: ordered and hashed as its number, and not convertible to another kind of id.
#include "base/ids.hpp"

#include <gtest/gtest.h>
#include <type_traits>
#include <unordered_set>

namespace vibrato {
namespace {

static_assert(!std::is_convertible_v<std::uint32_t, RowId>);
static_assert(!std::is_convertible_v<RowId, std::uint32_t>);
static_assert(!std::is_constructible_v<RowId, CollectionNumber>);
static_assert(sizeof(RowId) == 4 && sizeof(Lsn) == 8 && sizeof(CollectionNumber) == 4);

TEST(StrongId, orders_and_counts_as_its_number) {
  EXPECT_LT(Lsn(1), Lsn(2));
  EXPECT_EQ(Lsn(1).next(), Lsn(2));
  EXPECT_EQ(Lsn().value(), 0U);
  EXPECT_EQ(RowId::max().value(), 0xffffffffU);
}

TEST(StrongId, works_as_a_key_of_hash_tables) {
  const std::unordered_set<RowId> rows = {RowId(1), RowId(2), RowId(1)};
  EXPECT_EQ(rows.size(), 2U);
  EXPECT_TRUE(rows.contains(RowId(2)));
  EXPECT_FALSE(rows.contains(RowId(3)));
}

}  // namespace
}  // namespace vibrato
