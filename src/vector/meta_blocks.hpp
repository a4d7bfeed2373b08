// The meta index of a hot part: its rows in blocks, each indexed once it is full, in the bytes of a sealed segment's
// index (format/meta_index.hpp). A block never changes, so readers need no lock; the rows behind the last block are few
// and looked at one by one.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "format/meta_index.hpp"
#include "vector/growing_array.hpp"

namespace vibrato::vector {

// Thread-safety: index_next from one thread at a time; the rest from many threads beside it.
class MetaBlocks {
 public:
  static constexpr std::uint32_t kRows = 4096;

  explicit MetaBlocks(std::uint32_t row_capacity) : blocks_(row_capacity / kRows + 1) {}

  // Whether a block of the first `rows` rows is full and not indexed.
  [[nodiscard]] bool is_due(std::uint32_t rows) const { return rows / kRows > block_count(); }
  // Indexes the next block; `meta` answers the JSON text of a row. False without memory. Requires: is_due of what is
  // there.
  [[nodiscard]] bool index_next(const std::function<std::string_view(std::uint32_t row)>& meta);

  [[nodiscard]] std::uint32_t block_count() const { return count_.load(std::memory_order_acquire); }
  // Of the rows [block * kRows, (block + 1) * kRows), numbered from 0; null: none of them has meta.
  // Requires: block < block_count().
  [[nodiscard]] const format::MetaIndexView* block(std::uint32_t block) const;
  [[nodiscard]] std::uint64_t bytes_in_memory() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  struct Block {
    std::vector<Line> lines;
    format::MetaIndexView index;
  };

  GrowingArray<Block> blocks_;
  std::atomic<std::uint32_t> count_{0};
  std::atomic<std::uint64_t> bytes_{0};
};

}  // namespace vibrato::vector
