// Product codes: their layout, how near they come to exact distances, what they find, and the rows they must survive.
#include "quant/product_quantizer.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <numeric>

#include "quant/unit_length.hpp"
#include "support/instruction_sets.hpp"
#include "support/made_rows.hpp"

namespace vibrato::quant {
namespace {

using test::MadeRows;

constexpr Metric kProductMetrics[] = {Metric::kL2, Metric::kCosine, Metric::kDot};

struct ProductCoded {
  ProductQuantizer quantizer;
  std::vector<std::byte> codes;
  std::uint32_t rows;

  ProductCoded(Metric metric, const MadeRows& made, const ProductTraining& options = {},
               const simd::Kernels& kernels = simd::kernels())
      : quantizer(ProductQuantizer::train(metric, kernels, made.view(), made.count, options)), rows(made.count) {
    const std::size_t stride = quantizer.layout().code_bytes;
    codes.resize(stride * rows);
    std::vector<float> scratch;
    for (std::uint32_t i = 0; i < rows; ++i) {
      quantizer.encode(kernels, made.row(i), codes.data() + i * stride, scratch);
    }
  }

  [[nodiscard]] std::vector<float> distances(const float* query, const simd::Kernels& kernels = simd::kernels()) const {
    PreparedQuery prepared;
    quantizer.prepare(kernels, query, prepared);
    std::vector<std::uint32_t> ids(rows);
    std::iota(ids.begin(), ids.end(), 0U);
    std::vector<float> out(rows);
    const std::size_t stride = quantizer.layout().code_bytes;
    kernels.pq_rows(prepared.code, {codes.data(), stride, stride}, ids.data(), rows, out.data());
    return out;
  }
};

// Share of the true 10 nearest rows among the best 200 by code.
double recall_of_200(Metric metric, const MadeRows& rows, const MadeRows& queries, const ProductCoded& coded) {
  std::uint32_t found = 0;
  for (std::uint32_t q = 0; q < queries.count; ++q) {
    const double tenth = test::exact_nearest(metric, rows, queries.row(q), 10).back();
    const std::vector<float> distances = coded.distances(queries.row(q));
    std::vector<std::uint32_t> ids(rows.count);
    std::iota(ids.begin(), ids.end(), 0U);
    std::partial_sort(ids.begin(), ids.begin() + 200, ids.end(),
                      [&](std::uint32_t a, std::uint32_t b) { return distances[a] < distances[b]; });
    for (std::size_t i = 0; i < 200; ++i) {
      found += test::exact_distance(metric, rows.row(ids[i]), queries.row(q), rows.dim) <= tenth ? 1 : 0;
    }
  }
  return found / (10.0 * queries.count);
}

TEST(ProductLayout, cuts_every_dimension_into_a_sixteenth_of_its_size) {
  for (std::uint32_t dim = 1; dim <= 16384; dim = dim < 300 ? dim + 1 : dim * 3 / 2) {
    const ProductLayout layout = ProductLayout::of(dim);
    ASSERT_GE(layout.code_bytes, 1U);
    if (dim >= 4) {
      ASSERT_LE(layout.code_bytes * 16, dim * sizeof(float)) << dim;
      ASSERT_GT((layout.code_bytes + 1) * 16, dim * sizeof(float)) << dim;
    }
    std::uint32_t next = 0;
    for (std::uint32_t s = 0; s < layout.code_bytes; ++s) {
      ASSERT_EQ(layout.begin(s), next) << dim;
      ASSERT_GE(layout.width(s), 1U);
      ASSERT_LE(layout.width(s), layout.width(0));
      ASSERT_GE(layout.width(s) + 1, layout.width(0));
      next += layout.width(s);
    }
    ASSERT_EQ(next, dim);
  }
}

TEST(ProductQuantizer, keeps_the_nearest_among_twenty_times_as_many_at_every_metric_and_dim) {
  for (const Metric metric : kProductMetrics) {
    for (const std::uint32_t dim : {16U, 37U, 50U, 100U, 200U}) {
      MadeRows rows = test::clustered_rows(3040, dim, 60, 0.4F, dim);
      const MadeRows queries = test::take_tail(rows, 40);
      const ProductCoded coded(metric, rows);
      EXPECT_GE(recall_of_200(metric, rows, queries, coded), 0.97) << to_string(metric) << ", dim " << dim;
    }
  }
}

TEST(ProductQuantizer, what_a_code_stands_for_lies_near_the_row_and_has_the_same_code) {
  for (const Metric metric : kProductMetrics) {
    for (const bool rotate : {false, true}) {
      const MadeRows rows = test::clustered_rows(2000, 37, 40, 0.3F, 5);
      ProductTraining training;
      training.rotate = rotate;
      const auto quantizer = ProductQuantizer::train(metric, simd::kernels(), rows.view(), rows.count, training);
      std::vector<float> scratch;
      std::vector<float> back(rows.dim);
      std::vector<std::byte> code(quantizer.layout().code_bytes);
      double error = 0;
      std::uint32_t same = 0;
      for (std::uint32_t i = 0; i < rows.count; ++i) {
        quantizer.encode(simd::kernels(), rows.row(i), code.data(), scratch);
        quantizer.reconstruct(simd::kernels(), code.data(), back.data());
        const float factor = metric == Metric::kCosine ? inverse_length(simd::kernels(), rows.row(i), rows.dim) : 1.0F;
        for (std::uint32_t j = 0; j < rows.dim; ++j) {
          const double difference = double{back[j]} - double{rows.row(i)[j]} * double{factor};
          error += difference * difference / rows.count;
        }
        std::vector<std::byte> again(code.size());
        quantizer.encode(simd::kernels(), back.data(), again.data(), scratch);
        same += again == code ? 1 : 0;
      }
      EXPECT_LE(error, 1.1 * double{quantizer.codebook().mean_error}) << to_string(metric) << rotate;
      if (metric != Metric::kCosine) {
        EXPECT_GE(same, rows.count * 99 / 100) << to_string(metric) << rotate;
      }
    }
  }
}

TEST(ProductQuantizer, estimates_distances_without_bias_and_within_its_sigma) {
  for (const Metric metric : kProductMetrics) {
    MadeRows rows = test::clustered_rows(4050, 64, 50, 0.5F, 3);
    const MadeRows queries = test::take_tail(rows, 50);
    const ProductCoded coded(metric, rows);
    double sum = 0;
    double squares = 0;
    std::uint32_t pairs = 0;
    for (std::uint32_t q = 0; q < queries.count; ++q) {
      PreparedQuery prepared;
      coded.quantizer.prepare(simd::kernels(), queries.row(q), prepared);
      const std::vector<float> distances = coded.distances(queries.row(q));
      const double tenth = test::exact_nearest(metric, rows, queries.row(q), 10).back();
      for (std::uint32_t i = 0; i < rows.count; ++i) {
        const double exact = test::exact_distance(metric, rows.row(i), queries.row(q), rows.dim);
        if (exact <= tenth) {
          const double sigma = double{coded.quantizer.distance_sigma(prepared, distances[i])};
          const double error = (double{distances[i]} - exact) / sigma;
          sum += error;
          squares += error * error;
          ++pairs;
        }
      }
    }
    EXPECT_NEAR(sum / pairs, 0.0, 0.8) << to_string(metric);
    EXPECT_GT(std::sqrt(squares / pairs), 0.4) << to_string(metric);
    EXPECT_LT(std::sqrt(squares / pairs), 1.6) << to_string(metric);
  }
}

TEST(ProductQuantizer, gives_the_distance_to_the_row_that_the_code_stands_for) {
  const MadeRows rows = test::gaussian_rows(600, 37, 4);
  for (const bool rotate : {false, true}) {
    ProductTraining options;
    options.rotate = rotate;
    const ProductCoded coded(Metric::kL2, rows, options);
    ASSERT_EQ(coded.quantizer.rotated(), rotate);
    std::vector<float> centred(rows.row(0), rows.row(0) + 37);
    for (std::size_t j = 0; j < 37; ++j) {
      centred[j] -= coded.quantizer.codebook().centre[j];
    }
    if (rotate) {
      Rotation(37, *coded.quantizer.codebook().rotation_seed).apply(simd::kernels(), centred.data());
    }
    const std::vector<float> distances = coded.distances(rows.row(0));
    PreparedQuery prepared;
    coded.quantizer.prepare(simd::kernels(), rows.row(0), prepared);
    std::vector<float> decoded(37);
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      coded.quantizer.decode(coded.codes.data() + std::size_t{i} * 9, decoded.data());
      const double want = test::exact_distance(Metric::kL2, centred.data(), decoded.data(), 37) -
                          double{coded.quantizer.codebook().bias};
      EXPECT_NEAR(distances[i], want, 0.5 * 9 * double{prepared.code.scale} + 1e-3);  // Half a step for each byte.
    }
  }
}

TEST(ProductQuantizer, trains_to_the_same_bits_on_any_number_of_threads) {
  const MadeRows rows = test::clustered_rows(2000, 50, 20, 0.5F, 7);
  ProductTraining options;
  const auto first = ProductQuantizer::train(Metric::kL2, simd::kernels(), rows.view(), rows.count, options);
  options.threads = 3;
  const auto second = ProductQuantizer::train(Metric::kL2, simd::kernels(), rows.view(), rows.count, options);
  EXPECT_EQ(first.codebook().centroids, second.codebook().centroids);
  EXPECT_EQ(first.codebook().centre, second.codebook().centre);
  EXPECT_EQ(first.codebook().rotation_seed, second.codebook().rotation_seed);
  EXPECT_EQ(first.codebook().error_scale, second.codebook().error_scale);
}

TEST(ProductQuantizer, rotates_where_dimensions_differ_and_belong_to_no_group) {
  // All the variance in the first eight dimensions: unrotated, two bytes would carry it.
  MadeRows rows = test::gaussian_rows(3000, 64, 9);
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    for (std::uint32_t j = 8; j < 64; ++j) {
      rows.row(i)[j] *= 0.05F;
    }
  }
  EXPECT_TRUE(ProductQuantizer::train(Metric::kL2, simd::kernels(), rows.view(), rows.count, {}).rotated());
  // Four dimensions that always go together are one group of the codes; a rotation would tear them apart.
  const MadeRows groups = test::gaussian_rows(3000, 16, 10);
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    for (std::uint32_t j = 0; j < 64; ++j) {
      rows.row(i)[j] = groups.row(i)[j / 4] * static_cast<float>(1 + j % 3);
    }
  }
  EXPECT_FALSE(ProductQuantizer::train(Metric::kL2, simd::kernels(), rows.view(), rows.count, {}).rotated());
}

TEST(ProductQuantizer, codes_fewer_rows_than_centroids_exactly) {
  for (const Metric metric : kProductMetrics) {
    for (const std::uint32_t count : {1U, 2U, 100U, 256U}) {
      const MadeRows rows = test::gaussian_rows(count, 24, count);
      const ProductCoded coded(metric, rows);
      for (const float* query : {rows.row(0), rows.row(count - 1)}) {
        const std::vector<float> distances = coded.distances(query);
        for (std::uint32_t i = 0; i < count; ++i) {
          const double want = test::exact_distance(metric, rows.row(i), query, 24);
          EXPECT_NEAR(distances[i], want, 0.02 * 24) << to_string(metric) << ", " << count << " rows";
        }
      }
    }
  }
}

TEST(ProductQuantizer, survives_rows_that_are_equal_zero_tiny_or_huge) {
  for (const Metric metric : kProductMetrics) {
    for (const float value : {0.0F, 1.0F, -3.5F, 1e-30F, 1e15F}) {
      if (metric == Metric::kCosine && value == 0.0F) {
        continue;  // No query.
      }
      MadeRows rows(300, 20);
      std::fill(rows.values.begin(), rows.values.end(), value);
      const ProductCoded coded(metric, rows);
      const std::vector<float> distances = coded.distances(rows.row(0));
      const double want = test::exact_distance(metric, rows.row(0), rows.row(1), 20);
      for (const float distance : distances) {
        ASSERT_NEAR(distance, want, 1e-5 * std::max(1.0, std::fabs(want))) << to_string(metric) << ", " << value;
      }
    }
  }
}

TEST(ProductQuantizer, keeps_a_query_that_overflows_from_making_numbers_that_are_none) {
  const MadeRows rows = test::gaussian_rows(300, 20, 1);
  const ProductCoded coded(Metric::kDot, rows);
  const std::vector<float> query(20, 3e38F);
  PreparedQuery prepared;
  coded.quantizer.prepare(simd::kernels(), query.data(), prepared);
  EXPECT_TRUE(std::isfinite(prepared.code.scale));
}

TEST(ProductQuantizer, trains_on_rows_far_from_the_origin) {
  MadeRows rows = test::clustered_rows(3040, 32, 60, 0.4F, 5);
  for (float& value : rows.values) {
    value += 1000.0F;
  }
  const MadeRows queries = test::take_tail(rows, 40);
  EXPECT_GE(recall_of_200(Metric::kL2, rows, queries, ProductCoded(Metric::kL2, rows)), 0.97);
}

TEST(ProductQuantizer, answers_alike_on_every_instruction_set) {
  const MadeRows rows = test::clustered_rows(1000, 48, 20, 0.5F, 2);
  const ProductCoded coded(Metric::kL2, rows);
  const std::vector<float> want = coded.distances(rows.row(5), *simd::kernels_for(simd::Isa::kScalar));
  for (const simd::Kernels* kernels : test::available_kernels()) {
    const std::vector<float> got = coded.distances(rows.row(5), *kernels);
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      // The tables' entries may round to the next level.
      ASSERT_NEAR(got[i], want[i], 0.002F * want[i] + 0.05F) << kernels->name;
    }
  }
}

}  // namespace
}  // namespace vibrato::quant
