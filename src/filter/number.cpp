#include "filter/number.hpp"

#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <vibrato/check.hpp>

namespace vibrato::filter {
namespace {

constexpr double kTwoTo64 = 18446744073709551616.0;

}  // namespace

Number Number::from_double(double value) {
  VIBRATO_CHECK(std::isfinite(value));
  return {value + 0.0, 0};  // Of the two zeros the positive one.
}

Number Number::from_unsigned(std::uint64_t value) {
  auto base = static_cast<double>(value);
  if (base >= kTwoTo64 || static_cast<std::uint64_t>(base) > value) {
    base = std::nextafter(base, 0.0);
  }
  return {base, static_cast<std::uint16_t>(value - static_cast<std::uint64_t>(base))};
}

Number Number::from_signed(std::int64_t value) {
  if (value >= 0) {
    return from_unsigned(static_cast<std::uint64_t>(value));
  }
  auto base = static_cast<double>(value);  // At least -2^63, which is a double.
  if (static_cast<std::int64_t>(base) > value) {
    base = std::nextafter(base, -std::numeric_limits<double>::infinity());
  }
  return {base, static_cast<std::uint16_t>(value - static_cast<std::int64_t>(base))};
}

Number Number::from_parts(double base, std::uint16_t rest) {
  return {base + 0.0, rest};
}

std::string Number::to_json() const {
  constexpr double kTwoTo63 = kTwoTo64 / 2;
  if (base_ != std::floor(base_) || base_ >= kTwoTo64 || base_ < -kTwoTo63) {
    return fmt::format("{}", base_);
  }
  return base_ >= 0 ? std::to_string(static_cast<std::uint64_t>(base_) + rest_)
                    : std::to_string(static_cast<std::int64_t>(base_) + rest_);
}

}  // namespace vibrato::filter
