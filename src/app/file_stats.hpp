// What a `.vdb` file holds, for `stats`: gathered from the file's own tables, then shown as a table or as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>
#include <vibrato/metric.hpp>
#include <vibrato/result.hpp>

#include "store/vdb_file.hpp"

namespace vibrato::app {

struct SectionStats {
  std::string name;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

struct GraphStats {
  std::uint32_t m = 0;   // Links of a row on the upper levels.
  std::uint32_t m0 = 0;  // Links of a row on level 0, at most.
  std::uint32_t ef_construction = 0;
  std::vector<std::uint64_t> rows_per_level;  // Level 0 first.
  std::uint64_t links = 0;                    // Of level 0.
  std::uint32_t degree_min = 0;               // Of level 0.
  std::uint32_t degree_max = 0;
};

struct CodeStats {
  std::string kind;  // "sq8", "sq4", or "unknown" where the size of a row is that of neither.
  std::uint64_t bytes_per_row = 0;
};

struct FileStats {
  std::string path;
  std::uint32_t version = 0;
  Metric metric = Metric::kDot;
  std::uint32_t dim = 0;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  bool has_meta = false;
  std::vector<SectionStats> sections;
  std::optional<GraphStats> graph;
  std::optional<CodeStats> codes;
  std::string build_info;  // JSON object, or empty.
};

// Reads the whole level 0 of a graph. Errors: kCorruption for a graph section whose header does not fit.
[[nodiscard]] Result<FileStats> gather_stats(const store::VdbFile& file);

[[nodiscard]] std::string stats_table(const FileStats& stats);
[[nodiscard]] std::string stats_json(const FileStats& stats);

}  // namespace vibrato::app
