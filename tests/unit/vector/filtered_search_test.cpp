// Searches with filters over hot, frozen and sealed parts, beside the plain definition: the nearest of the points that
// the matcher lets through.
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <simdjson.h>

#include "filter/matcher.hpp"
#include "filter/parse_filter.hpp"
#include "support/made_collection.hpp"
#include "support/vector_sets.hpp"
#include "vector/collection.hpp"
#include "vector/meta_blocks.hpp"

namespace vibrato::vector {
namespace {

using test::MadeCollection;
using test::number_id;
using test::small_settings;

constexpr std::uint32_t kFilteredDim = 16;
constexpr std::uint32_t kFilteredRows = 6000;

filter::Filter filter_of(const std::string& json) {
  simdjson::dom::parser parser;
  auto filter = filter::parse_filter(parser.parse(json));
  EXPECT_OK(filter);
  return *std::move(filter);
}

// Meta with fields of many selectivities; `near` goes with the first coordinate.
std::string meta_of(std::uint32_t row, std::span<const float> vector) {
  if (row % 17 == 0) {
    return "";
  }
  return fmt::format(R"({{"n":{},"mod":{{"ten":{},"two":{}}},"near":{:.6f},"tags":["t{}","u{}"],"long":"{}{}"}})", row,
                     row % 10, row % 2, vector[0], row % 100, row % 3, std::string(300, 'x'), row % 5);
}

class FilteredSearch : public ::testing::TestWithParam<std::tuple<Metric, IndexKind>> {
 protected:
  FilteredSearch()
      : set_(test::make_vectors(kFilteredRows, kFilteredDim, 3)),
        queries_(test::make_vectors(12, kFilteredDim, 5)),
        made_(small_settings(kFilteredDim, std::get<0>(GetParam()), std::get<1>(GetParam()))) {}

  void put(std::uint32_t first, std::uint32_t end) {
    for (std::uint32_t row = first; row < end; ++row) {
      metas_[row] = meta_of(row, set_.row(row));
      made_.put(number_id(row), set_.row(row), metas_[row]);
    }
    made_.publish();
  }
  void erase_every(std::uint32_t step) {
    for (std::uint32_t row = 0; row < kFilteredRows; row += step) {
      if (metas_.erase(row) > 0) {
        made_.erase(number_id(row));
      }
    }
    made_.publish();
  }

  [[nodiscard]] float score(std::span<const float> query, std::uint32_t row) const {
    double dot = 0;
    double distance = 0;
    double query_norm = 0;
    double norm = 0;
    for (std::uint32_t d = 0; d < kFilteredDim; ++d) {
      const double q = query[d];
      const double x = set_.row(row)[d];
      dot += q * x;
      distance += (q - x) * (q - x);
      query_norm += q * q;
      norm += x * x;
    }
    switch (std::get<0>(GetParam())) {
      case Metric::kL2:
        return static_cast<float>(distance);
      case Metric::kCosine:
        return static_cast<float>(dot / std::sqrt(query_norm * norm));
      case Metric::kDot:
        return static_cast<float>(dot);
    }
    return 0;
  }

  // The rows that match, by the matcher alone.
  [[nodiscard]] std::set<std::uint64_t> matching(const filter::Filter& filter) const {
    filter::Matcher matcher(filter);
    std::set<std::uint64_t> rows;
    for (const auto& [row, meta] : metas_) {
      const auto matches = matcher.matches(number_id(row), meta);
      EXPECT_OK(matches);
      if (*matches) {
        rows.insert(row);
      }
    }
    return rows;
  }

  // Of one search: every hit matches, there are as many as there can be; answers how many of the true ones were found.
  double check(const filter::Filter& filter, const std::set<std::uint64_t>& rows, std::span<const float> query,
               bool exact) {
    constexpr std::uint32_t kHits = 10;
    SearchRequest request;
    request.vector = query;
    request.k = kHits;
    request.exact = exact;
    request.filter = filter;
    const auto answer = made_->search(request);
    EXPECT_OK(answer);
    std::vector<std::pair<float, std::uint64_t>> truth;
    const bool is_l2 = std::get<0>(GetParam()) == Metric::kL2;
    for (const std::uint64_t row : rows) {
      const float one = score(query, static_cast<std::uint32_t>(row));
      truth.emplace_back(is_l2 ? one : -one, row);
    }
    std::sort(truth.begin(), truth.end());
    truth.resize(std::min<std::size_t>(truth.size(), kHits));
    EXPECT_EQ(answer->hits.size(), truth.size());
    std::size_t found = 0;
    std::set<std::uint64_t> seen;
    for (const PointHit& hit : answer->hits) {
      EXPECT_TRUE(rows.contains(hit.id.number)) << hit.id.number;
      EXPECT_TRUE(seen.insert(hit.id.number).second) << hit.id.number;
      found += std::ranges::any_of(truth, [&](const auto& one) { return one.second == hit.id.number; }) ? 1 : 0;
    }
    return truth.empty() ? 1 : static_cast<double>(found) / static_cast<double>(truth.size());
  }

  void check_all(const std::string& when) {
    SCOPED_TRACE(when);
    for (const char* json : kFilters) {
      SCOPED_TRACE(json);
      const filter::Filter filter = filter_of(json);
      const std::set<std::uint64_t> rows = matching(filter);
      double recall = 0;
      for (std::uint32_t q = 0; q < queries_.rows; ++q) {
        EXPECT_EQ(check(filter, rows, queries_.row(q), true), 1);
        recall += check(filter, rows, queries_.row(q), false);
      }
      EXPECT_GE(recall / queries_.rows, 0.95) << rows.size() << " rows match";
    }
  }

  static constexpr const char* kFilters[] = {
      "{}",
      R"({"key":"mod.ten","match":{"value":3}})",
      R"({"must_not":{"key":"mod.ten","match":{"value":3}}})",
      R"({"key":"mod.two","match":{"value":1}})",
      R"({"key":"tags","match":{"any":["t7","t8"]}})",
      R"({"key":"n","range":{"lt":700}})",
      R"({"key":"near","range":{"gt":0.8}})",
      R"({"key":"near","range":{"lt":-0.8}})",
      R"({"should":[{"key":"n","range":{"gte":5990}},{"has_id":[1,2,3,"4",100000]}]})",
      R"({"is_empty":"tags"})",
      R"({"must":[{"key":"tags","match":{"value":"u1"}},{"key":"mod.two","match":{"value":0}}]})",
      R"({"key":"n","match":{"value":4242}})",
      R"({"key":"n","match":{"value":-1}})",
      R"({"key":"long","match":{"prefix":"xxx"}})",
  };

  test::VectorSet set_;
  test::VectorSet queries_;
  MadeCollection made_;
  std::map<std::uint32_t, std::string> metas_;
};

TEST_P(FilteredSearch, fills_k_with_the_nearest_matching_points_in_every_part) {
  put(0, 3000);
  check_all("hot, nothing indexed");
  const auto hot = made_->read_view().version->hot;
  while (hot->index_step(512)) {
  }
  check_all("hot");
  made_.seal();
  check_all("sealed");
  put(3000, 5000);
  made_.seal();
  put(4900, kFilteredRows);
  check_all("two sealed parts and a hot one");
  erase_every(3);
  check_all("a third deleted");
  made_.merge(0, 2);
  check_all("merged");
}

TEST_P(FilteredSearch, follows_deletes_and_updates_when_it_keeps_what_filters_matched) {
  put(0, 3000);
  made_.seal();
  const auto ask = [&](const char* json) {
    const filter::Filter filter = filter_of(json);
    const std::set<std::uint64_t> rows = matching(filter);
    for (int times = 0; times < 3; ++times) {
      EXPECT_EQ(check(filter, rows, queries_.row(0), true), 1) << json;
    }
  };
  const char* const by_id = R"({"has_id":[0,1,2,3,4,5,"6",5000]})";
  const char* const by_meta = R"({"key":"n","range":{"lt":8}})";
  for (const char* json : {by_id, by_meta}) {
    ask(json);
  }
  const std::size_t kept = made_.filter_cache().bytes();
  EXPECT_GT(kept, 0U);
  erase_every(2);
  for (const char* json : {by_id, by_meta}) {
    ask(json);
  }
  put(1, 5);  // The old rows are dead, the new ones hot.
  for (const char* json : {by_id, by_meta}) {
    ask(json);
  }
  EXPECT_EQ(made_.filter_cache().bytes(), kept) << "nothing was evaluated again";
  made_.seal();
  for (const char* json : {by_id, by_meta}) {
    ask(json);
  }
  EXPECT_GT(made_.filter_cache().bytes(), kept);
  made_.merge(0, 2);
  EXPECT_EQ(made_.filter_cache().bytes(), 0U) << "the parts are gone";
  for (const char* json : {by_id, by_meta}) {
    ask(json);
  }
}

TEST_P(FilteredSearch, answers_filters_that_mean_the_same_alike) {
  put(0, 3000);
  made_.seal();
  put(3000, 5000);
  const std::vector<std::vector<const char*>> alike = {
      {R"({"key":"mod.two","match":{"value":1}})", R"({"must":{"key":"mod.two","match":{"any":[1.0]}}})",
       R"({"key":"mod.two","range":{"gt":0.5,"lte":1}})",
       R"({"must_not":[{"key":"mod.two","match":{"value":0}},{"is_empty":"mod.two"}]})",
       R"({"should":[{"key":"mod.ten","match":{"any":[1,3,5]}},{"key":"mod.ten","match":{"any":[7,9]}}]})"},
      {R"({"key":"n","range":{"lt":700}})", R"({"key":"n","range":{"gte":0,"lte":699}})",
       R"({"must_not":[{"key":"n","range":{"gte":700}},{"is_empty":"n"}]})"},
      {R"({"key":"tags","match":{"any":["t7","t8"]}})",
       R"({"should":[{"key":"tags","match":{"value":"t8"}},{"key":"tags","match":{"prefix":"t7"}}],"must":[{"key":"tags","match":{"any":["t8","t7","t7"]}}]})"},
  };
  for (const auto& filters : alike) {
    for (std::uint32_t q = 0; q < queries_.rows; ++q) {
      std::vector<std::pair<std::uint64_t, float>> first;
      for (const char* json : filters) {
        SearchRequest request;
        request.vector = queries_.row(q);
        request.filter = filter_of(json);
        const auto answer = made_->search(request);
        ASSERT_OK(answer);
        std::vector<std::pair<std::uint64_t, float>> hits;
        for (const PointHit& hit : answer->hits) {
          hits.emplace_back(hit.id.number, hit.score);
        }
        if (json == filters.front()) {
          first = hits;
        }
        EXPECT_EQ(hits, first) << json;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EveryMetric, FilteredSearch,
                         ::testing::Combine(::testing::Values(Metric::kL2, Metric::kCosine, Metric::kDot),
                                            ::testing::Values(IndexKind::kHnsw)),
                         [](const auto& tested) { return std::string(to_string(std::get<0>(tested.param))); });
INSTANTIATE_TEST_SUITE_P(Flat, FilteredSearch,
                         ::testing::Combine(::testing::Values(Metric::kL2), ::testing::Values(IndexKind::kFlat)));

TEST(MetaBlocks, index_full_blocks_one_by_one) {
  MetaBlocks blocks(3 * MetaBlocks::kRows);
  EXPECT_FALSE(blocks.is_due(MetaBlocks::kRows - 1));
  ASSERT_TRUE(blocks.is_due(MetaBlocks::kRows));
  ASSERT_TRUE(blocks.index_next([](std::uint32_t) { return R"({"a":1})"; }));
  EXPECT_FALSE(blocks.is_due(2 * MetaBlocks::kRows - 1));
  ASSERT_TRUE(blocks.is_due(2 * MetaBlocks::kRows));
  ASSERT_TRUE(blocks.index_next([](std::uint32_t) { return ""; }));
  EXPECT_EQ(blocks.block_count(), 2U);
  ASSERT_NE(blocks.block(0), nullptr);
  EXPECT_EQ(blocks.block(0)->row_count(), MetaBlocks::kRows);
  EXPECT_EQ(blocks.block(0)->field_count(), 1U);
  EXPECT_EQ(blocks.block(1), nullptr);
}

}  // namespace
}  // namespace vibrato::vector
