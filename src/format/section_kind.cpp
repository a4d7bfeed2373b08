#include "format/section_kind.hpp"

#include <array>

namespace vibrato::format {
namespace {

constexpr std::array kKinds = {
    SectionKindInfo{SectionKind::kVectors, "vectors", 1, true, SectionLength::kVectorRows},
    SectionKindInfo{SectionKind::kInverseNorms, "inverse_norms", 1, false, SectionLength::kPerRow4},
    SectionKindInfo{SectionKind::kQuantizer, "quantizer", 1, false, SectionLength::kAny},
    SectionKindInfo{SectionKind::kCodes, "codes", 1, false, SectionLength::kAny},
    SectionKindInfo{SectionKind::kGraph, "graph", 1, false, SectionLength::kAny},
    SectionKindInfo{SectionKind::kGraphOrder, "graph_order", 0, false, SectionLength::kPerRow4},
    SectionKindInfo{SectionKind::kMetaOffsets, "meta_offsets", 1, true, SectionLength::kOffsets8},
    SectionKindInfo{SectionKind::kMeta, "meta", 1, true, SectionLength::kAny},
    SectionKindInfo{SectionKind::kRowLsns, "row_lsns", 1, true, SectionLength::kPerRow8},
    SectionKindInfo{SectionKind::kIds, "ids", 1, true, SectionLength::kAny},
    SectionKindInfo{SectionKind::kIdOrder, "id_order", 1, false, SectionLength::kPerRow4},
    SectionKindInfo{SectionKind::kIdHash, "id_hash", 1, false, SectionLength::kAny},
    SectionKindInfo{SectionKind::kIdFilter, "id_filter", 0, false, SectionLength::kAny},
    SectionKindInfo{SectionKind::kDeleted, "deleted", 0, true, SectionLength::kAny},
    SectionKindInfo{SectionKind::kMetaIndex, "meta_index", 1, false, SectionLength::kAny},
    SectionKindInfo{SectionKind::kCalibration, "calibration", 1, false, SectionLength::kAny},
    SectionKindInfo{SectionKind::kBuildInfo, "build_info", 1, false, SectionLength::kAny},
};

}  // namespace

std::optional<SectionKindInfo> section_kind_info(std::uint32_t kind) {
  for (const SectionKindInfo& info : kKinds) {
    if (static_cast<std::uint32_t>(info.kind) == kind) {
      return info;
    }
  }
  return std::nullopt;
}

std::string_view to_string(SectionKind kind) {
  const auto info = section_kind_info(static_cast<std::uint32_t>(kind));
  return info ? info->name : "unknown";
}

}  // namespace vibrato::format
