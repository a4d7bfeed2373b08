#include "format/graph.hpp"

#include <cstring>
#include <string>

#include "base/limits.hpp"

namespace vibrato::format {
namespace {

// Sizes of the arrays, in u32 elements. 64-bit: no product of two header fields overflows.
struct ArraySizes {
  std::uint64_t level0;
  std::uint64_t upper_rows;
  std::uint64_t upper_offsets;
  std::uint64_t upper_lists;

  [[nodiscard]] std::uint64_t total_bytes() const {
    return sizeof(GraphHeader) + 4 * (level0 + upper_rows + upper_offsets + upper_lists);
  }
};

ArraySizes sizes_of(const GraphHeader& header) {
  return {std::uint64_t{header.row_count} * header.m0, header.upper_count, std::uint64_t{header.upper_count} + 1,
          header.upper_list_count * header.m};
}

template <typename T>
std::span<const std::byte> bytes_of(const T* first, std::uint64_t count) {
  return std::as_bytes(std::span<const T>(first, static_cast<std::size_t>(count)));
}

// What is wrong with the header, or nullptr.
const char* header_fault(const GraphHeader& header, std::uint32_t row_count) {
  if (header.row_count != row_count) return "row count differs from the file's";
  if (header.m < limits::kGraphMMin || header.m > limits::kGraphMMax) return "m is out of range";
  if (header.m0 < header.m || header.m0 > 4 * limits::kGraphMMax || header.m0 % 16 != 0) return "m0 is out of range";
  if (header.upper_count > header.row_count) return "more upper rows than rows";
  if (header.upper_list_count > std::uint64_t{header.upper_count} * 64) return "more upper lists than levels allow";
  if (header.row_count == 0) return header.entry_row == kNoNeighbour ? nullptr : "entry of an empty graph";
  if (header.entry_row >= header.row_count) return "entry row is out of range";
  if (header.max_level > 64) return "max level is out of range";
  const bool has_upper = header.entry_upper != kNoNeighbour;
  if (has_upper && header.entry_upper >= header.upper_count) return "upper entry is out of range";
  if (has_upper != (header.max_level > 0)) return "max level and upper entry disagree";
  return nullptr;
}

}  // namespace

std::vector<std::span<const std::byte>> graph_section_parts(const GraphView& graph, GraphHeader& header) {
  header = GraphHeader{};
  header.row_count = graph.row_count;
  header.m = graph.m;
  header.m0 = graph.m0;
  header.ef_construction = graph.ef_construction;
  header.entry_row = graph.entry_row;
  header.entry_upper = graph.entry_upper;
  header.max_level = graph.max_level;
  header.upper_count = graph.upper_count;
  header.upper_list_count = graph.upper_list_count;

  static constexpr std::uint32_t kZeroOffset = 0;
  const ArraySizes sizes = sizes_of(header);
  return {bytes_of(&header, 1), bytes_of(graph.level0, sizes.level0), bytes_of(graph.upper_rows, sizes.upper_rows),
          graph.upper_count > 0 ? bytes_of(graph.upper_offsets, sizes.upper_offsets) : bytes_of(&kZeroOffset, 1),
          bytes_of(graph.upper_lists, sizes.upper_lists)};
}

Result<GraphView> parse_graph_section(std::span<const std::byte> section, std::uint32_t row_count,
                                      std::string_view file, std::uint64_t section_offset) {
  const auto fault = [&](const std::string& what) {
    return corruption(std::string(file) + ": graph section at offset " + std::to_string(section_offset) + ": " + what);
  };
  GraphHeader header;
  if (section.size() < sizeof(header)) {
    return fault("expected at least 64 bytes, found " + std::to_string(section.size()));
  }
  std::memcpy(&header, section.data(), sizeof(header));
  if (const char* what = header_fault(header, row_count)) {
    return fault(what);
  }
  const ArraySizes sizes = sizes_of(header);
  if (sizes.total_bytes() != section.size()) {
    return fault("expected " + std::to_string(sizes.total_bytes()) + " bytes, found " + std::to_string(section.size()));
  }
  GraphView view;
  view.row_count = header.row_count;
  view.m = header.m;
  view.m0 = header.m0;
  view.ef_construction = header.ef_construction;
  view.entry_row = header.entry_row;
  view.entry_upper = header.entry_upper;
  view.max_level = header.max_level;
  view.upper_count = header.upper_count;
  view.upper_list_count = header.upper_list_count;
  view.level0 = reinterpret_cast<const std::uint32_t*>(section.data() + sizeof(header));
  view.upper_rows = view.level0 + sizes.level0;
  view.upper_offsets = view.upper_rows + sizes.upper_rows;
  view.upper_lists = view.upper_offsets + sizes.upper_offsets;
  if (view.upper_count > 0 && view.upper_offsets[view.upper_count] != header.upper_list_count) {
    return fault("the last upper offset differs from the list count");
  }
  return view;
}

}  // namespace vibrato::format
