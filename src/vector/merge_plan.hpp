// Which parts of a collection are merged next: pure arithmetic over their sizes.
//
// Size-tiered: parts lie in tiers by how many rows of them live, each tier `width` times as large as the one below;
// once `width` parts share a tier they become one, which mostly lies in the next. So a row is written about
// log_width(rows) times, and a collection has fewer than `width` parts a tier. Parts with too many dead rows are
// rewritten by themselves. A collection that nobody writes to any more goes on until its parts differ in size by
// `width` each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace vibrato::vector {

struct PartSize {
  std::uint64_t rows = 0;
  std::uint64_t dead = 0;  // Of them.
  std::uint64_t bytes = 0;

  [[nodiscard]] std::uint64_t alive() const { return rows - dead; }
};

struct MergePolicy {
  std::uint32_t width = 4;
  double tombstone_ratio = 0.2;
  std::uint64_t bytes_max = 0;         // Of the inputs of one merge of several parts; one part may be larger.
  std::uint64_t rows_max = 0;          // Alive, of the inputs together.
  std::uint64_t smallest_tier = 1000;  // Parts with fewer living rows share the lowest tier.
};

// What is due, as positions in `parts`; empty for nothing. In this order: parts without a living row, all together; the
// part with the largest share of dead rows past the ratio; the lowest tier that is full; and, with `is_idle`, the parts
// that settling takes together. Of parts that are too large together only the smallest are taken.
[[nodiscard]] std::vector<std::size_t> plan_merge(std::span<const PartSize> parts, const MergePolicy& policy,
                                                  bool is_idle);

// Whatever brings the collection to the fewest parts: all of them, as far as rows_max goes, or the one that is left if
// it has dead rows. Empty when there is nothing to gain.
[[nodiscard]] std::vector<std::size_t> plan_full_merge(std::span<const PartSize> parts, const MergePolicy& policy);

}  // namespace vibrato::vector
