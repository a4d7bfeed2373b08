// A graph as arrays of a test's own, to be damaged at will; and the section that stores it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "format/graph.hpp"

namespace vibrato::test {

// A graph of `row_count` rows in a ring, one level; tests change the arrays from there.
struct GraphArrays {
  format::GraphView header;  // Its pointers are not used.
  std::vector<std::uint32_t> level0;
  std::vector<std::uint32_t> upper_rows;
  std::vector<std::uint32_t> upper_offsets{0};
  std::vector<std::uint32_t> upper_lists;

  static GraphArrays ring(std::uint32_t row_count) {
    GraphArrays arrays;
    arrays.header.row_count = row_count;
    arrays.header.m = 4;
    arrays.header.m0 = 16;
    arrays.header.ef_construction = 10;
    arrays.header.entry_row = row_count > 0 ? 0 : format::kNoNeighbour;
    arrays.level0.assign(std::size_t{row_count} * 16, format::kNoNeighbour);
    for (std::uint32_t row = 0; row < row_count && row_count > 1; ++row) {
      arrays.link(row, (row + 1) % row_count);
    }
    return arrays;
  }

  // A copy of what `graph` points at.
  static GraphArrays copy_of(const format::GraphView& graph) {
    GraphArrays arrays;
    arrays.header = graph;
    arrays.level0.assign(graph.level0, graph.level0 + std::size_t{graph.row_count} * graph.m0);
    arrays.upper_rows.assign(graph.upper_rows, graph.upper_rows + graph.upper_count);
    arrays.upper_offsets.assign(graph.upper_offsets, graph.upper_offsets + graph.upper_count + 1);
    arrays.upper_lists.assign(graph.upper_lists, graph.upper_lists + graph.upper_list_count * graph.m);
    return arrays;
  }

  [[nodiscard]] std::uint32_t* block(std::uint32_t row) { return level0.data() + std::size_t{row} * header.m0; }

  void link(std::uint32_t from, std::uint32_t to) {
    std::uint32_t* slot = block(from);
    while (*slot != format::kNoNeighbour) {
      ++slot;
    }
    *slot = to;
  }

  // Gives the next row upper lists: one of m neighbours a level. Rows must come in order.
  void add_upper(std::uint32_t row, std::uint32_t levels) {
    upper_rows.push_back(row);
    upper_offsets.push_back(upper_offsets.back() + levels);
    upper_lists.resize(upper_lists.size() + std::size_t{levels} * header.m, format::kNoNeighbour);
    ++header.upper_count;
    header.upper_list_count += levels;
  }

  [[nodiscard]] format::GraphView view() const {
    format::GraphView graph = header;
    graph.level0 = level0.data();
    graph.upper_rows = upper_rows.data();
    graph.upper_offsets = upper_offsets.data();
    graph.upper_lists = upper_lists.data();
    return graph;
  }

  bool operator==(const GraphArrays& other) const {
    return level0 == other.level0 && upper_rows == other.upper_rows && upper_offsets == other.upper_offsets &&
           upper_lists == other.upper_lists && header.entry_row == other.header.entry_row &&
           header.entry_upper == other.header.entry_upper && header.max_level == other.header.max_level;
  }
};

// The bytes of a graph section in memory aligned as a mapped file has it.
class GraphSection {
 public:
  explicit GraphSection(const format::GraphView& graph) {
    format::GraphHeader header;
    for (const auto part : format::graph_section_parts(graph, header)) {
      append(part);
    }
  }
  explicit GraphSection(std::span<const std::byte> bytes) { append(bytes); }

  [[nodiscard]] std::span<std::byte> bytes() { return {reinterpret_cast<std::byte*>(blocks_.data()), size_}; }

 private:
  struct alignas(64) Block {
    std::byte bytes[64];
  };

  void append(std::span<const std::byte> part) {
    if (part.empty()) {
      return;
    }
    blocks_.resize((size_ + part.size() + 63) / 64);
    std::memcpy(reinterpret_cast<std::byte*>(blocks_.data()) + size_, part.data(), part.size());
    size_ += part.size();
  }

  std::vector<Block> blocks_;
  std::size_t size_ = 0;
};

}  // namespace vibrato::test
