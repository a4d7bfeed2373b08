// Carries one neighbour list of a graph over to a graph in which only some of the rows are left: graph_merge.hpp says
// how. Reads the old graph and writes one list of the new one, so threads may work on different lists at once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hnsw/mutable_graph.hpp"
#include "hnsw/neighbour_selection.hpp"
#include "hnsw/row_space.hpp"
#include "hnsw/visited_set.hpp"

namespace vibrato::hnsw {

// One level of the old graph, its ids (rows, or upper indexes) beside those of the new one. Borrows everything.
struct OldLevel {
  const GraphView& graph;
  std::uint32_t level = 0;
  std::span<const std::uint32_t> new_ids;   // By old id; kNoNeighbour for what went.
  std::span<const std::uint32_t> new_rows;  // By old row.

  [[nodiscard]] std::uint32_t list_length() const { return level == 0 ? graph.m0 : graph.m; }
  [[nodiscard]] const std::uint32_t* list(std::uint32_t id) const {
    return level == 0 ? graph.block(id) : graph.upper_list(id, level);
  }
  [[nodiscard]] std::uint32_t id_count() const { return level == 0 ? graph.row_count : graph.upper_count; }
  // False for the end of a list, and for an edge that leads nowhere.
  [[nodiscard]] bool is_member(std::uint32_t id) const {
    return level == 0 ? id < graph.row_count : graph.upper_list(id, level) != nullptr;
  }
  [[nodiscard]] bool stays(std::uint32_t id) const { return new_ids[id] != kNoNeighbour; }
  [[nodiscard]] std::uint32_t new_row(std::uint32_t id) const {
    return new_rows[level == 0 ? id : graph.upper_rows[id]];
  }
};

// Thread-safety: one thread.
class ListRepair {
 public:
  ListRepair(const simd::Kernels& kernels, const RowSpace& space) : pairs_(kernels, space) {}

  // Whether the list of `id` lost so many members, and those so many of theirs, that fewer than `enough` rows are left
  // to choose from.
  [[nodiscard]] bool is_lonely(const OldLevel& level, std::uint32_t id, std::size_t enough);

  // Writes the repaired list of `id` to `out`, list_length() slots. Returns how many members fewer it has than before.
  // Requires: level.stays(id).
  std::uint32_t write(const OldLevel& level, std::uint32_t id, std::uint32_t* out);

  // The list of one of few members, chosen from all of them. Requires: level.stays(id).
  void write_among(const OldLevel& level, std::uint32_t id, std::span<const std::uint32_t> members, std::uint32_t* out);

 private:
  // How many different rows stay among the members and behind those that went; counts no further than it must.
  std::size_t count_choices(const OldLevel& level, std::uint32_t id, std::size_t enough);
  // Fills kept_ and lost_ with the members of a list and fresh_ with what stays behind the lost ones: old ids. Returns
  // how many members the list had.
  std::size_t gather(const OldLevel& level, std::uint32_t id);
  // The nearest `wanted` of `ids`, sorted by distance.
  void measure(const OldLevel& level, std::uint32_t owner_row, std::span<const std::uint32_t> ids, std::size_t wanted,
               std::vector<Candidate>& out);
  void add_diverse(std::size_t wanted);
  void store(const OldLevel& level, std::uint32_t* out);

  RowPairScorer pairs_;
  std::vector<std::uint32_t> kept_;
  std::vector<std::uint32_t> lost_;
  std::vector<std::uint32_t> fresh_;
  VisitedSet seen_;
  std::vector<Candidate> chosen_;
  std::vector<Candidate> candidates_;
  SelectionScratch selection_;
};

}  // namespace vibrato::hnsw
