// Numbers and times as the columns of meta indexes order them.
#pragma once

#include "filter/number.hpp"
#include "filter/time.hpp"
#include "format/meta_index.hpp"

namespace vibrato::filter {

[[nodiscard]] inline format::OrderKey order_key(const Number& number) {
  return {number.base(), number.rest()};
}

// Seconds of the years 0000 to 9999 are exact in an f64.
[[nodiscard]] inline format::OrderKey order_key(const Time& time) {
  return {static_cast<double>(time.seconds), time.nanoseconds};
}

}  // namespace vibrato::filter
