#include "hnsw/held_out.hpp"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vibrato/check.hpp>

#include "base/random.hpp"
#include "hnsw/list_repair.hpp"

namespace vibrato::hnsw {
namespace {

bool names_any(const GraphView& graph, std::uint32_t row, std::span<const std::uint32_t> new_ids) {
  const std::uint32_t* list = graph.block(row);
  for (std::uint32_t i = 0; i < graph.m0 && list[i] < graph.row_count; ++i) {
    if (new_ids[list[i]] == kNoNeighbour) {
      return true;
    }
  }
  return false;
}

}  // namespace

HeldOutGraph::HeldOutGraph(LargeBuffer lists, const GraphView& view) : lists_(std::move(lists)), view_(view) {
  view_.level0 = lists_.as<std::uint32_t>();
}

Result<HeldOutGraph> HeldOutGraph::make(const simd::Kernels& kernels, const RowSpace& space, const GraphView& graph,
                                        std::span<const std::uint32_t> rows) {
  const std::size_t slots = std::size_t{graph.row_count} * graph.m0;
  VIBRATO_ASSIGN_OR_RETURN(LargeBuffer lists,
                           LargeBuffer::reserve(slots * sizeof(std::uint32_t), LargeBuffer::Pages::kHuge));
  std::vector<std::uint32_t> new_ids(graph.row_count);
  std::iota(new_ids.begin(), new_ids.end(), 0U);
  for (const std::uint32_t row : rows) {
    VIBRATO_CHECK(row < graph.row_count);
    new_ids[row] = kNoNeighbour;
  }
  const OldLevel level{graph, 0, new_ids, new_ids};
  ListRepair repair(kernels, space);
  for (std::uint32_t row = 0; row < graph.row_count; ++row) {
    std::uint32_t* out = lists.as<std::uint32_t>() + std::size_t{row} * graph.m0;
    if (new_ids[row] != kNoNeighbour && names_any(graph, row, new_ids)) {
      repair.write(level, row, out);
    } else {
      std::copy_n(graph.block(row), graph.m0, out);
    }
  }
  return HeldOutGraph(std::move(lists), graph);
}

std::vector<std::uint32_t> sample_rows(const GraphView& graph, std::uint32_t count, std::uint64_t seed) {
  VIBRATO_CHECK(count <= graph.row_count);
  std::vector<bool> is_upper(graph.row_count);
  for (std::uint32_t i = 0; i < graph.upper_count; ++i) {
    if (graph.upper_rows[i] < graph.row_count) {
      is_upper[graph.upper_rows[i]] = true;
    }
  }
  constexpr int kTries = 8;
  Random random(seed);
  std::vector<std::uint32_t> rows;
  rows.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t begin = i * graph.row_count / count;
    const std::uint64_t end = (i + 1) * graph.row_count / count;
    for (int tries = 0; tries < kTries; ++tries) {
      const auto row = static_cast<std::uint32_t>(begin + random.below(end - begin));
      if (!is_upper[row] && row != graph.entry_row) {
        rows.push_back(row);
        break;
      }
    }
  }
  return rows;
}

}  // namespace vibrato::hnsw
