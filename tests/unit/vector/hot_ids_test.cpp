#include "vector/hot_ids.hpp"

#include <gtest/gtest.h>
#include <vector>

#include "base/random.hpp"

namespace vibrato::vector {
namespace {

// Ids are numbers; the hash is made bad on purpose.
class Table {
 public:
  explicit Table(std::size_t hashes) : hashes_(hashes) {}

  void put(std::uint64_t id) {
    ASSERT_TRUE(ids_.make_room());
    const auto row = static_cast<std::uint32_t>(id_of_row_.size());
    id_of_row_.push_back(id);
    ids_.put(id % hashes_, row, [&](std::uint32_t other) { return id_of_row_[other] == id; });
  }
  [[nodiscard]] std::uint32_t find(std::uint64_t id) const {
    return ids_.find(id % hashes_, [&](std::uint32_t row) { return id_of_row_[row] == id; });
  }
  [[nodiscard]] std::size_t bytes() const { return ids_.bytes_in_memory(); }

 private:
  std::size_t hashes_;
  HotIds ids_;
  std::vector<std::uint64_t> id_of_row_;
};

TEST(HotIds, are_empty_at_first) {
  const Table table(100);
  EXPECT_EQ(table.find(1), HotIds::kNoRow);
  EXPECT_EQ(table.bytes(), 0U);
}

TEST(HotIds, know_the_newest_row_of_each_id) {
  for (const std::size_t hashes : {1U, 7U, 1'000'000U}) {
    Table table(hashes);
    std::vector<std::uint32_t> newest(700, HotIds::kNoRow);
    Random random(hashes);
    for (std::uint32_t row = 0; row < 2000; ++row) {
      const std::uint64_t id = random.below(600);
      table.put(id);
      newest[id] = row;
    }
    for (std::uint64_t id = 0; id < newest.size(); ++id) {
      ASSERT_EQ(table.find(id), newest[id]) << id << " of " << hashes << " hashes";
    }
  }
}

TEST(HotIds, do_not_grow_with_rows_of_the_same_id) {
  Table table(1000);
  for (int i = 0; i < 10'000; ++i) {
    table.put(5);
  }
  EXPECT_LE(table.bytes(), 16 * sizeof(std::uint64_t));
}

}  // namespace
}  // namespace vibrato::vector
