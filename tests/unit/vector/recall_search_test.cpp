// Searches of a collection that name the recall they want: hot, sealed and mixed, with their notes.
#include <algorithm>
#include <gtest/gtest.h>

#include "support/made_collection.hpp"
#include "support/vector_sets.hpp"
#include "vector/calibrate.hpp"
#include "vector/recall_notes.hpp"

namespace vibrato::vector {
namespace {

constexpr std::uint32_t kRecallDim = 16;
constexpr std::uint32_t kRecallRows = 6000;

class RecallSearch : public ::testing::Test {
 protected:
  RecallSearch()
      : set_(test::make_vectors(kRecallRows, kRecallDim, 3)),
        queries_(test::make_vectors(100, kRecallDim, 5)),
        made_(test::small_settings(kRecallDim, Metric::kL2)) {}

  void put(std::uint32_t first, std::uint32_t end) {
    for (std::uint32_t row = first; row < end; ++row) {
      made_.put(test::number_id(row), set_.row(row));
    }
    made_.publish();
  }

  SearchRequest request(std::uint32_t query, std::optional<float> recall) {
    SearchRequest request;
    request.vector = queries_.row(query);
    request.recall = recall;
    return request;
  }

  // Over all queries.
  double recall_at(float target) {
    double found = 0;
    for (std::uint32_t query = 0; query < queries_.rows; ++query) {
      SearchRequest exact = request(query, std::nullopt);
      exact.exact = true;
      const auto right = made_->search(exact);
      const auto hits = made_->search(request(query, target));
      EXPECT_OK(right);
      EXPECT_OK(hits);
      for (const PointHit& hit : hits->hits) {
        found += std::any_of(right->hits.begin(), right->hits.end(), [&](const auto& one) { return one.id == hit.id; });
      }
    }
    return found / (10.0 * queries_.rows);
  }

  test::VectorSet set_;
  test::VectorSet queries_;
  test::MadeCollection made_;
};

TEST_F(RecallSearch, a_sealed_segment_answers_by_its_calibration) {
  put(0, kRecallRows);
  made_.seal();
  for (const float target : {0.8F, 0.95F, 0.99F}) {
    EXPECT_GE(recall_at(target), static_cast<double>(target) - 0.04);
  }
  const auto answer = made_->search(request(0, 0.9F), true);
  ASSERT_OK(answer);
  EXPECT_TRUE(answer->notes.empty());
  ASSERT_EQ(answer->explain.size(), 1U);
  ASSERT_TRUE(answer->explain[0].stats.rule.has_value());
  EXPECT_TRUE(answer->explain[0].stats.rule->is_calibrated);
  const auto wide = made_->search(request(0, 0.999F), true);
  ASSERT_OK(wide);
  EXPECT_GT(wide->explain[0].stats.distances, answer->explain[0].stats.distances);
}

TEST_F(RecallSearch, parts_without_any_calibration_say_so) {
  put(0, kRecallRows);
  made_.seal();
  const auto sealed = made_->read_view().version->sealed;
  ASSERT_EQ(sealed.size(), 1U);
  ASSERT_NE(sealed[0]->rows().calibration(), nullptr);

  test::MadeCollection other(test::small_settings(kRecallDim, Metric::kL2));
  for (std::uint32_t row = 0; row < kCalibratedRowsMin - 1; ++row) {
    other.put(test::number_id(row), set_.row(row));
  }
  other.publish();
  other.seal();
  const auto answer = other->search(request(0, 0.95F), true);
  ASSERT_OK(answer);
  ASSERT_EQ(answer->notes.size(), 1U);
  EXPECT_NE(answer->notes[0].find("1 of 1 walked segments are not calibrated"), std::string::npos) << answer->notes[0];
  EXPECT_FALSE(answer->explain[0].stats.rule->is_calibrated);
  EXPECT_TRUE(other->search(request(0, std::nullopt))->notes.empty());
}

TEST_F(RecallSearch, a_small_part_goes_by_the_newest_calibration) {
  put(0, 4500);
  made_.seal();
  put(4500, kRecallRows);
  made_.seal();
  const auto answer = made_->search(request(1, 0.95F), true);
  ASSERT_OK(answer);
  ASSERT_EQ(answer->notes.size(), 1U);
  EXPECT_EQ(answer->notes[0],
            "1 of 2 walked segments are sealed without a calibration of their own: recall 0.95 goes by the newest of "
            "this collection there");
  ASSERT_EQ(answer->explain.size(), 2U);
  for (const SegmentExplain& part : answer->explain) {
    ASSERT_TRUE(part.stats.rule.has_value());
    EXPECT_TRUE(part.stats.rule->is_calibrated);
  }
  EXPECT_GE(recall_at(0.95F), 0.92);
}

TEST_F(RecallSearch, an_exact_search_needs_no_rule) {
  put(0, kRecallRows);
  made_.seal();
  SearchRequest exact = request(0, 0.9F);
  exact.exact = true;
  const auto answer = made_->search(exact, true);
  ASSERT_OK(answer);
  EXPECT_FALSE(answer->explain[0].stats.rule.has_value());
  EXPECT_TRUE(answer->notes.empty());
}

TEST_F(RecallSearch, targets_lie_between_a_half_and_999_thousandths_and_not_beside_ef) {
  put(0, 10);
  for (const float recall : {0.5F, 0.999F}) {
    EXPECT_OK(made_->search(request(0, recall)));
  }
  for (const float recall : {0.4999F, 0.9991F, 1.0F, -1.0F, std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_EQ(made_->search(request(0, recall)).status().code(), ErrorCode::kInvalidArgument) << recall;
  }
  SearchRequest both = request(0, 0.9F);
  both.ef = 100;
  EXPECT_EQ(made_->search(both).status().code(), ErrorCode::kInvalidArgument);
}

TEST_F(RecallSearch, hits_in_the_order_of_codes_are_no_promise) {
  test::VectorSet wide = test::make_vectors(5000, 64, 3);
  test::MadeCollection made(test::small_settings(64, Metric::kL2));
  for (std::uint32_t row = 0; row < wide.rows; ++row) {
    made.put(test::number_id(row), wide.row(row));
  }
  made.publish();
  made.seal();
  ASSERT_TRUE(made->read_view().version->sealed[0]->rows().space().has_codes());
  SearchRequest bare;
  bare.vector = wide.row(7);
  bare.recall = 0.9F;
  EXPECT_TRUE(made->search(bare)->notes.empty());
  bare.rescore = false;
  const auto answer = made->search(bare);
  ASSERT_OK(answer);
  ASSERT_EQ(answer->notes.size(), 1U);
  EXPECT_NE(answer->notes[0].find("hits of 1 of 1 segments are in the order of their codes"), std::string::npos)
      << answer->notes[0];
  bare.exact = true;
  EXPECT_TRUE(made->search(bare)->notes.empty());
}

TEST(RecallNotes, tell_what_is_out_of_reach) {
  SegmentStats reached;
  reached.rule = WalkRule{.recall = 0.96F, .is_calibrated = true};
  SegmentStats out_of_reach;
  out_of_reach.rule = WalkRule{.recall = 0.9421F, .is_calibrated = true};
  const std::vector<SegmentStats> parts = {reached, out_of_reach, SegmentStats{}};
  const auto notes = recall_notes(0.95F, parts);
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_EQ(notes[0], "recall 0.95 is out of reach in 1 of 2 walked segments: their calibration reached 0.9421");
  EXPECT_TRUE(recall_notes(0.94F, parts).empty());
}

}  // namespace
}  // namespace vibrato::vector
