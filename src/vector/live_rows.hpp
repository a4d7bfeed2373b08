// All rows that a SingleFile serves at one moment: the sealed file, and the hot segments behind it. Searched as one.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vector/hot_segment.hpp"
#include "vector/indexing_thread.hpp"
#include "vector/sealed_segment.hpp"
#include "vector/single_file.hpp"

namespace vibrato::vector {

// A hot segment, the thread that indexes it, and the number of its first row among all rows.
struct TailPart {
  std::shared_ptr<HotSegment> segment;
  std::shared_ptr<IndexingThread> indexing;
  std::uint32_t first_row = 0;
};

// Immutable but for the hot segments' own growth: only the last one takes new rows. Invariant: the parts follow each
// other without a gap, the first after the sealed rows; there is at least one.
// Thread-safety: all methods may be called from many threads at once.
struct LiveRows {
  std::shared_ptr<const SealedSegment> sealed;
  std::vector<TailPart> tail;
  std::string graph_not_stored;  // Why the graph is in memory only; empty if it is in the file.

  [[nodiscard]] HotSegment& active() const { return *tail.back().segment; }
  [[nodiscard]] std::uint32_t tail_rows() const;
  [[nodiscard]] std::uint64_t tail_meta_bytes() const;
  [[nodiscard]] std::uint32_t row_count() const { return sealed->row_count() + tail_rows(); }

  // The min(k, rows) nearest, best first, ties by row. query: checked by check_vector. Errors: kTimeout past the
  // deadline.
  [[nodiscard]] Result<std::vector<RowHit>> search(const float* query, std::uint32_t k, std::uint32_t ef,
                                                   const Deadline& deadline) const;
  // Empty for a row that has none or is not there. Errors: kCorruption of the file.
  [[nodiscard]] Result<std::string> meta_json(std::uint32_t row) const;
};

}  // namespace vibrato::vector
