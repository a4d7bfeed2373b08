#include "app/file_stats.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "app/text_format.hpp"
#include "format/codes.hpp"
#include "format/graph.hpp"
#include "format/section_kind.hpp"
#include "quant/code_layout.hpp"
#include "store/id_index.hpp"

namespace vibrato::app {
namespace {

Result<GraphStats> describe_graph(const store::VdbFile& file, std::uint64_t section_offset) {
  const auto bytes = file.section(format::SectionKind::kGraph);
  VIBRATO_CHECK(bytes.has_value());
  VIBRATO_ASSIGN_OR_RETURN(const format::GraphView graph,
                           format::parse_graph_section(*bytes, file.rows(), file.path(), section_offset));
  VIBRATO_ASSIGN_OR_RETURN(hnsw::GraphReport report, hnsw::validate_graph(graph, {file.path(), nullptr}));
  return GraphStats{graph.m, graph.m0, graph.ef_construction, std::move(report.levels)};
}

Result<std::optional<CodeStats>> describe_codes(const store::VdbFile& file, std::uint64_t section_offset) {
  const auto bytes = file.section(format::SectionKind::kQuantizer);
  VIBRATO_CHECK(bytes.has_value());
  const auto quantizer = format::parse_quantizer_section(*bytes, file.dim(), file.metric(), section_offset);
  if (!quantizer.ok()) return quantizer.status().with_context(file.path());
  const auto kind = static_cast<quant::CodeKind>(quantizer->code_kind);
  if (kind == quant::CodeKind::kNone) return std::optional<CodeStats>();
  return std::optional(CodeStats{std::string(quant::to_string(kind)), quantizer->stride_bytes});
}

Result<IdStats> describe_ids(const store::VdbFile& file) {
  VIBRATO_ASSIGN_OR_RETURN(const store::IdIndex ids, store::IdIndex::open(file));
  IdStats stats;
  stats.has_texts = ids.ids().header().layout == format::IdsLayout::kMixed;
  stats.distinct = ids.distinct_count();
  stats.first_lsn = file.layout().first_lsn;
  stats.last_lsn = file.layout().last_lsn;
  return stats;
}

nlohmann::json ids_json(const FileStats& stats) {
  if (!stats.ids) return nullptr;
  const IdStats& ids = *stats.ids;
  return {{"kind", ids.has_texts ? "mixed" : "numbers"},
          {"distinct", ids.distinct ? nlohmann::json(*ids.distinct) : nlohmann::json(nullptr)},
          {"first_lsn", ids.first_lsn},
          {"last_lsn", ids.last_lsn}};
}

std::string ids_line(const FileStats& stats) {
  if (!stats.ids) return "ids:      none\n";
  const IdStats& ids = *stats.ids;
  std::string text = fmt::format("ids:      {}", ids.has_texts ? "texts and numbers" : "numbers");
  if (ids.distinct) text += fmt::format(", {} different", with_thousands(*ids.distinct));
  return text + fmt::format(", written at LSN {} to {}\n", ids.first_lsn, ids.last_lsn);
}

nlohmann::json codes_json(const FileStats& stats) {
  if (!stats.codes) return nullptr;
  return {{"kind", stats.codes->kind}, {"bytes_per_row", stats.codes->bytes_per_row}};
}

nlohmann::json graph_json(const FileStats& stats) {
  if (!stats.graph) return nullptr;
  const GraphStats& graph = *stats.graph;
  nlohmann::json levels = nlohmann::json::array();
  for (const hnsw::LevelReport& level : graph.levels) {
    levels.push_back({{"rows", level.rows},
                      {"links", level.edges},
                      {"degree_min", level.degree_min},
                      {"degree_mean", level.degree_mean()},
                      {"degree_max", level.degree_max}});
  }
  return {{"m", graph.m}, {"m0", graph.m0}, {"ef_construction", graph.ef_construction}, {"levels", std::move(levels)}};
}

std::string graph_lines(const FileStats& stats) {
  if (!stats.graph) return "graph:    none (vibratod build adds one)\n";
  const GraphStats& graph = *stats.graph;
  std::string text = fmt::format("graph:    m {}, ef_construction {}, {} levels\n", graph.m, graph.ef_construction,
                                 graph.levels.size());
  for (std::size_t number = 0; number < graph.levels.size(); ++number) {
    const hnsw::LevelReport& level = graph.levels[number];
    text += fmt::format("  level {:<2}  {:>15} rows, {} to {} links a row, {:.1f} on average\n", number,
                        with_thousands(level.rows), level.degree_min, level.degree_max, level.degree_mean());
  }
  return text;
}

}  // namespace

Result<FileStats> gather_stats(const store::VdbFile& file) {
  FileStats stats;
  stats.path = file.path();
  stats.version = file.version();
  stats.metric = file.metric();
  stats.dim = file.dim();
  stats.rows = file.rows();
  stats.bytes = file.size_bytes();
  stats.has_meta = file.has_meta();
  stats.build_info = file.build_info();
  if (store::IdIndex::is_in(file)) {
    VIBRATO_ASSIGN_OR_RETURN(stats.ids, describe_ids(file));
  }
  for (const format::SectionEntry& section : file.layout().sections) {
    stats.sections.push_back({std::string(format::to_string(static_cast<format::SectionKind>(section.kind))),
                              section.offset, section.length});
    const auto kind = static_cast<format::SectionKind>(section.kind);
    if (kind == format::SectionKind::kQuantizer) {
      VIBRATO_ASSIGN_OR_RETURN(stats.codes, describe_codes(file, section.offset));
    }
    if (kind == format::SectionKind::kGraph) {
      VIBRATO_ASSIGN_OR_RETURN(stats.graph, describe_graph(file, section.offset));
    }
  }
  if (stats.sections.empty()) {  // Versions 1 and 2 have no table of sections.
    stats.sections.push_back({"vectors", file.layout().vectors.offset, file.layout().vectors.length});
  }
  return stats;
}

std::string stats_table(const FileStats& stats) {
  std::string text = fmt::format("file:     {}\nversion:  {}\nvectors:  {}\ndim:      {}\nmetric:   {}\n", stats.path,
                                 stats.version, with_thousands(stats.rows), stats.dim, to_string(stats.metric));
  text += fmt::format("size:     {}\nmeta:     {}\n", human_bytes(stats.bytes), stats.has_meta ? "yes" : "none");
  text += graph_lines(stats);
  text += stats.codes ? fmt::format("codes:    {}, {} bytes a row\n", stats.codes->kind, stats.codes->bytes_per_row)
                      : "codes:    none\n";
  text += ids_line(stats);
  text += "sections:\n";
  for (const SectionStats& section : stats.sections) {
    text += fmt::format("  {:<16} {:>15} bytes at {}\n", section.name, with_thousands(section.bytes), section.offset);
  }
  if (!stats.build_info.empty()) text += fmt::format("built by: {}\n", stats.build_info);
  return text;
}

std::string stats_json(const FileStats& stats) {
  nlohmann::json json = {{"file", stats.path},
                         {"version", stats.version},
                         {"metric", std::string(to_string(stats.metric))},
                         {"dim", stats.dim},
                         {"rows", stats.rows},
                         {"bytes", stats.bytes},
                         {"has_meta", stats.has_meta},
                         {"sections", nlohmann::json::array()},
                         {"graph", graph_json(stats)},
                         {"codes", codes_json(stats)},
                         {"ids", ids_json(stats)}};
  for (const SectionStats& section : stats.sections) {
    json["sections"].push_back({{"name", section.name}, {"offset", section.offset}, {"bytes", section.bytes}});
  }
  const nlohmann::json build_info = nlohmann::json::parse(stats.build_info, nullptr, false);
  json["build_info"] = build_info.is_discarded() ? nlohmann::json(nullptr) : build_info;
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

}  // namespace vibrato::app
