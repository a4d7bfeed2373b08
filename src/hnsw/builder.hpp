// Inserts rows into a MutableGraph (Malkov and Yashunin 2018, Algorithm 1), from many threads at once.
//
// An insert has three phases, in this order so that a reader never meets a row whose lists are not there:
//   1. search every level for candidates and select neighbours (no lock);
//   2. write the row's own lists on all its levels: nothing links to it yet;
//   3. add the reverse links, level 0 first, each under the lock of the neighbour that gets it; a full list is
//      selected anew from its members and the row.
// Rows that are inserted at the same moment may miss each other as neighbours; both are linked to what was there.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>
#include <vibrato/result.hpp>

#include "hnsw/beam_search.hpp"
#include "hnsw/mutable_graph.hpp"
#include "hnsw/neighbour_selection.hpp"
#include "hnsw/row_space.hpp"

namespace vibrato::hnsw {

// Memory of inserts, one a thread. Aligned so that threads with neighbouring scratches share no cache line, nor two
// that are fetched together.
struct alignas(128) InsertScratch {
  BeamScratch beam;
  quant::PreparedQuery query;
  SelectionScratch selection;
  std::vector<Candidate> members;
  // Neighbours chosen for the row, level by level from the highest down to 0: the i-th has [offsets[i], offsets[i +
  // 1]).
  std::vector<Candidate> chosen;
  std::vector<std::size_t> offsets;
};

// Thread-safety: insert may be called from many threads at once, each with its own scratch.
class Builder {
 public:
  // Borrows both. space.row_count is not looked at: rows must be complete in the space when they are inserted.
  Builder(const simd::Kernels& kernels, const RowSpace& space, MutableGraph& graph)
      : kernels_(kernels), space_(space), graph_(graph) {}

  // Requires: row < graph.capacity(), not inserted before.
  void insert(std::uint32_t row, InsertScratch& scratch);

 private:
  bool insert_first(std::uint32_t row);
  void choose_neighbours(std::uint32_t row, std::uint32_t level, const EntryPoint& entry, InsertScratch& scratch);
  template <typename Level>
  void choose_on_level(const Level& level, const WalkScorer& scorer, InsertScratch& scratch, RowPairScorer& pairs);
  void write_own_lists(std::uint32_t row, std::uint32_t upper, const InsertScratch& scratch);
  void add_reverse_links(std::uint32_t row, std::uint32_t upper, InsertScratch& scratch);
  void add_link(std::uint32_t* list, std::size_t length, const Candidate& owner, const Candidate& added,
                bool ids_are_rows, InsertScratch& scratch, RowPairScorer& pairs);

  const simd::Kernels& kernels_;
  const RowSpace& space_;
  MutableGraph& graph_;
};

struct BuildOptions {
  std::uint32_t threads = 1;  // One thread and one seed always build the same graph.
  // Called now and then, by one thread at a time, with rows done so far.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
};

// Inserts rows [first, end) and makes every row below `end` reachable from the entry point.
void insert_rows(const simd::Kernels& kernels, const RowSpace& space, MutableGraph& graph, std::uint32_t first,
                 std::uint32_t end, const BuildOptions& options);

}  // namespace vibrato::hnsw
