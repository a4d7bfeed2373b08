#include "hnsw/graph_merge.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <string>
#include <vector>
#include <vibrato/check.hpp>

#include "base/parallel_for.hpp"
#include "hnsw/builder.hpp"
#include "hnsw/list_repair.hpp"
#include "hnsw/reachability.hpp"

namespace vibrato::hnsw {
namespace {

constexpr std::size_t kRowsAChunk = 256;
constexpr std::size_t kInsertsAChunk = 64;
// Upper levels with at most so many members left are linked anew, each member to the best of all.
constexpr std::size_t kSmallLevel = 256;

// Tells the caller how far it is, and every thread when to stop.
class Progress {
 public:
  Progress(const GraphMergeOptions& options, std::uint64_t total) : options_(options), total_(total) {}

  [[nodiscard]] bool stopped() const { return stopped_.load(std::memory_order_relaxed); }
  void advance(std::uint64_t rows) {
    const std::lock_guard lock(mutex_);
    done_ += rows;
    if (options_.progress && status_.ok()) {
      status_ = options_.progress(std::min(done_, total_), total_);
      stopped_.store(!status_.ok(), std::memory_order_relaxed);
    }
  }
  [[nodiscard]] Status status() {
    const std::lock_guard lock(mutex_);
    return status_;
  }

 private:
  const GraphMergeOptions& options_;
  const std::uint64_t total_;
  std::mutex mutex_;
  std::uint64_t done_ = 0;
  Status status_;
  std::atomic<bool> stopped_{false};
};

Status check_upper_arrays(const GraphView& base) {
  const auto fault = [](const std::string& what) { return corruption("graph: upper index " + what); };
  for (std::uint32_t u = 0; u < base.upper_count; ++u) {
    const std::uint32_t row = base.upper_rows[u];
    if (row >= base.row_count || (u > 0 && row <= base.upper_rows[u - 1])) {
      return fault(std::to_string(u) + ": row " + std::to_string(row) + " is out of range or out of order");
    }
    const std::uint32_t begin = base.upper_offsets[u];
    const std::uint32_t end = base.upper_offsets[u + 1];
    if (end <= begin || end > base.upper_list_count || end - begin > MutableGraph::kLevelMax) {
      return fault(std::to_string(u) + ": lists from " + std::to_string(begin) + " to " + std::to_string(end));
    }
  }
  return ok_status();
}

class GraphMerger {
 public:
  GraphMerger(const simd::Kernels& kernels, const RowSpace& space, const GraphView& base,
              std::span<const std::uint32_t> new_rows, const GraphMergeOptions& options)
      : kernels_(kernels),
        space_(space),
        base_(base),
        threads_(std::max<std::size_t>(options.threads, 1)),
        new_rows_(new_rows.begin(), new_rows.end()),
        progress_(options, std::uint64_t{base.row_count} + space.row_count) {}

  Result<std::unique_ptr<MutableGraph>> run(const GraphParams& params) {
    std::vector<std::uint8_t> levels;
    keep_levels(params, levels);
    VIBRATO_ASSIGN_OR_RETURN(graph_, MutableGraph::create_with_levels(space_.row_count, params, levels));
    number_upper_rows();
    take_out_the_lonely();
    copy_base_lists();
    for (std::uint32_t level = 1; level <= level_max_; ++level) {
      copy_upper_lists(level);
    }
    raise_entry();
    insert_others();
    VIBRATO_RETURN_IF_ERROR(progress_.status());
    link_unreachable_rows(kernels_, space_, *graph_, space_.row_count);
    return std::move(graph_);
  }

 private:
  [[nodiscard]] std::uint32_t level_of_upper(std::uint32_t u) const {
    return base_.upper_offsets[u + 1] - base_.upper_offsets[u];
  }
  [[nodiscard]] OldLevel level(std::uint32_t number) const {
    return {base_, number, number == 0 ? std::span(new_rows_) : std::span(new_uppers_), new_rows_};
  }

  // Rows of the base keep their levels; those behind the last of them get theirs drawn by the graph, and so do those
  // between them, from a graph of the same parameters.
  void keep_levels(const GraphParams& params, std::vector<std::uint8_t>& levels) {
    std::uint32_t end = 0;
    std::vector<bool> from_base(space_.row_count, false);
    for (const std::uint32_t row : new_rows_) {
      if (row != kNoNeighbour) {
        VIBRATO_CHECK(row < space_.row_count && !from_base[row]);
        from_base[row] = true;
        end = std::max(end, row + 1);
      }
    }
    levels.resize(end);
    for (std::uint32_t row = 0; row < end; ++row) {
      levels[row] = from_base[row] ? 0 : static_cast<std::uint8_t>(MutableGraph::draw_level(params, row));
    }
    for (std::uint32_t u = 0; u < base_.upper_count; ++u) {
      if (const std::uint32_t row = new_rows_[base_.upper_rows[u]]; row != kNoNeighbour) {
        levels[row] = static_cast<std::uint8_t>(level_of_upper(u));
      }
      level_max_ = std::max(level_max_, level_of_upper(u));
    }
  }

  void number_upper_rows() {
    new_uppers_.resize(base_.upper_count, kNoNeighbour);
    for (std::uint32_t u = 0; u < base_.upper_count; ++u) {
      if (const std::uint32_t row = new_rows_[base_.upper_rows[u]]; row != kNoNeighbour) {
        new_uppers_[u] = graph_->upper_of(row);
      }
    }
  }

  // Rows whose lists cannot be repaired are no longer taken from the base.
  void take_out_the_lonely() {
    const std::size_t enough = graph_->params().m / 2;
    std::vector<std::uint8_t> lonely(base_.row_count, 0);
    std::vector<ListRepair> repairs(threads_, ListRepair(kernels_, space_));
    parallel_for(threads_, base_.row_count, kRowsAChunk, [&](std::size_t begin, std::size_t end, std::size_t thread) {
      for (std::size_t row = begin; row < end; ++row) {
        const auto id = static_cast<std::uint32_t>(row);
        const bool stays = new_rows_[row] != kNoNeighbour;
        lonely[row] = stays && repairs[thread].is_lonely(level(0), id, enough) ? 1 : 0;
      }
    });
    for (std::uint32_t u = 0; u < base_.upper_count; ++u) {
      if (lonely[base_.upper_rows[u]] != 0) {
        new_uppers_[u] = kNoNeighbour;
      }
    }
    for (std::size_t row = 0; row < lonely.size(); ++row) {
      if (lonely[row] != 0) {
        new_rows_[row] = kNoNeighbour;
      }
    }
  }

  void copy_base_lists() {
    std::vector<ListRepair> repairs(threads_, ListRepair(kernels_, space_));
    const OldLevel base_level = level(0);
    std::vector<std::uint8_t> missing(space_.row_count, 0);
    parallel_for(threads_, base_.row_count, kRowsAChunk, [&](std::size_t begin, std::size_t end, std::size_t thread) {
      for (std::size_t row = begin; row < end && !progress_.stopped(); ++row) {
        if (const std::uint32_t now = new_rows_[row]; now != kNoNeighbour) {
          missing[now] = static_cast<std::uint8_t>(
              std::min(255U, repairs[thread].write(base_level, static_cast<std::uint32_t>(row), graph_->block(now))));
        }
      }
      progress_.advance(end - begin);
    });
    link_back(missing);
  }

  // Lists that are shorter than they were take in rows that link to their owner, as an insert does. `missing`: how many
  // each may take; changed under the lock of its row.
  void link_back(std::vector<std::uint8_t>& missing) {
    parallel_for(threads_, new_rows_.size(), kRowsAChunk, [&](std::size_t begin, std::size_t end, std::size_t) {
      for (std::size_t old = begin; old < end && !progress_.stopped(); ++old) {
        const std::uint32_t row = new_rows_[old];
        for (std::uint32_t i = 0; row != kNoNeighbour && i < graph_->m0(); ++i) {
          const std::uint32_t to = load_slot(graph_->block(row) + i);
          if (to == kNoNeighbour) {
            break;
          }
          const RowLock lock(*graph_, to);
          if (missing[to] > 0 && add_to_list(graph_->block(to), row)) {
            --missing[to];
          }
        }
      }
    });
  }

  // False if it is there already, or the list is full.
  [[nodiscard]] bool add_to_list(std::uint32_t* list, std::uint32_t row) const {
    for (std::uint32_t i = 0; i < graph_->m0(); ++i) {
      if (list[i] == row) {
        return false;
      }
      if (list[i] == kNoNeighbour) {
        store_slot(list + i, row);
        return true;
      }
    }
    return false;
  }

  void copy_upper_lists(std::uint32_t number) {
    const OldLevel upper_level = level(number);
    std::vector<std::uint32_t> members;
    for (std::uint32_t u = 0; u < base_.upper_count; ++u) {
      if (new_uppers_[u] != kNoNeighbour && level_of_upper(u) >= number) {
        members.push_back(u);
      }
    }
    std::vector<ListRepair> repairs(threads_, ListRepair(kernels_, space_));
    parallel_for(threads_, members.size(), kRowsAChunk, [&](std::size_t begin, std::size_t end, std::size_t thread) {
      for (std::size_t i = begin; i < end && !progress_.stopped(); ++i) {
        std::uint32_t* out = graph_->upper_list(new_uppers_[members[i]], number);
        if (members.size() <= kSmallLevel) {
          repairs[thread].write_among(upper_level, members[i], members, out);
        } else {
          repairs[thread].write(upper_level, members[i], out);
        }
      }
    });
  }

  void raise_entry() {
    const std::lock_guard lock(graph_->entry_mutex());
    for (const std::uint32_t row : new_rows_) {
      if (row != kNoNeighbour) {
        graph_->raise_entry(row);
      }
    }
  }

  void insert_others() {
    std::vector<bool> taken(space_.row_count, false);
    for (const std::uint32_t row : new_rows_) {
      if (row != kNoNeighbour) {
        taken[row] = true;
      }
    }
    std::vector<std::uint32_t> others;
    for (std::uint32_t row = 0; row < space_.row_count; ++row) {
      if (!taken[row]) {
        others.push_back(row);
      }
    }
    progress_.advance(space_.row_count - others.size());
    Builder builder(kernels_, space_, *graph_);
    std::vector<InsertScratch> scratches(threads_);
    parallel_for(threads_, others.size(), kInsertsAChunk, [&](std::size_t begin, std::size_t end, std::size_t thread) {
      for (std::size_t i = begin; i < end && !progress_.stopped(); ++i) {
        builder.insert(others[i], scratches[thread]);
      }
      progress_.advance(end - begin);
    });
  }

  const simd::Kernels& kernels_;
  const RowSpace& space_;
  const GraphView& base_;
  const std::size_t threads_;
  std::vector<std::uint32_t> new_rows_;    // By old row; kNoNeighbour for what went or is inserted anew.
  std::vector<std::uint32_t> new_uppers_;  // By old upper index.
  std::uint32_t level_max_ = 0;            // Of the base.
  std::unique_ptr<MutableGraph> graph_;
  Progress progress_;
};

}  // namespace

Result<std::unique_ptr<MutableGraph>> merge_graphs(const simd::Kernels& kernels, const RowSpace& space,
                                                   const GraphView& base, std::span<const std::uint32_t> new_rows,
                                                   const GraphParams& params, const GraphMergeOptions& options) {
  VIBRATO_CHECK(new_rows.size() == base.row_count);
  if (base.row_count > 0 && (base.m != params.m || base.m0 != params.m0())) {
    return invalid_argument("the graph has lists of " + std::to_string(base.m) + " and " + std::to_string(base.m0) +
                            " neighbours, not of " + std::to_string(params.m) + " and " + std::to_string(params.m0()));
  }
  VIBRATO_RETURN_IF_ERROR(check_upper_arrays(base));
  return GraphMerger(kernels, space, base, new_rows, options).run(params);
}

}  // namespace vibrato::hnsw
