#include "vector/flat_scan.hpp"

#include <gtest/gtest.h>
#include <limits>

#include "quant/coded_rows.hpp"
#include "support/vector_sets.hpp"

namespace vibrato::vector {
namespace {

using hnsw::Hit;

class FlatScan : public ::testing::Test {
 protected:
  // Rows 0, 1, 2, ... on a line.
  explicit FlatScan(std::uint32_t rows = 1500) : values_(rows) {
    for (std::uint32_t i = 0; i < rows; ++i) {
      values_[i] = static_cast<float>(i);
    }
    space_.metric = Metric::kL2;
    space_.row_count = rows;
    space_.vectors = {values_.data(), 1, 1};
  }
  std::vector<Hit> scan(float query, std::uint32_t first, std::uint32_t end, std::uint32_t k) {
    std::vector<Hit> hits;
    scan_rows(simd::kernels(), space_, &query, first, end, k, scratch_, hits, predicate_);
    return hits;
  }

  std::vector<float> values_;
  hnsw::RowSpace space_;
  hnsw::RowPredicate predicate_;
  ScanScratch scratch_;
};

TEST_F(FlatScan, finds_the_nearest_rows_across_batches_with_ties_by_row) {
  const auto hits = scan(700, 0, 1500, 5);
  const std::vector<Hit> expected = {{700, 0}, {699, 1}, {701, 1}, {698, 4}, {702, 4}};
  EXPECT_EQ(hits, expected);
}

TEST_F(FlatScan, stays_within_its_rows) {
  EXPECT_TRUE(scan(3, 7, 7, 4).empty());
  const std::vector<Hit> expected = {{1203, 0}, {1202, 1}};
  EXPECT_EQ(scan(1203, 1201, 1204, 2), expected);
  EXPECT_EQ(scan(0, 1201, 1204, 10).size(), 3U);
}

TEST_F(FlatScan, leaves_out_what_the_predicate_refuses) {
  predicate_.allows = [](const void*, std::uint32_t row) { return row % 100 == 0; };
  const std::vector<Hit> expected = {{700, 0}, {600, 10000}};
  EXPECT_EQ(scan(700, 0, 1500, 2), expected);
}

TEST_F(FlatScan, puts_distances_that_are_no_numbers_last) {
  values_[700] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(scan(700, 0, 1500, 2).front().row, 699U);
  const auto all = scan(700, 0, 1500, 1500);
  ASSERT_EQ(all.size(), 1500U);
  EXPECT_EQ(all.back().row, 700U);
}

// Goes on by one with each look at it.
class CountingClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t now_ms() const override { return 0; }
  [[nodiscard]] std::int64_t monotonic_ns() const override { return ++looks_; }
  [[nodiscard]] std::int64_t looks() const { return looks_; }

 private:
  mutable std::int64_t looks_ = 0;
};

class LongFlatScan : public FlatScan {
 protected:
  LongFlatScan() : FlatScan(20 * kScanCheckRows) {}
};

TEST_F(LongFlatScan, ends_within_1024_rows_of_its_deadline_whatever_the_predicate_refuses) {
  static std::uint32_t asked = 0;
  for (const bool refuses_all : {false, true}) {
    asked = 0;
    predicate_.allows = refuses_all ? [](const void*, std::uint32_t) { return ++asked == 0; }
                                    : [](const void*, std::uint32_t) { return ++asked != 0; };
    const CountingClock clock;
    std::vector<Hit> hits;
    const float query = 0;
    scan_rows(simd::kernels(), space_, &query, 0, space_.row_count, 3, scratch_, hits, predicate_, {clock, 4});
    EXPECT_EQ(asked, 4 * kScanCheckRows);
    EXPECT_EQ(clock.looks(), 4);
  }
}

TEST_F(LongFlatScan, looks_at_its_deadline_and_finds_all_before_it) {
  const CountingClock clock;
  std::vector<Hit> hits;
  const float query = 20'000;
  scan_rows(simd::kernels(), space_, &query, 0, space_.row_count, 1, scratch_, hits, {}, {clock, 1000});
  EXPECT_EQ(hits, (std::vector<Hit>{{20'000, 0}}));
  EXPECT_EQ(clock.looks(), 19);
}

TEST(ScanCodedRows, finds_what_an_exact_scan_finds) {
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kL2}) {
    const auto made = test::make_vectors(4000, 48, 1);
    hnsw::RowSpace space;
    space.metric = metric;
    space.row_count = made.rows;
    space.vectors = {made.values.data(), made.dim, made.dim};
    std::vector<float> inverse_norms;
    std::vector<std::uint32_t> all(made.rows);
    for (std::uint32_t row = 0; row < made.rows; ++row) {
      inverse_norms.push_back(store::inverse_norm(made.row(row)));
      all[row] = row;
    }
    space.inverse_norms = inverse_norms.data();
    const simd::Kernels& kernels = simd::kernels();
    const quant::ScalarQuantizer quantizer(metric, quant::CodeKind::kSq8,
                                           quant::mean_of_rows(metric, kernels, space.vectors, all), 1);
    auto codes = quant::CodedRows::create(quantizer, made.rows);
    ASSERT_OK(codes);
    std::vector<float> scratch;
    for (const std::uint32_t row : all) {
      codes->encode(kernels, row, made.row(row).data(), scratch);
    }
    space.quantizer = &quantizer;
    space.codes = codes->view();
    ScanScratch scan;
    std::vector<Hit> exact;
    std::vector<Hit> coded;
    for (const std::uint32_t k : {1U, 10U, 100U, 2000U}) {
      const auto query = made.row(k);
      scan_rows(kernels, space, query.data(), 500, 3500, k, scan, exact);
      scan_coded_rows(kernels, space, query.data(), 500, 3500, k, scan, coded);
      EXPECT_EQ(exact, coded) << to_string(metric) << " k " << k;
    }
  }
}

TEST(MergeHits, keeps_a_row_once_and_the_nearest_in_order) {
  std::vector<Hit> hits = {{4, 1}, {9, 2}, {2, 3}};
  std::vector<Hit> more = {{9, 2}, {1, 2}, {2, 2.5F}, {7, 9}};
  merge_hits(hits, more, 4);
  const std::vector<Hit> expected = {{4, 1}, {1, 2}, {9, 2}, {2, 2.5F}};
  EXPECT_EQ(hits, expected);
  EXPECT_TRUE(more.empty());
}

}  // namespace
}  // namespace vibrato::vector
