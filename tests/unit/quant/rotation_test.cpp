// The rotation keeps lengths and dots, spreads what was on one axis, and never changes for a seed.
#include "quant/rotation.hpp"

#include <array>
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numeric>

#include "support/instruction_sets.hpp"
#include "support/made_rows.hpp"

namespace vibrato::quant {
namespace {

double dot_of(const std::vector<float>& a, const std::vector<float>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

void expect_orthogonal(const simd::Kernels& kernels, std::uint32_t dim) {
  const test::MadeRows rows = test::gaussian_rows(2, dim, dim);
  const std::vector<float> a(rows.row(0), rows.row(0) + dim);
  const std::vector<float> b(rows.row(1), rows.row(1) + dim);
  const Rotation rotation(dim, 99);
  std::vector<float> rotated_a = a;
  std::vector<float> rotated_b = b;
  rotation.apply(kernels, rotated_a.data());
  rotation.apply(kernels, rotated_b.data());
  const double tolerance = 2e-6 * std::sqrt(dot_of(a, a) * dot_of(b, b)) + 1e-12;
  ASSERT_NEAR(dot_of(rotated_a, rotated_a), dot_of(a, a), 2e-6 * dot_of(a, a)) << kernels.name << ", dim " << dim;
  ASSERT_NEAR(dot_of(rotated_a, rotated_b), dot_of(a, b), tolerance) << kernels.name << ", dim " << dim;
}

TEST(Rotation, keeps_lengths_and_dots_at_every_dimension) {
  for (const simd::Kernels* kernels : test::available_kernels()) {
    for (std::uint32_t dim = 1; dim <= 300; ++dim) {
      expect_orthogonal(*kernels, dim);
    }
    for (const std::uint32_t dim : {768U, 1000U, 1024U, 4096U, 16383U, 16384U}) {
      expect_orthogonal(*kernels, dim);
    }
  }
}

TEST(Rotation, is_undone_at_every_dimension) {
  for (const simd::Kernels* kernels : test::available_kernels()) {
    for (const std::uint32_t dim : {1U, 2U, 3U, 4U, 5U, 8U, 37U, 64U, 100U, 768U, 1000U, 16383U}) {
      const test::MadeRows rows = test::gaussian_rows(1, dim, dim);
      const std::vector<float> x(rows.row(0), rows.row(0) + dim);
      const Rotation rotation(dim, 5);
      std::vector<float> there_and_back = x;
      rotation.apply(*kernels, there_and_back.data());
      rotation.undo(*kernels, there_and_back.data());
      ASSERT_THAT(there_and_back, ::testing::Pointwise(::testing::FloatNear(1e-4F), x))
          << kernels->name << ", dim " << dim;
    }
  }
}

TEST(Rotation, is_the_same_for_ever_for_a_dimension_and_a_seed) {
  std::array<float, 5> five{1, 2, 3, 4, 5};
  Rotation(5, 42).apply(simd::kernels(), five.data());
  EXPECT_THAT(five, ::testing::Pointwise(::testing::FloatNear(1e-5F),
                                         (std::array<float, 5>{-1.25F, -6.625F, 2.625F, 0.125F, -1.625F})));
  std::array<float, 8> eight{1, 0, 0, 0, 0, 0, 0, 2};
  Rotation(8, 7).apply(simd::kernels(), eight.data());
  EXPECT_THAT(
      eight, ::testing::Pointwise(::testing::FloatNear(1e-5F),
                                  (std::array<float, 8>{0.25F, -0.25F, -0.25F, -1.75F, 1.25F, -0.25F, -0.25F, 0.25F})));
}

TEST(Rotation, differs_between_seeds) {
  std::vector<float> a(64, 1.0F);
  std::vector<float> b = a;
  Rotation(64, 1).apply(simd::kernels(), a.data());
  Rotation(64, 2).apply(simd::kernels(), b.data());
  EXPECT_LT(std::fabs(dot_of(a, b)), 0.6 * dot_of(a, a));
}

TEST(Rotation, spreads_a_single_axis_over_all_dimensions) {
  for (const std::uint32_t dim : {64U, 100U, 768U, 1000U}) {
    for (const std::uint32_t axis : {0U, dim / 2, dim - 1}) {
      std::vector<float> values(dim, 0.0F);
      values[axis] = 1;
      Rotation(dim, 5).apply(simd::kernels(), values.data());
      const float largest = simd::kernels().max_abs(values.data(), dim);
      EXPECT_LT(largest, 6.5F / std::sqrt(static_cast<float>(dim))) << "dim " << dim << ", axis " << axis;
    }
  }
}

}  // namespace
}  // namespace vibrato::quant
