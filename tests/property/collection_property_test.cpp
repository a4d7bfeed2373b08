// A collection under random writes, deletes, freezing, sealing, merging and indexing, against a plain map.
#include <cstdlib>
#include <gtest/gtest.h>
#include <map>
#include <optional>
#include <set>

#include "support/made_collection.hpp"
#include "support/sanitizers.hpp"
#include "support/vector_sets.hpp"

namespace vibrato::vector {
namespace {

struct PlainPoint {
  std::vector<float> vector;
  std::string meta;
};
using PlainPoints = std::map<PointId, PlainPoint>;

// What a reader sees must be `visible`; `applied` is ahead of it by the groups that are not published.
class RandomCollectionRun {
 public:
  explicit RandomCollectionRun(std::uint64_t seed)
      : random_(seed),
        metric_(kMetrics[random_.below(3)]),
        dim_(static_cast<std::uint32_t>(1 + random_.below(random_.chance(0.5) ? 4 : 24))),
        ids_(1 + random_.below(random_.chance(0.5) ? 40 : 3000)),
        made_(settings(), random_.chance(0.5) ? 64 << 20 : 400 * dim_ * sizeof(float)) {}

  void run(int steps) {
    for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      take_step();
      check_search();
      check_get();
    }
    made_.publish();
    visible_ = applied_;
    EXPECT_EQ(made_->info().live_count, applied_.size());
    check_search();
  }

 private:
  static constexpr Metric kMetrics[] = {Metric::kL2, Metric::kCosine, Metric::kDot};

  CollectionSettings settings() {
    return test::small_settings(dim_, metric_, random_.chance(0.8) ? IndexKind::kHnsw : IndexKind::kFlat);
  }

  PointId draw_id() {
    const std::uint64_t number = random_.below(ids_);
    return number % 3 == 0 ? PointId("id-" + std::to_string(number)) : PointId(number);
  }

  std::vector<float> draw_vector() {
    std::vector<float> vector(dim_);
    for (float& value : vector) {
      value = static_cast<float>(random_.normal());
    }
    return vector;
  }

  void write() {
    const PointId id = draw_id();
    if (random_.chance(0.25)) {
      made_.erase(id.view());
      applied_.erase(id);
      return;
    }
    PlainPoint point{draw_vector(), random_.chance(0.5) ? R"({"n":)" + std::to_string(random_.below(1000)) + "}" : ""};
    made_.put(id.view(), point.vector, point.meta);
    applied_[id] = std::move(point);
  }

  void write_many(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      write();
    }
  }

  void publish() {
    made_.publish();
    visible_ = applied_;
  }

  void merge() {
    const std::size_t parts = made_->read_view().version->sealed.size();
    if (parts == 0) {
      return;
    }
    const std::size_t first = random_.below(parts);
    const std::size_t count = 1 + random_.below(parts - first);
    made_.merge(first, count, [&] {
      write_many(random_.below(60));
      if (random_.chance(0.5)) {
        publish();
      }
    });
  }

  void take_step() {
    switch (random_.below(8)) {
      case 0:
        publish();
        made_.seal();
        return;
      case 1:
        merge();
        return;
      case 2:
        (void)made_->freeze_hot();
        return;
      case 3:
        if (const auto hot = made_->read_view().version->hot; hot != nullptr) {
          (void)hot->index_step(static_cast<std::uint32_t>(1 + random_.below(700)));
        }
        return;
      default:
        write_many(random_.below(random_.chance(0.3) ? 900 : 20));
        if (random_.chance(0.7)) {
          publish();
        }
    }
  }

  void check_get() {
    for (int i = 0; i < 5; ++i) {
      const PointId id = draw_id();
      const auto point = made_->get(id.view());
      ASSERT_OK(point);
      check_point(*point, visible_, id);
      const auto applied = made_->find_applied(id.view());
      ASSERT_OK(applied);
      check_point(*applied, applied_, id);
    }
  }

  static void check_point(const std::optional<Point>& point, const PlainPoints& truth, const PointId& id) {
    const auto expected = truth.find(id);
    ASSERT_EQ(point.has_value(), expected != truth.end());
    if (point) {
      EXPECT_EQ(point->id, id.view());
      EXPECT_EQ(point->meta_json, expected->second.meta);
      EXPECT_TRUE(std::ranges::equal(point->vector, expected->second.vector));
    }
  }

  void check_search() {
    const auto query = draw_vector();
    SearchRequest request;
    request.vector = query;
    request.k = static_cast<std::uint32_t>(1 + random_.below(random_.chance(0.2) ? 2000 : 20));
    request.offset = static_cast<std::uint32_t>(random_.chance(0.2) ? random_.below(30) : 0);
    request.exact = random_.chance(0.5);
    if (random_.chance(0.2)) {
      request.left_out.push_back(draw_id());
    }
    const auto answer = made_->search(request);
    ASSERT_OK(answer);
    std::vector<double> truth;
    for (const auto& [id, point] : visible_) {
      if (std::ranges::find(request.left_out, id) == request.left_out.end()) {
        truth.push_back(test::plain_distance(metric_, query, point.vector));
      }
    }
    std::sort(truth.begin(), truth.end());
    const std::size_t skipped = std::min<std::size_t>(request.offset, truth.size());
    ASSERT_EQ(answer->hits.size(), std::min<std::size_t>(request.k, truth.size() - skipped));
    check_hits(request, answer->hits, std::span(truth).subspan(skipped));
  }

  void check_hits(const SearchRequest& request, const std::vector<PointHit>& hits, std::span<const double> truth) {
    std::set<PointId> ids;
    std::size_t right = 0;
    double last = -1e30;
    for (std::size_t i = 0; i < hits.size(); ++i) {
      const auto point = visible_.find(PointId(hits[i].id));
      ASSERT_NE(point, visible_.end()) << "a dead point";
      EXPECT_TRUE(ids.insert(point->first).second) << "a point twice";
      EXPECT_EQ(std::ranges::count(request.left_out, point->first), 0);
      const double distance = test::plain_distance(metric_, request.vector, point->second.vector);
      const double tolerance = 1e-4 * (1 + std::abs(distance));
      EXPECT_GE(distance, last - tolerance);
      last = distance;
      EXPECT_NEAR(hits[i].score, hnsw::score_of(metric_, static_cast<float>(distance)), tolerance);
      if (request.exact) {
        EXPECT_NEAR(distance, truth[i], tolerance);
      }
      right += distance <= truth[hits.size() - 1] + tolerance ? 1U : 0U;
    }
    searched_ += hits.size();
    found_ += right;
    if (searched_ > 2000) {
      EXPECT_GE(static_cast<double>(found_) / static_cast<double>(searched_), 0.95);
    }
  }

  Random random_;
  const Metric metric_;
  const std::uint32_t dim_;
  const std::uint64_t ids_;
  test::MadeCollection made_;
  PlainPoints applied_;
  PlainPoints visible_;
  std::size_t searched_ = 0;
  std::size_t found_ = 0;
};

TEST(CollectionProperty, every_reader_sees_what_a_plain_map_holds) {
  const char* chosen = std::getenv("VIBRATO_TEST_SEED");
  const std::uint64_t runs = chosen != nullptr ? 1 : test::kSanitized ? 4 : 20;
  for (std::uint64_t i = 0; i < runs && !HasFailure(); ++i) {
    const std::uint64_t seed = chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : 1000 + i;
    SCOPED_TRACE("VIBRATO_TEST_SEED=" + std::to_string(seed));
    RandomCollectionRun(seed).run(120);
  }
}

}  // namespace
}  // namespace vibrato::vector
