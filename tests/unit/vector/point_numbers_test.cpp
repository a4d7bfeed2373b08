#include "vector/point_numbers.hpp"

#include <deque>
#include <gtest/gtest.h>
#include <limits>
#include <span>

#include "format/vector_records.hpp"
#include "vector/staged_points.hpp"

namespace vibrato::vector {
namespace {

constexpr CollectionNumber kOne(1);
constexpr CollectionNumber kTwo(2);

class PointNumbers : public ::testing::Test {
 protected:
  void put(CollectionNumber collection, const PointIdView& id) {
    constexpr float kVector[] = {1};
    bodies_.push_back(format::encode_point_put({format::PutOrigin::kAdded, id, std::as_bytes(std::span(kVector)), ""}));
    stage(collection, format::VectorRecord::kPointPut);
  }
  void remove(CollectionNumber collection, const PointIdView& id) {
    bodies_.push_back(format::encode_point_deleted(id));
    stage(collection, format::VectorRecord::kPointDeleted);
  }
  static PointIdView number(std::uint64_t value) { return PointIdView{.number = value}; }
  static PointIdView text(std::string_view value) { return PointIdView{.is_text = true, .text = value}; }

  StagedPoints points_;

 private:
  void stage(CollectionNumber collection, format::VectorRecord type) {
    points_.stage({.lsn = Lsn(bodies_.size()),
                   .collection = collection,
                   .type = static_cast<std::uint16_t>(type),
                   .body = bodies_.back()});
  }

  std::deque<std::vector<std::byte>> bodies_;
};

TEST_F(PointNumbers, counts_above_the_numbers_of_puts_in_flight_for_each_collection) {
  EXPECT_EQ(points_.next_number(kOne), 0U);
  put(kOne, number(0));
  put(kTwo, number(40));
  put(kOne, text("99"));
  EXPECT_EQ(points_.next_number(kOne), 1U);
  EXPECT_EQ(points_.next_number(kTwo), 41U);
  put(kOne, number(7));
  put(kOne, number(3));
  remove(kOne, number(500));
  EXPECT_EQ(points_.next_number(kOne), 8U) << "deletes give no numbers";
}

TEST_F(PointNumbers, forgets_the_numbers_of_what_will_not_come) {
  put(kOne, number(5));   // LSN 1
  put(kOne, number(50));  // LSN 2
  EXPECT_EQ(points_.next_number(kOne), 51U);
  points_.unstage_from(Lsn(2));
  EXPECT_EQ(points_.next_number(kOne), 6U);
  points_.set_applied(Lsn(1));
  EXPECT_EQ(points_.next_number(kOne), 0U) << "the collection itself knows what is applied";
}

TEST_F(PointNumbers, knows_when_the_numbers_are_used_up) {
  put(kOne, number(std::numeric_limits<std::uint64_t>::max()));
  EXPECT_EQ(points_.next_number(kOne), kNumbersUsedUp);
  put(kTwo, number(std::numeric_limits<std::uint64_t>::max() - 1));
  EXPECT_EQ(points_.next_number(kTwo), kNumbersUsedUp);
}

}  // namespace
}  // namespace vibrato::vector
