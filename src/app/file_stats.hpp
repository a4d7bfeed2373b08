// What a `.vdb` file holds, for `stats`: gathered from the file's own tables, then shown as a table or as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>
#include <vibrato/metric.hpp>
#include <vibrato/result.hpp>

#include "hnsw/validator.hpp"
#include "store/vdb_file.hpp"

namespace vibrato::app {

struct SectionStats {
  std::string name;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

struct GraphStats {
  std::uint32_t m = 0;   // Links of a row on the upper levels, at most.
  std::uint32_t m0 = 0;  // The same on level 0.
  std::uint32_t ef_construction = 0;
  std::vector<hnsw::LevelReport> levels;  // Level 0 first.
};

struct CodeStats {
  std::string kind;  // "sq8" or "sq4".
  std::uint32_t bytes_per_row = 0;
};

struct IdStats {
  bool has_texts = false;                 // Otherwise all ids are numbers.
  std::optional<std::uint64_t> distinct;  // Nothing if the file has no table of ids.
  std::uint64_t first_lsn = 0;
  std::uint64_t last_lsn = 0;
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
  std::optional<IdStats> ids;
  std::string build_info;  // JSON object, or empty.
};

// Reads the whole graph. Errors: kCorruption for a graph that is not whole (`verify` looks at the rest).
[[nodiscard]] Result<FileStats> gather_stats(const store::VdbFile& file);

[[nodiscard]] std::string stats_table(const FileStats& stats);
[[nodiscard]] std::string stats_json(const FileStats& stats);

}  // namespace vibrato::app
