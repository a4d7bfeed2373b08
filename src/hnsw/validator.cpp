#include "hnsw/validator.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include "base/limits.hpp"

namespace vibrato::hnsw {
namespace {

using format::GraphView;
using format::kNoNeighbour;

constexpr std::uint32_t kLevelMax = 64;
constexpr std::uint32_t kBlockMax = 4 * limits::kGraphMMax;
constexpr std::uint64_t kStepsAProgress = 1 << 16;

// Requires: upper offsets were checked.
std::uint32_t level_of_upper(const GraphView& graph, std::uint32_t upper) {
  return graph.upper_offsets[upper + 1] - graph.upper_offsets[upper];
}

class Validator {
 public:
  Validator(const GraphView& graph, const ValidateOptions& options)
      : graph_(graph), options_(options), steps_total_(2 * std::uint64_t{graph.row_count} + graph.upper_count) {}

  Result<GraphReport> run() {
    VIBRATO_RETURN_IF_ERROR(check_header());
    if (graph_.row_count == 0) {
      return report_;
    }
    VIBRATO_RETURN_IF_ERROR(check_upper_arrays());
    VIBRATO_RETURN_IF_ERROR(check_entry());
    report_.levels.resize(std::size_t{graph_.max_level} + 1);
    VIBRATO_RETURN_IF_ERROR(check_base_lists());
    VIBRATO_RETURN_IF_ERROR(check_upper_lists());
    VIBRATO_RETURN_IF_ERROR(check_reachable());
    return report_;
  }

 private:
  [[nodiscard]] Status fault(const std::string& what) const { return corruption(options_.file + ": graph: " + what); }
  [[nodiscard]] Status fault_at(std::uint32_t row, std::uint32_t level, const std::string& what) const {
    return fault("row " + std::to_string(row) + ", level " + std::to_string(level) + ": " + what);
  }

  void step() {
    ++steps_;
    if (options_.progress && (steps_ % kStepsAProgress == 0 || steps_ == steps_total_)) {
      options_.progress(steps_, steps_total_);
    }
  }

  [[nodiscard]] Status check_header() const {
    if (graph_.row_count == 0) {
      return graph_.entry_row == kNoNeighbour ? ok_status() : fault("an empty graph has an entry row");
    }
    if (graph_.m < limits::kGraphMMin || graph_.m > limits::kGraphMMax) {
      return fault("m is " + std::to_string(graph_.m) + ", which is out of range");
    }
    if (graph_.m0 < graph_.m || graph_.m0 > kBlockMax || graph_.m0 % 16 != 0) {
      return fault("m0 is " + std::to_string(graph_.m0) + ", which is out of range");
    }
    if (graph_.upper_count > graph_.row_count) {
      return fault(std::to_string(graph_.upper_count) + " upper rows of " + std::to_string(graph_.row_count) + " rows");
    }
    const bool has_upper = graph_.upper_count > 0;
    const bool arrays_there =
        graph_.upper_rows != nullptr && graph_.upper_offsets != nullptr && graph_.upper_lists != nullptr;
    if (graph_.level0 == nullptr || (has_upper && !arrays_there)) {
      return fault("an array is missing");
    }
    return ok_status();
  }

  [[nodiscard]] Status check_upper_arrays() const {
    if (graph_.upper_count == 0) {
      return graph_.upper_list_count == 0 ? ok_status() : fault("upper lists without upper rows");
    }
    if (graph_.upper_offsets[0] != 0) {
      return fault("the first upper offset is " + std::to_string(graph_.upper_offsets[0]) + ", not 0");
    }
    for (std::uint32_t u = 0; u < graph_.upper_count; ++u) {
      const std::uint32_t row = graph_.upper_rows[u];
      const auto upper_fault = [&](const std::string& what) {
        return fault("upper index " + std::to_string(u) + ": " + what);
      };
      if (row >= graph_.row_count) {
        return upper_fault("row " + std::to_string(row) + " is not below " + std::to_string(graph_.row_count));
      }
      if (u > 0 && row <= graph_.upper_rows[u - 1]) {
        return upper_fault("row " + std::to_string(row) + " does not follow row " +
                           std::to_string(graph_.upper_rows[u - 1]));
      }
      const std::uint32_t begin = graph_.upper_offsets[u];
      const std::uint32_t end = graph_.upper_offsets[u + 1];
      if (end <= begin || end - begin > kLevelMax) {
        return upper_fault("lists from " + std::to_string(begin) + " to " + std::to_string(end));
      }
    }
    if (graph_.upper_offsets[graph_.upper_count] != graph_.upper_list_count) {
      return fault("upper offsets end at " + std::to_string(graph_.upper_offsets[graph_.upper_count]) + ", not at " +
                   std::to_string(graph_.upper_list_count));
    }
    return ok_status();
  }

  [[nodiscard]] Status check_entry() const {
    if (graph_.entry_row >= graph_.row_count) {
      return fault("entry row " + std::to_string(graph_.entry_row) + " is not below " +
                   std::to_string(graph_.row_count));
    }
    std::uint32_t highest = 0;
    for (std::uint32_t u = 0; u < graph_.upper_count; ++u) {
      highest = std::max(highest, level_of_upper(graph_, u));
    }
    if (graph_.max_level != highest) {
      return fault("max level is " + std::to_string(graph_.max_level) + ", but the highest row has level " +
                   std::to_string(highest));
    }
    if (highest == 0) {
      return graph_.entry_upper == kNoNeighbour ? ok_status() : fault("an upper entry without upper rows");
    }
    if (graph_.entry_upper >= graph_.upper_count) {
      return fault("upper entry " + std::to_string(graph_.entry_upper) + " is not below " +
                   std::to_string(graph_.upper_count));
    }
    if (graph_.upper_rows[graph_.entry_upper] != graph_.entry_row) {
      return fault("the upper entry is row " + std::to_string(graph_.upper_rows[graph_.entry_upper]) +
                   ", the entry row is " + std::to_string(graph_.entry_row));
    }
    if (level_of_upper(graph_, graph_.entry_upper) != highest) {
      return fault_at(graph_.entry_row, level_of_upper(graph_, graph_.entry_upper),
                      "is the entry, but the highest level is " + std::to_string(highest));
    }
    return ok_status();
  }

  [[nodiscard]] Status check_base_lists() {
    for (std::uint32_t row = 0; row < graph_.row_count; ++row, step()) {
      VIBRATO_RETURN_IF_ERROR(check_list({graph_.block(row), graph_.m0}, row, row, 0, graph_.row_count));
    }
    return ok_status();
  }

  [[nodiscard]] Status check_upper_lists() {
    for (std::uint32_t u = 0; u < graph_.upper_count; ++u, step()) {
      for (std::uint32_t level = 1; level <= level_of_upper(graph_, u); ++level) {
        const std::span list(graph_.upper_list(u, level), graph_.m);
        VIBRATO_RETURN_IF_ERROR(check_list(list, u, graph_.upper_rows[u], level, graph_.upper_count));
        for (std::uint32_t i = 0; i < list.size() && list[i] != kNoNeighbour; ++i) {
          if (level_of_upper(graph_, list[i]) < level) {
            return fault_at(graph_.upper_rows[u], level,
                            "links to row " + std::to_string(graph_.upper_rows[list[i]]) + ", which has no such level");
          }
        }
      }
    }
    return ok_status();
  }

  // `owner` is the list's own id among `id_count` ids of its level.
  [[nodiscard]] Status check_list(std::span<const std::uint32_t> list, std::uint32_t owner, std::uint32_t row,
                                  std::uint32_t level, std::uint32_t id_count) {
    const auto end = std::find(list.begin(), list.end(), kNoNeighbour);
    if (std::any_of(end, list.end(), [](std::uint32_t id) { return id != kNoNeighbour; })) {
      return fault_at(row, level, "a neighbour behind the end of the list");
    }
    sorted_.assign(list.begin(), end);
    for (const std::uint32_t id : sorted_) {
      if (id >= id_count) {
        return fault_at(row, level, "neighbour " + std::to_string(id) + " is not below " + std::to_string(id_count));
      }
      if (id == owner) {
        return fault_at(row, level, "links to itself");
      }
    }
    std::sort(sorted_.begin(), sorted_.end());
    if (const auto twin = std::adjacent_find(sorted_.begin(), sorted_.end()); twin != sorted_.end()) {
      return fault_at(row, level, "neighbour " + std::to_string(*twin) + " comes twice");
    }
    count(level, static_cast<std::uint32_t>(sorted_.size()));
    return ok_status();
  }

  void count(std::uint32_t level, std::uint32_t degree) {
    LevelReport& report = report_.levels[level];
    report.degree_min = report.rows == 0 ? degree : std::min(report.degree_min, degree);
    report.degree_max = std::max(report.degree_max, degree);
    report.edges += degree;
    ++report.rows;
  }

  // Breadth first. Requires: the lists of level 0 were checked.
  [[nodiscard]] Status check_reachable() {
    std::vector<bool> reached(graph_.row_count, false);
    std::vector<std::uint32_t> queue{graph_.entry_row};
    reached[graph_.entry_row] = true;
    for (std::size_t next = 0; next < queue.size(); ++next, step()) {
      for (const std::uint32_t id : std::span(graph_.block(queue[next]), graph_.m0)) {
        if (id == kNoNeighbour) {
          break;
        }
        if (!reached[id]) {
          reached[id] = true;
          queue.push_back(id);
        }
      }
    }
    if (queue.size() == graph_.row_count) {
      return ok_status();
    }
    const auto missed = std::find(reached.begin(), reached.end(), false);
    return fault_at(static_cast<std::uint32_t>(missed - reached.begin()), 0,
                    "is not reached from the entry row (nor are " +
                        std::to_string(graph_.row_count - queue.size() - 1) + " others)");
  }

  const GraphView& graph_;
  const ValidateOptions& options_;
  std::uint64_t steps_total_;
  std::uint64_t steps_ = 0;
  GraphReport report_;
  std::vector<std::uint32_t> sorted_;
};

}  // namespace

Result<GraphReport> validate_graph(const format::GraphView& graph, const ValidateOptions& options) {
  return Validator(graph, options).run();
}

}  // namespace vibrato::hnsw
