// The HNSW graph as flat arrays, and their bytes in a `.vdb` section (docs/formats/vdb.md, "Graph section").
//
// Level 0: one block of m0 neighbours a row, rows in order, a block ended early by kNoNeighbour.
// Upper levels stand apart: only a few rows have them. Those rows are numbered 0..upper_count-1 in row order ("upper
// index"); upper_rows maps back. Upper index u of level L owns L lists of m neighbours, level 1 first, starting with
// list number upper_offsets[u]; the neighbours are upper indexes too. Nothing here is decoded: a GraphView points
// into the mapped section.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

namespace vibrato::format {

inline constexpr std::uint32_t kNoNeighbour = 0xffffffff;

// A graph to read. Thread-safety: reading is safe while a MutableGraph's owner inserts (see hnsw/mutable_graph.hpp).
struct GraphView {
  std::uint32_t row_count = 0;
  std::uint32_t m = 0;   // Neighbours a list on the upper levels.
  std::uint32_t m0 = 0;  // Neighbours a block on level 0; a multiple of 16.
  std::uint32_t ef_construction = 0;
  std::uint32_t entry_row = kNoNeighbour;    // kNoNeighbour: the graph is empty.
  std::uint32_t entry_upper = kNoNeighbour;  // The entry's upper index; kNoNeighbour if the graph has only level 0.
  std::uint32_t max_level = 0;
  std::uint32_t upper_count = 0;
  std::uint64_t upper_list_count = 0;
  const std::uint32_t* level0 = nullptr;         // [row_count][m0]
  const std::uint32_t* upper_rows = nullptr;     // [upper_count], ascending
  const std::uint32_t* upper_offsets = nullptr;  // [upper_count + 1], in lists
  const std::uint32_t* upper_lists = nullptr;    // [upper_offsets[upper_count]][m]

  [[nodiscard]] const std::uint32_t* block(std::uint32_t row) const { return level0 + std::size_t{row} * m0; }
  // The list of upper index u on `level`, or nullptr where the arrays (which may be damaged) have none.
  // Requires: level >= 1.
  [[nodiscard]] const std::uint32_t* upper_list(std::uint32_t u, std::uint32_t level) const {
    if (u >= upper_count) return nullptr;
    const std::uint64_t list = std::uint64_t{upper_offsets[u]} + level - 1;
    return list < upper_offsets[u + 1] && list < upper_list_count ? upper_lists + list * m : nullptr;
  }
};

// The 64 bytes in front of the arrays. All integers little-endian.
struct GraphHeader {
  std::uint32_t row_count = 0;
  std::uint32_t m = 0;
  std::uint32_t m0 = 0;
  std::uint32_t ef_construction = 0;
  std::uint32_t entry_row = kNoNeighbour;
  std::uint32_t entry_upper = kNoNeighbour;
  std::uint32_t max_level = 0;
  std::uint32_t upper_count = 0;
  std::uint64_t upper_list_count = 0;
  std::uint64_t reserved[3] = {};
};
static_assert(sizeof(GraphHeader) == 64);

inline constexpr std::uint32_t kGraphSectionVersion = 1;

// The section's parts in the order they are written: header, level0, upper_rows, upper_offsets, upper_lists.
// `header_storage` must live as long as the result; the other parts point into `graph`.
[[nodiscard]] std::vector<std::span<const std::byte>> graph_section_parts(const GraphView& graph,
                                                                          GraphHeader& header_storage);

// Points a view into `section`, which must be 64-byte aligned and outlive it. O(1): checks the header and the sizes,
// not the edges, which every reader bounds-checks as it goes (hnsw/validator.hpp checks them all).
// `file` and `section_offset` are for messages. Errors: kCorruption.
[[nodiscard]] Result<GraphView> parse_graph_section(std::span<const std::byte> section, std::uint32_t row_count,
                                                    std::string_view file, std::uint64_t section_offset);

}  // namespace vibrato::format
