#include "vector/staged_points.hpp"

#include <gtest/gtest.h>
#include <list>
#include <string>
#include <vector>

#include "format/vector_records.hpp"

namespace vibrato::vector {
namespace {

using format::VectorRecord;

class StagedPointsTest : public ::testing::Test {
 protected:
  void stage(std::uint64_t lsn, VectorRecord type, std::uint32_t collection, const std::string& id) {
    const std::vector<std::byte> vector(4);
    const PointIdView view = {true, 0, id};
    bodies_.push_back(type == VectorRecord::kPointPut
                          ? format::encode_point_put({format::PutOrigin::kAdded, view, vector, {}})
                          : format::encode_point_deleted(view));
    points_.stage({Lsn(lsn), 1, CollectionNumber(collection), static_cast<std::uint16_t>(type), true, bodies_.back()});
  }
  void put(std::uint64_t lsn, const std::string& id) { stage(lsn, VectorRecord::kPointPut, 1, id); }
  void erase(std::uint64_t lsn, const std::string& id) { stage(lsn, VectorRecord::kPointDeleted, 1, id); }
  // The LSN of the newest record of the id; 0 for none.
  [[nodiscard]] std::uint64_t find(const std::string& id, std::uint32_t collection = 1) {
    const auto* record = points_.find(CollectionNumber(collection), {true, 0, id});
    return record == nullptr ? 0 : record->lsn.value();
  }
  // The bodies of records up to `lsn` go, as the sequencer lets them go; the memory is spoilt first.
  void apply(std::uint64_t lsn) {
    points_.set_applied(Lsn(lsn));
    for (; spoilt_ < lsn; ++spoilt_) {
      std::fill(bodies_.front().begin(), bodies_.front().end(), std::byte{0xee});
      bodies_.pop_front();
    }
  }

  StagedPoints points_;
  std::list<std::vector<std::byte>> bodies_;
  std::uint64_t spoilt_ = 0;
};

TEST_F(StagedPointsTest, the_newest_record_of_an_id_is_found) {
  put(1, "a");
  put(2, "b");
  EXPECT_EQ(find("a"), 1U);
  erase(3, "a");
  EXPECT_EQ(find("a"), 3U);
  EXPECT_EQ(find("b"), 2U);
  EXPECT_EQ(find("c"), 0U);
}

TEST_F(StagedPointsTest, collections_have_their_own_ids) {
  stage(1, VectorRecord::kPointPut, 7, "a");
  EXPECT_EQ(find("a", 7), 1U);
  EXPECT_EQ(find("a", 8), 0U);
}

TEST_F(StagedPointsTest, applied_records_are_not_looked_at_any_more) {
  put(1, "a");
  put(2, "b");
  put(3, "a");
  EXPECT_EQ(find("a"), 3U);
  apply(1);
  EXPECT_EQ(find("b"), 2U);
  EXPECT_EQ(find("a"), 3U);
  apply(2);
  EXPECT_EQ(find("b"), 0U);
  EXPECT_EQ(find("a"), 3U);
  apply(3);
  EXPECT_EQ(find("a"), 0U);
  put(4, "a");
  EXPECT_EQ(find("a"), 4U);
}

TEST_F(StagedPointsTest, unstaging_uncovers_what_was_before) {
  put(1, "a");
  put(5, "a");
  put(6, "b");
  EXPECT_EQ(find("a"), 5U);
  points_.unstage_from(Lsn(5));
  EXPECT_EQ(find("a"), 1U);
  EXPECT_EQ(find("b"), 0U);
  put(5, "b");
  EXPECT_EQ(find("b"), 5U);
  points_.unstage_from(Lsn(1));
  EXPECT_EQ(find("a"), 0U);
}

}  // namespace
}  // namespace vibrato::vector
