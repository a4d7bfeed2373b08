// A JSON number as filters and meta indexes compare it: by exact value, whatever it was written as. 3 equals 3.0, and
// 2^53 + 1 does not equal 2^53 although both round to the same f64.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace vibrato::filter {

// The value is base + rest: the largest f64 at or below it, and what is missing, which is 0 but for whole numbers past
// 2^53, and below 2,048 for these. So order is that of (base, rest).
class Number {
 public:
  constexpr Number() = default;  // 0.
  // Requires: finite.
  [[nodiscard]] static Number from_double(double value);
  [[nodiscard]] static Number from_signed(std::int64_t value);
  [[nodiscard]] static Number from_unsigned(std::uint64_t value);
  // From what base() and rest() gave.
  [[nodiscard]] static Number from_parts(double base, std::uint16_t rest);

  // As JSON; equal numbers give the same text.
  [[nodiscard]] std::string to_json() const;

  [[nodiscard]] double base() const { return base_; }
  [[nodiscard]] std::uint16_t rest() const { return rest_; }

  friend bool operator==(const Number&, const Number&) = default;
  friend std::partial_ordering operator<=>(const Number&, const Number&) = default;

 private:
  Number(double base, std::uint16_t rest) : base_(base), rest_(rest) {}

  double base_ = 0;
  std::uint16_t rest_ = 0;
};

}  // namespace vibrato::filter
