// The similarity measures of a collection.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace vibrato {

// cosine, dot: the score is the similarity, higher is better. l2: the score is the squared distance, lower is better.
// The numbers are part of the file format (docs/formats/vdb.md).
enum class Metric : std::uint8_t { kCosine = 0, kDot = 1, kL2 = 2 };

[[nodiscard]] constexpr bool higher_is_better(Metric metric) {
  return metric != Metric::kL2;
}

[[nodiscard]] constexpr std::string_view to_string(Metric metric) {
  switch (metric) {
    case Metric::kCosine:
      return "cosine";
    case Metric::kDot:
      return "dot";
    case Metric::kL2:
      return "l2";
  }
  return "unknown";
}

[[nodiscard]] constexpr std::optional<Metric> parse_metric(std::string_view text) {
  if (text == "cosine") return Metric::kCosine;
  if (text == "dot") return Metric::kDot;
  if (text == "l2") return Metric::kL2;
  return std::nullopt;
}

}  // namespace vibrato
