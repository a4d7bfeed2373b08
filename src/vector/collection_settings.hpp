// What a collection is made with. Settings never change afterwards; "the same settings" compares them with every
// default filled in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vibrato/metric.hpp>
#include <vibrato/result.hpp>

#include "base/limits.hpp"

namespace vibrato::vector {

enum class IndexKind : std::uint8_t { kHnsw, kFlat };
enum class Quantization : std::uint8_t { kAuto, kSq8, kSq4, kNone };

// Present: old segments are archived (PQ codes; raw vectors are dropped after that unless keep_raw).
struct ArchiveSettings {
  bool keep_raw = true;
  friend bool operator==(const ArchiveSettings&, const ArchiveSettings&) = default;
};

struct CollectionSettings {
  std::uint32_t dim = 0;
  Metric metric = Metric::kCosine;
  IndexKind index = IndexKind::kHnsw;
  std::uint32_t m = 16;                 // kHnsw only; else the default.
  std::uint32_t ef_construction = 200;  // kHnsw only; else the default.
  Quantization quantization = Quantization::kAuto;
  std::optional<ArchiveSettings> archive;

  friend bool operator==(const CollectionSettings&, const CollectionSettings&) = default;
};

// "hnsw", "flat"; "auto", "sq8", "sq4", "none".
[[nodiscard]] std::string_view to_string(IndexKind kind);
[[nodiscard]] std::string_view to_string(Quantization quantization);

// Errors: kInvalidArgument naming the field: dim 1 to `dim_max`, m and ef_construction within limits, and at their
// defaults where the index kind has no use for them.
[[nodiscard]] Status check_settings(const CollectionSettings& settings, std::uint32_t dim_max = limits::kDimDefaultMax);

// For the log and the catalog: JSON, stable, every field present.
[[nodiscard]] std::string settings_json(const CollectionSettings& settings);
// Errors: kCorruption.
[[nodiscard]] Result<CollectionSettings> parse_settings(std::string_view json);

}  // namespace vibrato::vector
