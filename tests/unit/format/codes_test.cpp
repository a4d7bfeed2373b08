#include "format/codes.hpp"

#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <utility>

#include "support/changed_bytes.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::format {
namespace {

QuantizerDescription sample_quantizer() {
  QuantizerDescription description;
  description.code_kind = 2;
  description.metric = Metric::kCosine;
  description.dim = 3;
  description.code_bytes = 16;
  description.stride_bytes = 32;
  description.rotation_seed = 0x0123456789abcdefULL;
  description.norm_max = 2.5F;
  description.centre = {0.5F, -1.0F, 0.25F};
  return description;
}

Result<QuantizerDescription> parse_quantizer(const std::vector<std::byte>& bytes) {
  return parse_quantizer_section(bytes, 3, Metric::kCosine, 8000);
}

TEST(QuantizerSection, gives_back_what_was_written) {
  const auto bytes = write_quantizer_section(sample_quantizer());
  ASSERT_EQ(bytes.size(), 64U + 12U);
  const auto parsed = parse_quantizer(bytes);
  ASSERT_OK(parsed);
  EXPECT_EQ(*parsed, sample_quantizer());
}

TEST(QuantizerSection, without_codes_is_a_header_alone) {
  QuantizerDescription none;
  none.metric = Metric::kCosine;
  none.dim = 3;
  none.norm_max = 4;
  const auto bytes = write_quantizer_section(none);
  EXPECT_EQ(bytes.size(), 64U);
  ASSERT_OK(parse_quantizer(bytes));
  EXPECT_EQ(*parse_quantizer(bytes), none);
}

TEST(QuantizerSection, refuses_every_truncation_and_any_excess) {
  auto bytes = write_quantizer_section(sample_quantizer());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_CODE(parse_quantizer({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length)}),
                ErrorCode::kCorruption);
  }
  bytes.push_back(std::byte{0});
  EXPECT_CODE(parse_quantizer(bytes), ErrorCode::kCorruption);
}

TEST(QuantizerSection, refuses_each_wrong_field_and_names_its_offset) {
  const auto good = write_quantizer_section(sample_quantizer());
  const std::vector<std::pair<std::size_t, std::uint32_t>> wrong = {{0, 2},   {4, 4},         {8, 1},  {8, 77}, {12, 4},
                                                                    {20, 15}, {20, 1U << 31}, {36, 1}, {60, 1}};
  for (const auto& [at, value] : wrong) {
    const auto parsed = parse_quantizer(test::with_field(good, at, value));
    EXPECT_CODE(parsed, ErrorCode::kCorruption) << at << " " << value;
    EXPECT_EQ(parsed.status().message().rfind("offset " + std::to_string(8000 + at) + ": ", 0), 0U)
        << parsed.status().message();
  }
}

TEST(QuantizerSection, refuses_sizes_that_do_not_fit_together) {
  const auto good = write_quantizer_section(sample_quantizer());
  EXPECT_CODE(parse_quantizer(test::with_field(good, 16, 0U)), ErrorCode::kCorruption);
  EXPECT_CODE(parse_quantizer(test::with_field(good, 16, 33U)), ErrorCode::kCorruption);
  EXPECT_CODE(parse_quantizer(test::with_field(good, 4, 0U)), ErrorCode::kCorruption);
}

TEST(QuantizerSection, refuses_numbers_that_are_not_finite) {
  const auto good = write_quantizer_section(sample_quantizer());
  for (const std::size_t at : {32U, 64U, 72U}) {
    EXPECT_CODE(parse_quantizer(test::with_field(good, at, std::numeric_limits<float>::quiet_NaN())),
                ErrorCode::kCorruption);
    EXPECT_CODE(parse_quantizer(test::with_field(good, at, std::numeric_limits<float>::infinity())),
                ErrorCode::kCorruption);
  }
  EXPECT_CODE(parse_quantizer(test::with_field(good, 32, -1.0F)), ErrorCode::kCorruption);
}

TEST(QuantizerSection, survives_every_flipped_bit) {
  const auto good = write_quantizer_section(sample_quantizer());
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bytes = good;
    bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    const auto parsed = parse_quantizer(bytes);
    if (parsed.ok()) {
      EXPECT_EQ(parsed->centre.size(), 3U);
      EXPECT_LE(parsed->code_bytes, parsed->stride_bytes);
    } else {
      EXPECT_CODE(parsed, ErrorCode::kCorruption);
    }
  }
}

QuantizerDescription product_sample() {
  QuantizerDescription description = sample_quantizer();
  description.code_kind = kProductCodeKind;
  description.code_bytes = 1;
  description.stride_bytes = 1;
  description.product = {true, 0.5F, -0.25F, 0.125F, std::vector<float>(3 * kCentroidsPerSubSpace, 1.5F)};
  description.product.centroids.back() = -7.0F;
  return description;
}

TEST(QuantizerSection, gives_back_product_codes_as_they_were_written) {
  const auto bytes = write_quantizer_section(product_sample());
  ASSERT_EQ(bytes.size(), 64U + 12U + 3U * 256U * 4U);
  const auto parsed = parse_quantizer(bytes);
  ASSERT_OK(parsed);
  EXPECT_EQ(*parsed, product_sample());
}

TEST(QuantizerSection, refuses_product_codes_that_are_cut_off_or_hold_wrong_numbers) {
  const auto good = write_quantizer_section(product_sample());
  for (const std::size_t length : {0U, 63U, 64U, 76U, 80U, 3147U}) {
    EXPECT_CODE(parse_quantizer({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length)}),
                ErrorCode::kCorruption);
  }
  for (const auto& [at, value] :
       std::vector<std::pair<std::size_t, std::uint32_t>>{{36, 2}, {52, 1}, {60, 1}, {16, 2}}) {
    EXPECT_CODE(parse_quantizer(test::with_field(good, at, value)), ErrorCode::kCorruption) << at;
  }
  for (const std::size_t at : {40U, 44U, 48U, 64U, 76U, 3144U}) {
    const auto parsed = parse_quantizer(test::with_field(good, at, std::numeric_limits<float>::quiet_NaN()));
    EXPECT_CODE(parsed, ErrorCode::kCorruption);
    EXPECT_EQ(parsed.status().message().rfind("offset " + std::to_string(8000 + at) + ": ", 0), 0U)
        << parsed.status().message();
  }
  EXPECT_CODE(parse_quantizer(test::with_field(good, 40, -1.0F)), ErrorCode::kCorruption);
  EXPECT_CODE(parse_quantizer(test::with_field(good, 48, -1.0F)), ErrorCode::kCorruption);
  EXPECT_OK(parse_quantizer(test::with_field(good, 44, -1.0F)));
}

}  // namespace
}  // namespace vibrato::format
