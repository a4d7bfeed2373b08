// Every instruction set that this machine runs, against the scalar kernels.
#include "simd/kernels.hpp"

#include <gtest/gtest.h>

#include "support/instruction_sets.hpp"
#include "unit/simd/oracle_check.hpp"

namespace vibrato::simd {
namespace {

class EveryIsa : public ::testing::TestWithParam<Isa> {
 protected:
  static const Kernels& tested() { return *kernels_for(GetParam()); }
};

TEST_P(EveryIsa, has_every_kernel) {
  const Kernels& table = tested();
  EXPECT_EQ(table.isa, GetParam());
  EXPECT_EQ(parse_isa(table.name), GetParam());
  EXPECT_TRUE(table.dot && table.l2_squared && table.norm_squared && table.dot_rows && table.l2_squared_rows);
  EXPECT_TRUE(table.sq8_rows && table.sq4_rows && table.sq8_dot && table.sq8_l2_squared);
  EXPECT_TRUE(table.sq4_dot && table.sq4_l2_squared);
  EXPECT_TRUE(table.hadamard && table.multiply && table.max_abs && table.quantize_s8);
  EXPECT_TRUE(table.pq_rows && table.weighted_columns && table.least && table.range && table.quantize_u8);
}

TEST_P(EveryIsa, measures_floats_like_the_exact_sum) {
  EXPECT_EQ(check_float_kernels(tested()), Differences{});
}

TEST_P(EveryIsa, measures_rows_of_floats_like_the_exact_sum) {
  EXPECT_EQ(check_float_row_kernels(tested()), Differences{});
}

TEST_P(EveryIsa, measures_rows_of_codes_like_the_oracle_to_the_last_bit) {
  EXPECT_EQ(check_code_row_kernels(tested()), Differences{});
}

TEST_P(EveryIsa, measures_product_codes_like_the_oracle_to_the_last_bit) {
  EXPECT_EQ(check_product_row_kernels(tested()), Differences{});
}

TEST_P(EveryIsa, makes_tables_of_product_codes_like_the_oracle) {
  EXPECT_EQ(check_product_table_kernels(tested()), Differences{});
}

TEST_P(EveryIsa, measures_bare_codes_like_the_oracle) {
  EXPECT_EQ(check_bare_code_kernels(tested()), Differences{});
}

TEST_P(EveryIsa, transforms_and_quantises_like_the_oracle_to_the_last_bit) {
  EXPECT_EQ(check_transform_kernels(tested()), Differences{});
}

TEST_P(EveryIsa, does_not_saturate_at_the_largest_codes) {
  EXPECT_EQ(check_extremes(tested()), Differences{});
}

TEST_P(EveryIsa, treats_infinities_and_ties_like_the_oracle) {
  EXPECT_EQ(check_float_edges(tested()), Differences{});
}

INSTANTIATE_TEST_SUITE_P(Kernels, EveryIsa, ::testing::ValuesIn(test::available_isas()),
                         [](const auto& param_info) { return std::string(kernels_for(param_info.param)->name); });

}  // namespace
}  // namespace vibrato::simd
