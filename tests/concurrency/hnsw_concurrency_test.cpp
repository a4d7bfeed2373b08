// Searches without locks while rows are completed and inserted by several threads.
#include <atomic>
#include <cmath>
#include <gtest/gtest.h>
#include <string>
#include <thread>

#include "hnsw/builder.hpp"
#include "hnsw/reachability.hpp"
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

constexpr std::uint32_t kWriters = 2;
constexpr std::uint32_t kReaders = 2;

// `rows` is what the writers complete and the index reads; `truth` stays as it was.
struct Shared {
  MadeRows& rows;
  const MadeRows& truth;
  GraphIndex& index;
  std::atomic<std::uint32_t> next{0};
  std::atomic<std::uint32_t> inserted{0};
};

void write_rows(Shared& shared) {
  Builder builder(GraphIndex::kernels(), shared.index.space(), shared.index.graph());
  InsertScratch scratch;
  std::vector<float> code_scratch;
  for (std::uint32_t row = shared.next++; row < shared.truth.count; row = shared.next++) {
    std::copy_n(shared.truth.row(row), shared.truth.dim, shared.rows.row(row));
    shared.index.encode_row(row, code_scratch);
    builder.insert(row, scratch);
    ++shared.inserted;
  }
}

// Searches until all rows are in, and once more then. Returns how many searches found something.
std::uint32_t search_rows(Shared& shared, std::uint64_t seed, std::string& fault) {
  Random random(seed);
  SearchScratch scratch;
  std::vector<Hit> hits;
  std::uint32_t found = 0;
  const Metric metric = shared.index.space().metric;
  for (bool last = false; !last && fault.empty();) {
    last = shared.inserted == shared.truth.count;
    const float* query = shared.truth.row(static_cast<std::uint32_t>(random.below(shared.truth.count)));
    search(GraphIndex::kernels(), shared.index.graph().view(shared.truth.count), shared.index.space(), query, {},
           scratch, hits);
    const std::uint32_t begun = shared.next;
    for (std::size_t i = 0; i < hits.size(); ++i) {
      const double exact = test::exact_distance(metric, shared.truth.row(hits[i].row), query, shared.truth.dim);
      if (hits[i].row >= begun) {
        fault = "row " + std::to_string(hits[i].row) + " was found before it was begun";
      } else if (std::fabs(hits[i].distance - exact) > 1e-3) {
        fault = "row " + std::to_string(hits[i].row) + " was found at " + std::to_string(hits[i].distance) + ", not " +
                std::to_string(exact);
      } else if (i > 0 && hits[i - 1].row == hits[i].row) {
        fault = "row " + std::to_string(hits[i].row) + " was found twice";
      }
    }
    found += hits.empty() ? 0 : 1;
  }
  return found;
}

void insert_and_search(Metric metric, CodeKind kind, std::uint32_t m) {
  const MadeRows truth = test::clustered_rows(test::scaled(6'000, 2'000), 24, 40, 0.4F, 21);
  MadeRows rows = truth;
  IndexOptions options;
  options.metric = metric;
  options.kind = kind;
  options.graph.m = m;
  options.graph.ef_construction = 40;
  GraphIndex index(rows, options);
  Shared shared{rows, truth, index};
  std::string faults[kReaders];
  std::uint32_t found[kReaders] = {};
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < kReaders; ++i) {
    threads.emplace_back([&, i] { found[i] = search_rows(shared, i, faults[i]); });
  }
  for (std::uint32_t i = 0; i < kWriters; ++i) {
    threads.emplace_back([&] { write_rows(shared); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (std::uint32_t i = 0; i < kReaders; ++i) {
    EXPECT_EQ(faults[i], "");
    EXPECT_GT(found[i], 0U);
  }
  link_unreachable_rows(GraphIndex::kernels(), index.space(), index.graph(), rows.count);
  EXPECT_OK(validate_graph(index.view()));
}

TEST(HnswConcurrency, searches_codes_while_rows_are_inserted) {
  insert_and_search(Metric::kL2, CodeKind::kSq4, 8);
  insert_and_search(Metric::kCosine, CodeKind::kSq8, 8);
}

TEST(HnswConcurrency, searches_floats_while_rows_are_inserted) {
  insert_and_search(Metric::kDot, CodeKind::kNone, 8);
}

// m = 2: half of the rows have upper levels, the entry point moves often and lists are always full.
TEST(HnswConcurrency, searches_many_levels_while_rows_are_inserted) {
  insert_and_search(Metric::kL2, CodeKind::kSq4, 2);
}

// Unreachable rows are linked under the feet of readers.
TEST(HnswConcurrency, searches_while_unreachable_rows_are_linked) {
  MadeRows rows = test::gaussian_rows(test::scaled(3'000), 16, 5);
  const MadeRows truth = rows;
  IndexOptions options;
  options.graph.m = 2;
  options.graph.ef_construction = 2;
  GraphIndex index(rows, options);
  Shared shared{rows, truth, index};
  write_rows(shared);
  shared.inserted = 0;
  std::string fault;
  std::uint32_t found = 0;
  std::thread reader([&] { found = search_rows(shared, 3, fault); });
  EXPECT_GT(link_unreachable_rows(GraphIndex::kernels(), index.space(), index.graph(), rows.count), 0U);
  shared.inserted = truth.count;
  reader.join();
  EXPECT_EQ(fault, "");
  EXPECT_GT(found, 0U);
  EXPECT_OK(validate_graph(index.view()));
}

}  // namespace
}  // namespace vibrato::hnsw
