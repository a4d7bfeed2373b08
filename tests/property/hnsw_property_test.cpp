// Indexes of random shape, grown in random steps, against a plain scan.
#include <cstdlib>
#include <gtest/gtest.h>
#include <string>

#include "hnsw/validator.hpp"
#include "support/graph_index.hpp"
#include "support/sanitizers.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::hnsw {
namespace {

using quant::CodeKind;
using test::GraphIndex;
using test::IndexOptions;
using test::MadeRows;

constexpr Metric kMetrics[] = {Metric::kL2, Metric::kCosine, Metric::kDot};
constexpr CodeKind kKinds[] = {CodeKind::kNone, CodeKind::kSq8, CodeKind::kSq4};

MadeRows draw_rows(Random& random) {
  const auto count = static_cast<std::uint32_t>(1 + random.below(random.chance(0.3) ? 20 : 600));
  const auto dim = static_cast<std::uint32_t>(1 + random.below(random.chance(0.3) ? 4 : 150));
  const std::uint64_t seed = random.next_u64();
  switch (random.below(4)) {
    case 0:
      return test::gaussian_rows(count, dim, seed);
    case 1:
      return test::uniform_rows(count, dim, seed);
    case 2:
      return test::clustered_rows(count, dim, 1 + static_cast<std::uint32_t>(random.below(10)), 0.1F, seed);
    default: {
      MadeRows rows = test::gaussian_rows(count, dim, seed);
      for (std::uint32_t i = 1; i < count; ++i) {
        if (random.chance(0.5)) {
          std::copy_n(rows.row(static_cast<std::uint32_t>(random.below(i))), dim, rows.row(i));
        }
      }
      return rows;
    }
  }
}

IndexOptions draw_options(Random& random) {
  IndexOptions options;
  options.metric = kMetrics[random.below(3)];
  options.kind = kKinds[random.below(3)];
  options.graph.m = static_cast<std::uint32_t>(2 + random.below(24));
  options.graph.ef_construction = static_cast<std::uint32_t>(1 + random.below(80));
  options.graph.seed = random.next_u64();
  return options;
}

struct Modulo {
  std::uint32_t divisor;
  static bool allows(const void* context, std::uint32_t row) {
    return row % static_cast<const Modulo*>(context)->divisor == 0;
  }
};

// Row numbers, distances and their order, where the pool is as wide as the index: nothing may be missed but by the
// error of codes. Returns the recall.
double check_search(GraphIndex& index, std::uint32_t row_count, Random& random) {
  const MadeRows& rows = index.rows();
  const Metric metric = index.space().metric;
  const MadeRows query = test::gaussian_rows(1, rows.dim, random.next_u64());
  const Modulo modulo{static_cast<std::uint32_t>(1 + random.below(4))};
  SearchParams params;
  params.k = static_cast<std::uint32_t>(1 + random.below(row_count + 3));
  params.ef = row_count;
  params.predicate = {Modulo::allows, &modulo};
  std::vector<Hit> hits;
  SearchScratch scratch;
  search(GraphIndex::kernels(), index.graph().view(row_count), index.space(), query.row(0), params, scratch, hits);

  const auto allows = [&](std::uint32_t row) { return row < row_count && row % modulo.divisor == 0; };
  const auto nearest = test::exact_nearest(metric, rows, query.row(0), params.k, allows);
  EXPECT_EQ(hits.size(), nearest.size());
  for (std::size_t i = 0; i < hits.size(); ++i) {
    EXPECT_TRUE(allows(hits[i].row)) << "row " << hits[i].row;
    const double exact = test::exact_distance(metric, rows.row(hits[i].row), query.row(0), rows.dim);
    EXPECT_NEAR(hits[i].distance, exact, 1e-4 * (1 + std::fabs(exact)));
    EXPECT_TRUE(i == 0 || hits[i - 1].distance <= hits[i].distance);
    if (index.space().quantizer == nullptr && i < nearest.size()) {
      EXPECT_NEAR(exact, nearest[i], 1e-4 * (1 + std::fabs(nearest[i])));
    }
  }
  return test::recall_of(hits, nearest, metric, rows, query.row(0));
}

struct Tally {
  double recall = 0;
  std::uint32_t searches = 0;
};

void run_seed(std::uint64_t seed, Tally& tally) {
  SCOPED_TRACE("VIBRATO_TEST_SEED=" + std::to_string(seed));
  Random random(seed);
  const MadeRows rows = draw_rows(random);
  GraphIndex index(rows, draw_options(random));
  std::uint32_t inserted = 0;
  while (inserted < rows.count) {
    const auto more = static_cast<std::uint32_t>(1 + random.below(rows.count - inserted));
    BuildOptions build;
    build.threads = static_cast<std::uint32_t>(1 + random.below(3));
    insert_rows(GraphIndex::kernels(), index.space(), index.graph(), inserted, inserted + more, build);
    inserted += more;
    ASSERT_OK(validate_graph(index.graph().view(inserted)));
    for (int i = 0; i < 3; ++i) {
      tally.recall += check_search(index, inserted, random);
      ++tally.searches;
    }
  }
}

TEST(HnswProperty, an_index_as_wide_as_its_rows_answers_like_a_scan) {
  Tally tally;
  if (const char* seed = std::getenv("VIBRATO_TEST_SEED")) {
    run_seed(std::strtoull(seed, nullptr, 10), tally);
    return;
  }
  for (std::uint64_t seed = 1; seed <= test::scaled(300); ++seed) {
    run_seed(seed, tally);
    if (HasFatalFailure() || HasNonfatalFailure()) {
      return;
    }
  }
  EXPECT_GE(tally.recall, 0.995 * tally.searches);
}

}  // namespace
}  // namespace vibrato::hnsw
