#include "vector/choose_codes.hpp"

#include <gtest/gtest.h>

#include "support/vector_sets.hpp"

namespace vibrato::vector {
namespace {

using quant::CodeKind;

CodeChoice choose(const test::VectorSet& made, float norm_max = 10, std::size_t threads = 1) {
  hnsw::RowSpace space;
  space.metric = Metric::kL2;
  space.row_count = made.rows;
  space.vectors = {made.values.data(), made.dim, made.dim};
  space.norm_max = norm_max;
  std::vector<std::uint32_t> all(made.rows);
  std::iota(all.begin(), all.end(), 0U);
  const auto centre = quant::mean_of_rows(Metric::kL2, simd::kernels(), space.vectors, all);
  return choose_codes(simd::kernels(), space, centre, 1, threads);
}

TEST(ChooseCodes, takes_none_for_few_or_short_or_huge_rows) {
  EXPECT_EQ(choose(test::make_vectors(kCodedRowsMin - 1, 32, 1)).kind, CodeKind::kNone);
  EXPECT_EQ(choose(test::make_vectors(kCodedRowsMin, kCodedDimMin - 1, 1)).kind, CodeKind::kNone);
  EXPECT_EQ(choose(test::make_vectors(kCodedRowsMin, 32, 1), 2e15F).kind, CodeKind::kNone);
  EXPECT_FALSE(choose(test::make_vectors(10, 32, 1)).sq4_recall.has_value());
}

TEST(ChooseCodes, takes_four_bits_where_they_find_the_neighbours) {
  const CodeChoice choice = choose(test::make_vectors(3000, 256, 1));
  EXPECT_EQ(choice.kind, CodeKind::kSq4);
  EXPECT_GE(choice.sq4_recall.value(), kChoiceRecallMin);
}

// Neighbours that differ by far less than the step of a 4-bit code cannot be told apart by it.
TEST(ChooseCodes, takes_eight_bits_where_four_lose_the_neighbours) {
  auto made = test::make_vectors(4000, 32, 1);
  for (std::uint32_t row = 0; row < made.rows; ++row) {
    for (std::uint32_t i = 0; i < made.dim; ++i) {
      float& value = made.values[std::size_t{row} * made.dim + i];
      value = 0.02F * value + (row % 2 == 0 ? 1.0F : -1.0F);
    }
  }
  const CodeChoice choice = choose(made);
  EXPECT_EQ(choice.kind, CodeKind::kSq8);
  EXPECT_LT(choice.sq4_recall.value(), kChoiceRecallMin);
}

TEST(ChooseCodes, chooses_the_same_every_time_on_any_number_of_threads) {
  const auto made = test::make_vectors(1500, 24, 3);
  const CodeChoice alone = choose(made);
  for (const std::size_t threads : {1U, 2U, 7U, 200U}) {
    EXPECT_EQ(choose(made, 10, threads).sq4_recall, alone.sq4_recall) << threads << " threads";
  }
}

}  // namespace
}  // namespace vibrato::vector
