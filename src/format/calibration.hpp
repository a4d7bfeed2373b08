// The bytes of the calibration section of a `.vdb` file (docs/formats/vdb.md, "Calibration"): with which stop rule a
// search of this segment reaches which recall, measured on rows of its own that were held out.
//
// Pure and total: any bytes give a calibration or kCorruption.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>
#include <vibrato/result.hpp>

namespace vibrato::format {

inline constexpr std::uint32_t kCalibrationVersion = 1;
inline constexpr std::uint32_t kCalibrationGridMax = 64;  // Of each of the three grids.

struct CalibratedPoint {
  float slack = 0;          // hnsw::StopRule::slack, at least 0; infinity: none.
  std::uint32_t reach = 1;  // hnsw::StopRule::reach, at least 1.
  float recall = 0;         // What the sample reached with them, 0 to 1. Below the target: it is out of reach.
  float distances = 0;      // That a walk computes with them, in the mean.
  float expanded = 0;       // Candidates that it takes, in the mean.

  friend bool operator==(const CalibratedPoint&, const CalibratedPoint&) = default;
};

struct Calibration {
  std::uint32_t samples = 0;      // Rows that were held out.
  std::vector<std::uint32_t> ks;  // Ascending, from 1 on.
  std::vector<float> targets;     // Recall, ascending, between 0 and 1.
  std::vector<float> shares;      // Of the rows that a filter allows, descending, at most 1, above 0. The first is 1.
  std::vector<CalibratedPoint> points;  // Shape [shares][ks][targets].

  [[nodiscard]] const CalibratedPoint& point(std::size_t share, std::size_t k, std::size_t target) const {
    return points[(share * ks.size() + k) * targets.size() + target];
  }
  friend bool operator==(const Calibration&, const Calibration&) = default;
};

// Requires: what the fields say of themselves; each grid has 1 to kCalibrationGridMax entries.
[[nodiscard]] std::vector<std::byte> write_calibration_section(const Calibration& calibration);

// `section_offset` is for messages. Errors: kCorruption, without the path.
[[nodiscard]] Result<Calibration> parse_calibration_section(std::span<const std::byte> section,
                                                            std::uint64_t section_offset);

}  // namespace vibrato::format
