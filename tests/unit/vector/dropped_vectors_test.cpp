// Archives that dropped their raw vectors give the space of dead rows back, and find what they found before.
#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "support/vector_store_test.hpp"
#include "vector/archive.hpp"

namespace vibrato::vector {
namespace {

constexpr std::uint32_t kDroppedDim = test::kStoreDim;

class DroppedVectorsTest : public test::VectorStoreTest {
 protected:
  void SetUp() override {
    test::VectorStoreTest::SetUp();
    make(Metric::kL2);
  }
  // An archive of 3,000 rows.
  void make(Metric metric) {
    CollectionSettings settings = test::small_segment_settings(kDroppedDim, metric);
    settings.archive = ArchiveSettings{false};
    ASSERT_OK(store_->create(name(), settings));
    next_id_ = 0;
    put_parts(name(), {2000, 1000});
    compact_all(name());
    ASSERT_EQ(sealed_parts(name()), 1U);
    ASSERT_FALSE(archive()->rows().file().has_vectors());
  }
  [[nodiscard]] std::string name() const { return "old"; }
  [[nodiscard]] std::shared_ptr<const SealedPart> archive() const {
    return store_->collection(name())->read_view().version->sealed.front();
  }
  // What makes a point what it is, where its vector is gone.
  using Rows = std::map<PointId, std::tuple<Lsn, std::string, std::string>>;
  [[nodiscard]] Rows alive_rows() const {
    Rows rows;
    const auto part = archive();
    for (std::uint32_t row = 0; row < part->row_count(); ++row) {
      if (part->is_alive(row, store_->visible())) {
        const simd::CodeRows& codes = part->rows().space().codes;
        const auto* const code = reinterpret_cast<const char*>(codes.base + row * codes.stride_bytes);
        rows[PointId(*part->id(row))] = {part->row_lsn(row), std::string(*part->meta_json(row)),
                                         std::string(code, codes.code_bytes)};
      }
    }
    return rows;
  }
  // The ids that a search finds, or a scan of the codes.
  [[nodiscard]] std::vector<PointId> found(const std::vector<float>& query, bool exact) const {
    SearchRequest request;
    request.vector = query;
    request.exact = exact;
    const auto answer = store_->collection(name())->search(request);
    EXPECT_OK(answer);
    std::vector<PointId> ids;
    for (const PointHit& hit : answer->hits) {
      ids.emplace_back(hit.id);
    }
    return ids;
  }
  // The share of the ten nearest living points that searches find: by their true vectors, and by their codes.
  struct Recall {
    double of_true = 0;
    double of_codes = 0;
  };
  [[nodiscard]] Recall recall() {
    constexpr std::uint64_t kQueries = 100;
    Recall recall;
    for (std::uint64_t q = 0; q < kQueries; ++q) {
      const std::vector<float> query = test::made_vector(kDroppedDim, q, 77);
      std::vector<std::pair<double, PointId>> truth;
      for (const auto& [id, point] : expected_[name()]) {
        double distance = 0;
        for (std::uint32_t j = 0; j < kDroppedDim; ++j) {
          distance += (double{query[j]} - double{point.vector[j]}) * (double{query[j]} - double{point.vector[j]});
        }
        truth.emplace_back(distance, id);
      }
      std::partial_sort(truth.begin(), truth.begin() + 10, truth.end());
      const std::vector<PointId> walked = found(query, false);
      const std::vector<PointId> scanned = found(query, true);
      for (std::size_t i = 0; i < 10; ++i) {
        const auto is_found = [&walked](const PointId& id) {
          return std::find(walked.begin(), walked.end(), id) != walked.end() ? 1.0 : 0.0;
        };
        recall.of_true += is_found(truth[i].second) / (10.0 * kQueries);
        recall.of_codes += is_found(scanned[i]) / (10.0 * kQueries);
      }
    }
    return recall;
  }
};

TEST_F(DroppedVectorsTest, an_archive_gives_the_space_of_its_dead_rows_back_and_finds_as_before) {
  const std::uint64_t bytes = archive()->bytes_on_disk();
  remove(name(), 0, 500);
  compact_what_is_due();
  EXPECT_EQ(archive()->row_count(), 3000U);  // A sixth is too little.
  remove(name(), 1000, 1800);
  put(name(), 2900, 2950, 1);
  checkpoint();
  for (std::uint64_t id = 2900; id < 2950; ++id) {
    ASSERT_OK(store_->remove(name(), PointId(id)));
    expected_[name()].erase(PointId(id));
  }
  checkpoint();
  const Rows before = alive_rows();
  ASSERT_EQ(before.size(), 1650U);
  const Recall recall_before = recall();
  compact_what_is_due();
  for (int restart = 0; restart < 2; ++restart) {
    const auto part = archive();
    ASSERT_EQ(part->row_count(), 1650U);
    EXPECT_EQ(part->deletes()->count(), 0U);
    EXPECT_EQ(part->entry().level, kArchiveLevel);
    EXPECT_FALSE(part->rows().file().has_vectors());
    EXPECT_TRUE(part->rows().has_graph());
    EXPECT_LT(part->bytes_on_disk(), bytes * 2 / 3);
    EXPECT_OK(part->rows().file().verify());
    EXPECT_EQ(alive_rows(), before);
    const Recall recall_after = recall();
    EXPECT_GE(recall_after.of_true, recall_before.of_true - 0.01);
    EXPECT_GE(recall_after.of_codes, 0.98) << "before: " << recall_before.of_codes;
    EXPECT_EQ(store_->collection(name())->info().live_count, 1650U);
    open();
  }
  EXPECT_EQ(store_->segment_files().size(), 1U);
}

TEST_F(DroppedVectorsTest, rewriting_works_for_every_metric_down_to_few_rows_and_none) {
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kL2}) {
    ASSERT_OK(store_->drop(name()));
    expected_.clear();
    make(metric);
    std::uint64_t first = 0;
    for (const std::uint64_t end : {700U, 2950U, 3000U}) {
      remove(name(), first, end);
      first = end;
      const Rows before = alive_rows();
      compact_all(name());
      if (end == 3000) {
        EXPECT_EQ(sealed_parts(name()), 0U);
        continue;
      }
      ASSERT_EQ(archive()->row_count(), 3000 - end);
      EXPECT_EQ(alive_rows(), before);
      EXPECT_EQ(found(test::made_vector(kDroppedDim, 1, 77), false).size(), 10U);
      EXPECT_OK(archive()->rows().file().verify());
    }
  }
}

TEST_F(DroppedVectorsTest, what_is_deleted_meanwhile_stays_so_and_a_stop_leaves_all_as_it_was) {
  remove(name(), 0, 1000);
  int asked = 0;
  const auto stopped = store_->maintenance().compact(store_->collection(name()),
                                                     [&] { return ++asked < 4 ? ok_status() : unavailable("stop"); });
  EXPECT_CODE(stopped, ErrorCode::kUnavailable);
  EXPECT_EQ(archive()->row_count(), 3000U);
  asked = 0;
  const auto done = store_->maintenance().compact(store_->collection(name()), [&] {
    return ++asked == 4 ? store_->remove(name(), PointId(std::uint64_t{2000})) : ok_status();
  });
  ASSERT_OK(done);
  expected_[name()].erase(PointId(std::uint64_t{2000}));
  EXPECT_EQ(archive()->row_count(), 2000U);
  for (int restart = 0; restart < 2; ++restart) {
    EXPECT_EQ(alive_rows().size(), 1999U);
    EXPECT_FALSE(alive_rows().contains(PointId(std::uint64_t{2000})));
    EXPECT_EQ(store_->collection(name())->info().live_count, 1999U);
    open();
  }
}

}  // namespace
}  // namespace vibrato::vector
