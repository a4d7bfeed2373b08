// Which rows of a segment are deleted, and since which LSN: a reader at an LSN still sees what was deleted later.
//
// 8 bytes a row, in chunks that are allocated with their first delete, and so is the table of the chunks: a segment
// without deletes costs nothing. One object lives as long as its rows do: a frozen hot segment hands it to the file it
// is sealed to.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>
#include <vibrato/result.hpp>

#include "base/ids.hpp"

namespace vibrato::vector {

// Thread-safety: one thread at a time marks (the one that applies records, or a publisher under the same lock);
// everybody else reads beside it, without a lock.
class DeleteLsns {
 public:
  explicit DeleteLsns(std::uint32_t row_capacity);
  ~DeleteLsns();
  DeleteLsns(const DeleteLsns&) = delete;
  DeleteLsns& operator=(const DeleteLsns&) = delete;

  [[nodiscard]] std::uint32_t row_capacity() const { return row_capacity_; }

  // False if the row was deleted already: it keeps its first LSN. Requires: row < capacity, lsn > 0.
  // Errors: kUnavailable without memory.
  [[nodiscard]] Result<bool> mark(std::uint32_t row, Lsn lsn);

  // Whether a reader at `at` does not see the row any more.
  [[nodiscard]] bool is_deleted(std::uint32_t row, Lsn at) const {
    const Lsn lsn = deleted_at(row);
    return lsn != Lsn() && lsn <= at;
  }
  // 0 if it is not deleted.
  [[nodiscard]] Lsn deleted_at(std::uint32_t row) const {
    const Chunk* chunk = chunk_of(row);
    return chunk == nullptr ? Lsn() : Lsn(chunk->lsns[row % kChunkRows].load(std::memory_order_acquire));
  }
  // Of all marks; 0 tells a search that it need not look.
  [[nodiscard]] std::uint32_t count() const { return count_.load(std::memory_order_acquire); }
  // The largest LSN of a mark; 0 without any.
  [[nodiscard]] Lsn last_mark() const { return Lsn(last_mark_.load(std::memory_order_acquire)); }
  [[nodiscard]] std::size_t bytes_in_memory() const;

  // The rows that a reader at `at` does not see, as the catalog keeps them (a serialized roaring bitmap of rows).
  [[nodiscard]] std::vector<std::byte> encode(Lsn at) const;
  // Marks what `encode` wrote, with LSN 1: deleted for every reader. Only into an object without marks, before it is
  // shared. Errors: kCorruption.
  [[nodiscard]] Status load(std::span<const std::byte> bitmap);

 private:
  static constexpr std::uint32_t kChunkRows = 1024;
  struct Chunk {
    std::atomic<std::uint64_t> lsns[kChunkRows];
  };

  using ChunkSlot = std::atomic<Chunk*>;  // Owns the chunk.

  [[nodiscard]] std::size_t table_size() const { return (std::size_t{row_capacity_} + kChunkRows - 1) / kChunkRows; }
  [[nodiscard]] const Chunk* chunk_of(std::uint32_t row) const {
    const ChunkSlot* table = table_.load(std::memory_order_acquire);
    return table == nullptr ? nullptr : table[row / kChunkRows].load(std::memory_order_acquire);
  }

  const std::uint32_t row_capacity_;
  std::atomic<ChunkSlot*> table_{nullptr};  // Owned.
  std::atomic<std::uint32_t> chunk_count_{0};
  std::atomic<std::uint32_t> count_{0};
  std::atomic<std::uint64_t> last_mark_{0};
};

}  // namespace vibrato::vector
