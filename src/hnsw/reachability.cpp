#include "hnsw/reachability.hpp"

#include <vector>
#include <vibrato/check.hpp>

#include "hnsw/searcher.hpp"

namespace vibrato::hnsw {
namespace {

// A breadth-first tree over level 0: parent[row] is kNoNeighbour while the row is not reached; roots have themselves.
class ReachTree {
 public:
  ReachTree(MutableGraph& graph, std::uint32_t row_count) : graph_(graph), parents_(row_count, kNoNeighbour) {}

  [[nodiscard]] bool reached(std::uint32_t row) const { return parents_[row] != kNoNeighbour; }
  [[nodiscard]] bool is_tree_edge(std::uint32_t from, std::uint32_t to) const { return parents_[to] == from; }

  // Reaches `row` from `parent`, and everything behind it.
  void grow(std::uint32_t row, std::uint32_t parent) {
    parents_[row] = parent;
    queue_.assign(1, row);
    for (std::size_t next = 0; next < queue_.size(); ++next) {
      const std::uint32_t* list = graph_.block(queue_[next]);
      for (std::uint32_t i = 0; i < graph_.m0() && list[i] < parents_.size(); ++i) {
        if (!reached(list[i])) {
          parents_[list[i]] = queue_[next];
          queue_.push_back(list[i]);
        }
      }
    }
  }

 private:
  MutableGraph& graph_;
  std::vector<std::uint32_t> parents_;
  std::vector<std::uint32_t> queue_;
};

// Links `from` to `row` if there is room, or by giving up a link that the tree does not need.
bool try_link(MutableGraph& graph, const ReachTree& tree, std::uint32_t from, std::uint32_t row) {
  const RowLock lock(graph, from);
  std::uint32_t* list = graph.block(from);
  // The farthest links come last, so the one to give up is looked for from the end.
  for (std::uint32_t i = graph.m0(); i-- > 0;) {
    const bool last_free = list[i] == kNoNeighbour && (i == 0 || list[i - 1] != kNoNeighbour);
    const bool spare = list[i] != kNoNeighbour && !tree.is_tree_edge(from, list[i]);
    if (last_free || spare) {
      store_slot(list + i, row);
      return true;
    }
  }
  return false;
}

// Links to a row from the first reached row that can: for rows that no search finds a way to, such as those whose
// distances overflow f32. A tree over n rows has n - 1 edges and the lists hold many more, so there always is one.
class AnyLinker {
 public:
  AnyLinker(MutableGraph& graph, const ReachTree& tree, std::uint32_t row_count)
      : graph_(graph), tree_(tree), row_count_(row_count) {}

  // The row that links to `row` now.
  std::uint32_t link(std::uint32_t row) {
    for (std::uint32_t from = first_; from < row_count_; ++from) {
      if (!tree_.reached(from)) {
        continue;
      }
      if (try_link(graph_, tree_, from, row)) {
        return from;
      }
      first_ += from == first_ ? 1 : 0;  // Its list is full of tree edges and stays so.
    }
    VIBRATO_CHECK(false);
    return kNoNeighbour;
  }

 private:
  MutableGraph& graph_;
  const ReachTree& tree_;
  std::uint32_t row_count_;
  std::uint32_t first_ = 0;
};

// The rows that were linked last, which have lists of their own to give links from. Among many equal rows a search
// finds the same few, whose lists are full, over and over; these are as near.
class RecentlyLinked {
 public:
  void add(std::uint32_t row) {
    if (rows_.size() < kRowsMax) {
      rows_.push_back(row);
    } else {
      rows_[next_++ % kRowsMax] = row;
    }
  }

  // Links to `row` from one that is no farther from it than `limit`. Returns the row that does, or kNoNeighbour.
  std::uint32_t link(MutableGraph& graph, const ReachTree& tree, const ExactScorer& scorer, float limit,
                     std::uint32_t row) {
    distances_.resize(rows_.size());
    scorer.score(rows_.data(), rows_.size(), distances_.data());
    for (std::size_t i = rows_.size(); i-- > 0;) {
      if (distances_[i] <= limit && try_link(graph, tree, rows_[i], row)) {
        return rows_[i];
      }
    }
    return kNoNeighbour;
  }

 private:
  static constexpr std::size_t kRowsMax = 64;

  std::vector<std::uint32_t> rows_;
  std::vector<float> distances_;
  std::size_t next_ = 0;
};

}  // namespace

std::uint32_t link_unreachable_rows(const simd::Kernels& kernels, const RowSpace& space, MutableGraph& graph,
                                    std::uint32_t row_count) {
  const EntryPoint entry = graph.entry();
  if (entry.row >= row_count) {
    return 0;
  }
  ReachTree tree(graph, row_count);
  tree.grow(entry.row, entry.row);

  AnyLinker anywhere(graph, tree, row_count);
  RecentlyLinked recent;
  SearchScratch scratch;
  std::vector<Hit> near;
  std::uint32_t linked = 0;
  for (std::uint32_t row = 0; row < row_count; ++row) {
    if (tree.reached(row)) {
      continue;
    }
    const float* vector = space.vectors.base + std::size_t{row} * space.vectors.stride_floats;
    bool done = false;
    // A row with all its links in the tree has no room; a wider search finds one that has.
    for (std::uint32_t width = 64; !done && width <= 4096; width *= 4) {
      SearchParams params;
      params.k = width;
      params.ef = width;
      params.rescore = false;
      search(kernels, graph.view(row_count), space, vector, params, scratch, near);
      for (std::size_t i = 0; i < near.size() && !done; ++i) {
        const std::uint32_t from = near[i].row;
        if (from != row && tree.reached(from) && try_link(graph, tree, from, row)) {
          tree.grow(row, from);
          done = true;
        }
      }
      if (!done && !near.empty()) {
        const ExactScorer exact(kernels, space, vector);
        float limit = 0;
        exact.score(&near.back().row, 1, &limit);
        if (const std::uint32_t from = recent.link(graph, tree, exact, limit, row); from != kNoNeighbour) {
          tree.grow(row, from);
          done = true;
        }
      }
    }
    if (!done) {
      tree.grow(row, anywhere.link(row));
    }
    recent.add(row);
    ++linked;
  }
  return linked;
}

}  // namespace vibrato::hnsw
