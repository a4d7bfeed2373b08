// The kinds of sections a `.vdb` file of version 3 may hold (docs/formats/vdb.md). The numbers are part of the format.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace vibrato::format {

enum class SectionKind : std::uint32_t {
  kVectors = 1,       // f32 rows, stride = dim * 4 rounded up to 64 bytes, padding zero.
  kInverseNorms = 2,  // f32 a row: 1 / |x|, 0 for the zero vector.
  kQuantizer = 3,     // Parameters of the codes.
  kCodes = 4,         // Coded rows.
  kGraph = 5,         // Adjacency of the HNSW graph.
  kGraphOrder = 6,    // u32 a row: the row that stands at this place of the graph's own order.
  kMetaOffsets = 7,   // u64 a row and one more: where in kMeta the row's text starts and the last one ends.
  kMeta = 8,          // JSON texts, one after the other; an empty one means none.
  kRowLsns = 9,       // u64 a row: the log position that wrote it.
  kIds = 10,          // External ids by row.
  kIdOrder = 11,      // u32 a row: rows sorted by id, numbers first, then strings bytewise.
  kIdHash = 12,       // Open-addressing table id -> row.
  kIdFilter = 13,     // Small filter in front of kIdHash.
  kDeleted = 14,      // Frozen bitmap of rows deleted when the file was written.
  kMetaIndex = 16,    // Which rows have which meta (meta_index.hpp). 15 was never used.
  kCalibration = 17,  // Measured relation of the search's stop rule and recall.
  kBuildInfo = 18,    // JSON object: how the file was built.
};

// How long a section has to be; checked when a file is opened.
enum class SectionLength : std::uint8_t {
  kAny,         // The section's own parser knows.
  kVectorRows,  // rows * row stride, or 0 where the rows were dropped behind their codes.
  kPerRow4,     // rows * 4.
  kPerRow8,     // rows * 8.
  kOffsets8,    // (rows + 1) * 8.
};

struct SectionKindInfo {
  SectionKind kind;
  std::string_view name;
  std::uint16_t version;  // The one this build reads and writes; 0: planned, neither read nor written yet.
  bool required;          // A reader that cannot use it must refuse the file.
  SectionLength length;
};

// nullopt for a number that is no kind of this build.
[[nodiscard]] std::optional<SectionKindInfo> section_kind_info(std::uint32_t kind);

// "vectors"; "unknown" for a number that is no kind of this build.
[[nodiscard]] std::string_view to_string(SectionKind kind);

}  // namespace vibrato::format
