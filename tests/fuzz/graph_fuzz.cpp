// Any bytes as a graph section (the first four say how many rows the file has): an accepted graph is validated and
// searched, whatever its edges say, without leaving its arrays, and every hit is a row, none twice.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>
#include <vibrato/check.hpp>

#include "format/graph.hpp"
#include "hnsw/searcher.hpp"
#include "hnsw/validator.hpp"
#include "simd/kernels.hpp"
#include "support/memory_map.hpp"

namespace {

using namespace vibrato;

constexpr std::size_t kDim = 4;

void search_graph(const format::GraphView& graph) {
  std::vector<float> values(graph.row_count * kDim);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(i * 37 % 101);
  }
  hnsw::RowSpace space;
  space.row_count = graph.row_count;
  space.vectors = {values.data(), kDim, kDim};
  hnsw::SearchParams params;
  params.k = 5;
  params.ef = 20;
  const float query[kDim] = {1, 2, 3, 4};
  std::vector<hnsw::Hit> hits;
  hnsw::search(simd::kernels(), graph, space, query, params, hnsw::scratch_of_this_thread(), hits);
  VIBRATO_CHECK(hits.size() <= params.k);
  for (std::size_t i = 0; i < hits.size(); ++i) {
    VIBRATO_CHECK(hits[i].row < graph.row_count);
    for (std::size_t j = 0; j < i; ++j) {
      VIBRATO_CHECK(hits[j].row != hits[i].row);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::uint32_t row_count = 0;
  if (size < sizeof(row_count)) {
    return 0;
  }
  std::memcpy(&row_count, data, sizeof(row_count));
  const test::MemoryMap section(std::as_bytes(std::span(data, size)).subspan(sizeof(row_count)));
  const auto graph = format::parse_graph_section(section.bytes(), row_count, "input", 0);
  if (!graph.ok()) {
    return 0;
  }
  static_cast<void>(hnsw::validate_graph(*graph));
  search_graph(*graph);
  return 0;
}
