// Distances on codes against exact ones: their error is what distance_sigma says, and no finite input breaks them.
#include "quant/scalar_quantizer.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <numeric>
#include <string>

#include "base/limits.hpp"
#include "quant/coded_rows.hpp"
#include "support/instruction_sets.hpp"
#include "support/made_rows.hpp"

namespace vibrato::quant {
namespace {

using test::exact_distance;
using test::MadeRows;

constexpr Metric kScalarMetrics[] = {Metric::kL2, Metric::kCosine, Metric::kDot};
constexpr CodeKind kKinds[] = {CodeKind::kSq8, CodeKind::kSq4};

// Rows under codes of their own, one query at a time.
class ScalarCoded {
 public:
  ScalarCoded(Metric metric, CodeKind kind, const MadeRows& rows, const simd::Kernels& kernels = simd::kernels())
      : kernels_(kernels), rows_(rows), quantizer_(metric, kind, mean(metric, rows, kernels), 11) {
    bytes_.resize(std::size_t{rows.count} * quantizer_.layout().stride_bytes);
    std::vector<float> scratch;
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      quantizer_.encode(kernels, rows.row(i), bytes_of(i), scratch);
    }
  }

  void ask(const float* query) { quantizer_.prepare(kernels_, query, query_); }
  void ask_row(std::uint32_t row) { quantizer_.prepare_from_row(bytes_of(row), query_); }

  [[nodiscard]] float estimate(std::uint32_t row) { return estimate(row, kernels_); }
  [[nodiscard]] float estimate(std::uint32_t row, const simd::Kernels& kernels) {
    const CodeLayout& layout = quantizer_.layout();
    const simd::CodeRows view{bytes_.data(), layout.stride_bytes, layout.code_bytes};
    float distance = 0;
    (layout.kind == CodeKind::kSq8 ? kernels.sq8_rows : kernels.sq4_rows)(query_.code, view, &row, 1, &distance);
    return distance;
  }
  [[nodiscard]] float sigma(std::uint32_t row, float distance) {
    return quantizer_.distance_sigma(query_, factors(row), distance);
  }
  [[nodiscard]] CodeFactors factors(std::uint32_t row) {
    return ScalarQuantizer::factors_of(bytes_of(row), quantizer_.layout());
  }
  [[nodiscard]] double exact(std::uint32_t row, const float* query) const {
    return exact_distance(quantizer_.metric(), rows_.row(row), query, rows_.dim);
  }
  [[nodiscard]] std::byte* bytes_of(std::uint32_t row) {
    return bytes_.data() + std::size_t{row} * quantizer_.layout().stride_bytes;
  }
  [[nodiscard]] const ScalarQuantizer& quantizer() const { return quantizer_; }

 private:
  static std::vector<float> mean(Metric metric, const MadeRows& rows, const simd::Kernels& kernels) {
    std::vector<std::uint32_t> all(rows.count);
    std::iota(all.begin(), all.end(), 0U);
    return mean_of_rows(metric, kernels, rows.view(), all);
  }

  const simd::Kernels& kernels_;
  const MadeRows& rows_;
  ScalarQuantizer quantizer_;
  std::vector<std::byte> bytes_;
  PreparedQuery query_;
};

struct ErrorSpread {
  double rms = 0;
  double mean = 0;
  double largest = 0;
};

// Standardised errors over all pairs of queries and rows.
ErrorSpread spread_of(ScalarCoded& coded, const MadeRows& rows, const MadeRows& queries) {
  double sum = 0;
  double squares = 0;
  ErrorSpread spread;
  for (std::uint32_t q = 0; q < queries.count; ++q) {
    coded.ask(queries.row(q));
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      const float estimate = coded.estimate(i);
      const double z = (estimate - coded.exact(i, queries.row(q))) / coded.sigma(i, estimate);
      sum += z;
      squares += z * z;
      spread.largest = std::max(spread.largest, std::fabs(z));
    }
  }
  const double pairs = double{1} * rows.count * queries.count;
  spread.rms = std::sqrt(squares / pairs);
  spread.mean = sum / pairs;
  return spread;
}

struct Setting {
  Metric metric;
  CodeKind kind;
  std::uint32_t dim;
};

std::string name_of(const Setting& setting) {
  return std::string(to_string(setting.metric)) + "_" + std::string(to_string(setting.kind)) + "_dim_" +
         std::to_string(setting.dim);
}

std::vector<Setting> all_settings(std::initializer_list<std::uint32_t> dims) {
  std::vector<Setting> settings;
  for (const Metric metric : kScalarMetrics) {
    for (const CodeKind kind : kKinds) {
      for (const std::uint32_t dim : dims) {
        settings.push_back({metric, kind, dim});
      }
    }
  }
  return settings;
}

class ScalarQuantizerErrors : public ::testing::TestWithParam<Setting> {};

// Unequal variances and a far centre: what rotation and centring are for.
MadeRows uneven_rows(std::uint32_t count, std::uint32_t dim) {
  MadeRows rows = test::gaussian_rows(count, dim, 17);
  for (std::uint32_t i = 0; i < count; ++i) {
    for (std::uint32_t j = 0; j < dim; ++j) {
      rows.row(i)[j] = rows.row(i)[j] * (j % 16 == 0 ? 4.0F : 0.5F) + (j % 3 == 0 ? 2.0F : 0.0F);
    }
  }
  return rows;
}

TEST_P(ScalarQuantizerErrors, are_as_large_as_their_sigma_says) {
  const auto [metric, kind, dim] = GetParam();
  MadeRows rows = uneven_rows(440, dim);
  const MadeRows queries = test::take_tail(rows, 40);
  ScalarCoded coded(metric, kind, rows);
  const ErrorSpread spread = spread_of(coded, rows, queries);
  RecordProperty("rms", std::to_string(spread.rms));
  RecordProperty("largest", std::to_string(spread.largest));
  EXPECT_GT(spread.rms, 0.5);
  EXPECT_LT(spread.rms, 1.15);
  EXPECT_LT(std::fabs(spread.mean), 0.15);
  EXPECT_LT(spread.largest, 6.0);
}

TEST_P(ScalarQuantizerErrors, shrink_as_the_query_comes_near) {
  const auto [metric, kind, dim] = GetParam();
  const MadeRows rows = uneven_rows(200, dim);
  const MadeRows noise = test::gaussian_rows(rows.count, dim, 3);
  ScalarCoded coded(metric, kind, rows);
  double far_squares = 0;
  double near_squares = 0;
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    std::vector<float> near(rows.row(i), rows.row(i) + dim);
    for (std::uint32_t j = 0; j < dim; ++j) {
      near[j] += 0.02F * noise.row(i)[j];
    }
    coded.ask(near.data());
    near_squares += std::pow(coded.estimate(i) - coded.exact(i, near.data()), 2);
    coded.ask(noise.row(i));
    far_squares += std::pow(coded.estimate(i) - coded.exact(i, noise.row(i)), 2);
  }
  // The query's own 8 bits stay; with 8-bit rows they are half of the error.
  EXPECT_LT(std::sqrt(near_squares), (kind == CodeKind::kSq4 ? 0.1 : 1.0) * std::sqrt(far_squares));
}

TEST_P(ScalarQuantizerErrors, are_those_of_the_query_alone_for_the_row_itself) {
  const auto [metric, kind, dim] = GetParam();
  const MadeRows rows = uneven_rows(300, dim);
  ScalarCoded coded(metric, kind, rows);
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    coded.ask(rows.row(i));
    // Under cosine the codes stand for unit vectors; rounding of the query to 8 bits is a 254th of its range.
    double norm = metric == Metric::kCosine ? 1.0 : -exact_distance(Metric::kDot, rows.row(i), rows.row(i), dim);
    ASSERT_NEAR(coded.estimate(i), coded.exact(i, rows.row(i)), 0.06 * norm / std::sqrt(double{1} * dim) + 1e-6)
        << "row " << i;
  }
}

TEST_P(ScalarQuantizerErrors, stay_small_between_two_coded_rows) {
  const auto [metric, kind, dim] = GetParam();
  const MadeRows rows = uneven_rows(150, dim);
  ScalarCoded coded(metric, kind, rows);
  double squares = 0;
  double spread = 0;
  double mean = 0;
  const double pairs = double{1} * rows.count * rows.count;
  for (std::uint32_t a = 0; a < rows.count; ++a) {
    coded.ask_row(a);
    for (std::uint32_t b = 0; b < rows.count; ++b) {
      const double exact = coded.exact(b, rows.row(a));
      squares += std::pow(coded.estimate(b) - exact, 2) / pairs;
      mean += exact / pairs;
      spread += exact * exact / pairs;
    }
  }
  const double deviation = std::sqrt(spread - mean * mean);
  EXPECT_LT(std::sqrt(squares), (kind == CodeKind::kSq4 ? 0.05 : 0.006) * deviation);
}

INSTANTIATE_TEST_SUITE_P(All, ScalarQuantizerErrors, ::testing::ValuesIn(all_settings({16, 64, 100, 300, 768})),
                         [](const auto& setting) { return name_of(setting.param); });

TEST(ScalarQuantizer, gives_the_same_code_distances_on_every_instruction_set) {
  for (const Setting& setting : all_settings({1, 7, 16, 100, 129, 300, 1000})) {
    SCOPED_TRACE(name_of(setting));
    const MadeRows rows = uneven_rows(20, setting.dim);
    ScalarCoded coded(setting.metric, setting.kind, rows);
    coded.ask(rows.row(3));
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      const float scalar = coded.estimate(i, *simd::kernels_for(simd::Isa::kScalar));
      const CodeFactors factors = coded.factors(i);
      const float tolerance = 1e-5F * (std::fabs(factors.offset) + std::fabs(scalar) + 1.0F);
      for (const simd::Kernels* kernels : test::available_kernels()) {
        ASSERT_NEAR(coded.estimate(i, *kernels), scalar, tolerance) << kernels->name << ", row " << i;
      }
    }
  }
}

// One value a dimension each; the magnitude of `finite` ones keeps all squares within f32.
struct Odd {
  const char* name;
  std::vector<float> values;
  bool finite;
};

std::vector<Odd> odd_vectors(std::uint32_t dim) {
  std::vector<float> huge_axis(dim, 0.25F);
  huge_axis[dim / 2] = 1e15F;
  std::vector<float> mixed(dim, std::numeric_limits<float>::denorm_min());
  mixed[0] = 0;
  std::vector<float> alternating(dim, 1.0F);
  for (std::uint32_t i = 1; i < dim; i += 2) {
    alternating[i] = -1;
  }
  constexpr float kMax = std::numeric_limits<float>::max();
  return {
      {"zero", std::vector<float>(dim, 0.0F), true},     {"negative zero", std::vector<float>(dim, -0.0F), true},
      {"constant", std::vector<float>(dim, 3.0F), true}, {"alternating", alternating, true},
      {"one huge dimension", huge_axis, true},           {"denormal", std::vector<float>(dim, 1e-40F), true},
      {"least denormal and zero", mixed, true},          {"1e-20", std::vector<float>(dim, 1e-20F), true},
      {"1e17", std::vector<float>(dim, 1e17F), true},    {"1e30", std::vector<float>(dim, 1e30F), false},
      {"largest", std::vector<float>(dim, kMax), false}, {"least", std::vector<float>(dim, -kMax), false},
  };
}

void expect_codes_hold(const Setting& setting, const simd::Kernels& kernels) {
  const std::vector<Odd> odd = odd_vectors(setting.dim);
  MadeRows rows(static_cast<std::uint32_t>(odd.size()), setting.dim);
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    std::copy(odd[i].values.begin(), odd[i].values.end(), rows.row(i));
  }
  const ScalarQuantizer quantizer(setting.metric, setting.kind, std::vector<float>(setting.dim, 0.0F), 11);
  const CodeLayout& layout = quantizer.layout();
  std::vector<std::byte> row(layout.stride_bytes);
  std::vector<float> scratch;
  PreparedQuery query;
  for (std::uint32_t q = 0; q < rows.count; ++q) {
    quantizer.prepare(kernels, rows.row(q), query);
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      quantizer.encode(kernels, rows.row(i), row.data(), scratch);
      const simd::CodeRows view{row.data(), layout.stride_bytes, layout.code_bytes};
      const std::uint32_t id = 0;
      float distance = 0;
      (setting.kind == CodeKind::kSq8 ? kernels.sq8_rows : kernels.sq4_rows)(query.code, view, &id, 1, &distance);
      if (odd[q].finite && odd[i].finite) {
        ASSERT_TRUE(std::isfinite(distance)) << odd[q].name << " against " << odd[i].name << ", " << kernels.name;
        const CodeFactors factors = ScalarQuantizer::factors_of(row.data(), layout);
        ASSERT_TRUE(std::isfinite(factors.offset) && std::isfinite(factors.scale) && std::isfinite(factors.error))
            << odd[i].name;
        ASSERT_FALSE(std::isnan(quantizer.distance_sigma(query, factors, distance)));
      }
    }
  }
}

TEST(ScalarQuantizer, stays_finite_on_odd_vectors) {
  for (const Setting& setting : all_settings({1, 3, 16, 100})) {
    SCOPED_TRACE(name_of(setting));
    for (const simd::Kernels* kernels : test::available_kernels()) {
      expect_codes_hold(setting, *kernels);
    }
  }
}

// Their squares are nothing in f32; under cosine they have a direction all the same.
TEST(ScalarQuantizer, keeps_the_direction_of_tiny_rows) {
  const MadeRows rows = test::gaussian_rows(50, 64, 5);
  MadeRows tiny = rows;
  for (float& value : tiny.values) {
    value *= 0x1p-90F;
  }
  for (const CodeKind kind : kKinds) {
    ScalarCoded coded(Metric::kCosine, kind, tiny);
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      coded.ask(rows.row(i));
      EXPECT_NEAR(coded.estimate(i), 0, 0.02) << to_string(kind) << ", row " << i;
    }
  }
}

TEST(ScalarQuantizer, measures_zero_and_constant_vectors) {
  for (const Setting& setting : all_settings({16, 100})) {
    SCOPED_TRACE(name_of(setting));
    MadeRows rows(3, setting.dim);
    std::fill_n(rows.row(1), setting.dim, 2.0F);
    std::fill_n(rows.row(2), setting.dim, -1.0F);
    ScalarCoded coded(setting.metric, setting.kind, rows);
    coded.ask(rows.row(1));
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      const double exact =
          setting.metric == Metric::kCosine && i == 0 ? coded.estimate(0) : coded.exact(i, rows.row(1));
      EXPECT_NEAR(coded.estimate(i), exact, 0.1 * setting.dim) << "row " << i;
    }
  }
}

TEST(ScalarQuantizer, leaves_padding_zero_and_keeps_the_sum_of_the_codes) {
  for (const Setting& setting : all_settings({1, 5, 100, 129})) {
    SCOPED_TRACE(name_of(setting));
    const MadeRows rows = uneven_rows(4, setting.dim);
    const ScalarQuantizer quantizer(setting.metric, setting.kind, std::vector<float>(setting.dim, 0.5F), 11);
    const CodeLayout& layout = quantizer.layout();
    std::vector<std::byte> buffer(layout.stride_bytes);
    std::vector<float> scratch;
    quantizer.encode(simd::kernels(), rows.row(0), buffer.data(), scratch);
    if (setting.kind == CodeKind::kSq8) {
      for (std::uint32_t i = setting.dim; i < layout.code_bytes; ++i) {
        ASSERT_EQ(buffer[i], std::byte{0}) << "byte " << i;
      }
    }
    std::uint32_t sum = 0;
    for (std::uint32_t i = 0; i < layout.code_bytes; ++i) {
      const auto byte = static_cast<std::uint32_t>(buffer[i]);
      sum += setting.kind == CodeKind::kSq8 ? byte : (byte & 15) + (byte >> 4);
    }
    EXPECT_EQ(ScalarQuantizer::factors_of(buffer.data(), layout).code_sum, sum);
  }
}

TEST(CodedRows, encode_at_the_row_they_are_told) {
  const MadeRows rows = uneven_rows(50, 33);
  const ScalarQuantizer quantizer(Metric::kL2, CodeKind::kSq4, std::vector<float>(33, 0.0F), 1);
  auto coded = CodedRows::create(quantizer, rows.count);
  ASSERT_TRUE(coded.ok());
  std::vector<float> scratch;
  std::vector<std::byte> expected(quantizer.layout().stride_bytes);
  for (std::uint32_t i = rows.count; i-- > 0;) {
    coded->encode(simd::kernels(), i, rows.row(i), scratch);
  }
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    quantizer.encode(simd::kernels(), rows.row(i), expected.data(), scratch);
    const std::byte* found = coded->view().base + i * coded->view().stride_bytes;
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), found)) << "row " << i;
  }
}

TEST(MeanOfRows, is_the_mean_of_the_sample_or_of_its_unit_vectors) {
  MadeRows rows(3, 2);
  rows.values = {3, 4, 0, 2, 100, 100};
  const std::vector<std::uint32_t> sample{0, 1};
  EXPECT_EQ(mean_of_rows(Metric::kL2, simd::kernels(), rows.view(), sample), (std::vector<float>{1.5F, 3.0F}));
  const std::vector<float> unit = mean_of_rows(Metric::kCosine, simd::kernels(), rows.view(), sample);
  EXPECT_FLOAT_EQ(unit[0], 0.3F);
  EXPECT_FLOAT_EQ(unit[1], 0.9F);
  EXPECT_EQ(mean_of_rows(Metric::kDot, simd::kernels(), rows.view(), {}), (std::vector<float>{0, 0}));
}

}  // namespace
}  // namespace vibrato::quant
