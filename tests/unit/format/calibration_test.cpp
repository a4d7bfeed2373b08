#include "format/calibration.hpp"

#include <cstring>
#include <gtest/gtest.h>
#include <limits>

#include "base/random.hpp"
#include "support/changed_bytes.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::format {
namespace {

constexpr std::size_t kHeaderBytes = 32;

Calibration sample_calibration() {
  Calibration calibration;
  calibration.samples = 123;
  calibration.ks = {1, 10};
  calibration.targets = {0.5F, 0.9F, 0.99F};
  calibration.shares = {1, 0.25F};
  for (std::uint32_t i = 0; i < 12; ++i) {
    const auto x = static_cast<float>(i);
    calibration.points.push_back({0.1F * x, i + 1, x / 12, 100 + x, 10 + x});
  }
  calibration.points.back().slack = std::numeric_limits<float>::infinity();
  return calibration;
}

void expect_refused(const std::vector<std::byte>& bytes, const std::string& what) {
  const auto parsed = parse_calibration_section(bytes, 8000);
  ASSERT_FALSE(parsed.ok()) << what;
  EXPECT_EQ(parsed.status().code(), ErrorCode::kCorruption);
  EXPECT_NE(parsed.status().message().find(what), std::string::npos) << parsed.status().message();
}

TEST(CalibrationSection, gives_back_what_was_written) {
  const auto bytes = write_calibration_section(sample_calibration());
  EXPECT_EQ(bytes.size(), kHeaderBytes + 4 * (2 + 3 + 2) + 12 * 20);
  const auto parsed = parse_calibration_section(bytes, 8000);
  ASSERT_OK(parsed);
  EXPECT_EQ(*parsed, sample_calibration());
  EXPECT_EQ(parsed->point(1, 0, 2).reach, 9U);
}

TEST(CalibrationSection, grids_have_one_to_64_entries) {
  for (const std::uint32_t count : {1U, 63U, 64U}) {
    Calibration calibration = sample_calibration();
    calibration.ks.clear();
    for (std::uint32_t k = 1; k <= count; ++k) {
      calibration.ks.push_back(k);
    }
    calibration.points.assign(std::size_t{count} * 6, CalibratedPoint{});
    EXPECT_OK(parse_calibration_section(write_calibration_section(calibration), 0));
  }
  const auto bytes = write_calibration_section(sample_calibration());
  for (const std::uint32_t count : {0U, 65U, 0xffffffffU}) {
    for (const std::size_t at : {8U, 12U, 16U}) {
      expect_refused(test::with_field(bytes, at, count), "entries of a grid of the calibration");
    }
  }
}

TEST(CalibrationSection, refuses_what_it_does_not_know) {
  const auto bytes = write_calibration_section(sample_calibration());
  expect_refused(test::with_field(bytes, 0, std::uint32_t{2}), "version of the calibration");
  expect_refused(test::with_field(bytes, 20, std::uint32_t{1}), "reserved field of the calibration");
  expect_refused(test::with_field(bytes, kHeaderBytes, std::uint32_t{0}), "k of the calibration");
  expect_refused(test::with_field(bytes, kHeaderBytes + 4, std::uint32_t{1}), "k of the calibration");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const float target : {nan, 0.95F, -1.0F, 0.0F}) {
    expect_refused(test::with_field(bytes, kHeaderBytes + 8, target), "targets of the calibration");
  }
  expect_refused(test::with_field(bytes, kHeaderBytes + 16, 1.0F), "targets of the calibration");
  for (const float share : {nan, 0.5F, 2.0F}) {
    expect_refused(test::with_field(bytes, kHeaderBytes + 20, share), "shares of the calibration");
  }
  for (const float share : {nan, 0.0F, 1.0F}) {
    expect_refused(test::with_field(bytes, kHeaderBytes + 24, share), "shares of the calibration");
  }
}

TEST(CalibrationSection, refuses_points_out_of_range) {
  const auto bytes = write_calibration_section(sample_calibration());
  const std::size_t point = kHeaderBytes + 28;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  for (const float slack : {nan, -0.1F}) {
    expect_refused(test::with_field(bytes, point, slack), "a point of the calibration");
  }
  expect_refused(test::with_field(bytes, point + 4, std::uint32_t{0}), "a point of the calibration");
  for (const float recall : {nan, -0.1F, 1.1F}) {
    expect_refused(test::with_field(bytes, point + 8, recall), "a point of the calibration");
  }
  for (const float cost : {nan, inf, -1.0F}) {
    expect_refused(test::with_field(bytes, point + 12, cost), "a point of the calibration");
    expect_refused(test::with_field(bytes, point + 16, cost), "a point of the calibration");
  }
}

TEST(CalibrationSection, any_length_but_its_own_is_damage) {
  const auto bytes = write_calibration_section(sample_calibration());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_EQ(parse_calibration_section(std::span(bytes).first(length), 0).status().code(), ErrorCode::kCorruption);
  }
  auto longer = bytes;
  longer.push_back(std::byte{0});
  expect_refused(longer, "bytes of the calibration");
}

TEST(CalibrationSection, any_bytes_give_a_calibration_or_damage) {
  Random random(11);
  for (int i = 0; i < 20'000; ++i) {
    auto bytes = write_calibration_section(sample_calibration());
    for (std::uint64_t flips = 1 + random.below(3); flips > 0; --flips) {
      bytes[random.below(bytes.size())] ^= static_cast<std::byte>(1U << random.below(8));
    }
    const auto parsed = parse_calibration_section(bytes, 0);
    if (parsed.ok()) {
      EXPECT_EQ(write_calibration_section(*parsed).size(), bytes.size());
    } else {
      EXPECT_EQ(parsed.status().code(), ErrorCode::kCorruption);
    }
  }
}

}  // namespace
}  // namespace vibrato::format
