#include "app/file_stats.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>

#include "app/text_format.hpp"
#include "format/graph.hpp"
#include "format/section_kind.hpp"
#include "quant/code_layout.hpp"

namespace vibrato::app {
namespace {

GraphStats describe_graph(const format::GraphView& graph) {
  GraphStats stats;
  stats.m = graph.m;
  stats.m0 = graph.m0;
  stats.ef_construction = graph.ef_construction;
  if (graph.row_count == 0) return stats;
  stats.degree_min = std::numeric_limits<std::uint32_t>::max();
  for (std::uint32_t row = 0; row < graph.row_count; ++row) {
    const std::span<const std::uint32_t> block(graph.block(row), graph.m0);
    const auto end = std::find(block.begin(), block.end(), format::kNoNeighbour);
    const auto degree = static_cast<std::uint32_t>(end - block.begin());
    stats.links += degree;
    stats.degree_min = std::min(stats.degree_min, degree);
    stats.degree_max = std::max(stats.degree_max, degree);
  }
  stats.rows_per_level.assign(std::size_t{graph.max_level} + 1, 0);
  stats.rows_per_level[0] = graph.row_count;
  for (std::uint32_t u = 0; u < graph.upper_count; ++u) {
    for (std::uint32_t level = 1; level <= graph.max_level && graph.upper_list(u, level) != nullptr; ++level) {
      ++stats.rows_per_level[level];
    }
  }
  return stats;
}

CodeStats describe_codes(std::uint64_t section_bytes, std::uint64_t rows, std::uint32_t dim) {
  CodeStats stats{"unknown", rows == 0 ? 0 : section_bytes / rows};
  for (const quant::CodeKind kind : {quant::CodeKind::kSq8, quant::CodeKind::kSq4}) {
    if (quant::CodeLayout::of(kind, dim).stride_bytes == stats.bytes_per_row) stats.kind = quant::to_string(kind);
  }
  return stats;
}

nlohmann::json codes_json(const FileStats& stats) {
  if (!stats.codes) return nullptr;
  return {{"kind", stats.codes->kind}, {"bytes_per_row", stats.codes->bytes_per_row}};
}

nlohmann::json graph_json(const FileStats& stats) {
  if (!stats.graph) return nullptr;
  const GraphStats& graph = *stats.graph;
  return {{"m", graph.m},
          {"m0", graph.m0},
          {"ef_construction", graph.ef_construction},
          {"rows_per_level", graph.rows_per_level},
          {"links", graph.links},
          {"degree_min", graph.degree_min},
          {"degree_max", graph.degree_max}};
}

std::string graph_lines(const FileStats& stats) {
  if (!stats.graph) return "graph:    none (vibratod build adds one)\n";
  const GraphStats& graph = *stats.graph;
  const double mean = stats.rows == 0 ? 0 : static_cast<double>(graph.links) / static_cast<double>(stats.rows);
  std::string text = fmt::format("graph:    m {}, ef_construction {}, {} levels\n", graph.m, graph.ef_construction,
                                 graph.rows_per_level.size());
  for (std::size_t level = 0; level < graph.rows_per_level.size(); ++level) {
    text += fmt::format("  level {:<2}  {:>15} rows", level, with_thousands(graph.rows_per_level[level]));
    if (level == 0)
      text += fmt::format(", {} to {} links a row, {:.1f} on average", graph.degree_min, graph.degree_max, mean);
    text += '\n';
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
  for (const format::SectionEntry& section : file.layout().sections) {
    stats.sections.push_back({std::string(format::to_string(static_cast<format::SectionKind>(section.kind))),
                              section.offset, section.length});
    if (section.kind == static_cast<std::uint32_t>(format::SectionKind::kCodes)) {
      stats.codes = describe_codes(section.length, stats.rows, stats.dim);
    }
    if (section.kind != static_cast<std::uint32_t>(format::SectionKind::kGraph)) continue;
    const auto bytes = file.section(format::SectionKind::kGraph);
    VIBRATO_CHECK(bytes.has_value());
    VIBRATO_ASSIGN_OR_RETURN(const format::GraphView graph,
                             format::parse_graph_section(*bytes, file.rows(), file.path(), section.offset));
    stats.graph = describe_graph(graph);
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
                         {"codes", codes_json(stats)}};
  for (const SectionStats& section : stats.sections) {
    json["sections"].push_back({{"name", section.name}, {"offset", section.offset}, {"bytes", section.bytes}});
  }
  const nlohmann::json build_info = nlohmann::json::parse(stats.build_info, nullptr, false);
  json["build_info"] = build_info.is_discarded() ? nlohmann::json(nullptr) : build_info;
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

}  // namespace vibrato::app
