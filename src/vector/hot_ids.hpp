// Which row of a hot part is the newest of an id: a hash table of row numbers in memory, 8 bytes a slot; the ids
// themselves stay where the rows' owner keeps them.
//
// Readers take no lock: a slot is one 64-bit number, (32 bits of hash, row + 1), stored with release after the row is
// complete. A table that has become too small is copied and replaced; it lives on for its readers, which costs less
// than another table, as sizes double.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace vibrato::vector {

// Thread-safety: one thread at a time calls make_room and put; find may be called from any thread beside it.
class HotIds {
 public:
  static constexpr std::uint32_t kNoRow = 0xffffffff;

  // The newest row of the id with this hash; `is_id(row)` says whether a row is one of the id.
  template <typename IsId>
  [[nodiscard]] std::uint32_t find(std::size_t hash, const IsId& is_id) const {
    const Table* table = table_.load(std::memory_order_acquire);
    if (table == nullptr) {
      return kNoRow;
    }
    for (std::uint32_t at = home(hash);; ++at) {
      const std::uint64_t slot = table->slots[at & table->mask].load(std::memory_order_acquire);
      if (slot == 0) {
        return kNoRow;
      }
      if (slot >> 32 == tag(hash) && is_id(row_of(slot))) {
        return row_of(slot);
      }
    }
  }

  // Makes room for one more id. False without memory; then nothing has changed.
  [[nodiscard]] bool make_room();
  // Makes `row` the newest of its id. Requires: make_room() was true since the last put.
  template <typename IsId>
  void put(std::size_t hash, std::uint32_t row, const IsId& is_id) {
    Table& table = *tables_.back();
    const std::uint64_t added = tag(hash) << 32 | (std::uint64_t{row} + 1);
    for (std::uint32_t at = home(hash);; ++at) {
      std::atomic<std::uint64_t>& place = table.slots[at & table.mask];
      const std::uint64_t slot = place.load(std::memory_order_relaxed);
      if (slot == 0 || (slot >> 32 == tag(hash) && is_id(row_of(slot)))) {
        used_ += slot == 0 ? 1 : 0;
        place.store(added, std::memory_order_release);
        return;
      }
    }
  }

  [[nodiscard]] std::size_t bytes_in_memory() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  struct Table {
    std::unique_ptr<std::atomic<std::uint64_t>[]> slots;
    std::uint32_t mask = 0;
  };

  // What std::hash gives may be the number itself. A slot's place follows from its tag, so that a larger table can be
  // filled without looking at the ids.
  static std::uint64_t tag(std::size_t hash) { return (std::uint64_t{hash} * 0x9E3779B97F4A7C15U) >> 32; }
  static std::uint32_t home(std::size_t hash) { return static_cast<std::uint32_t>(tag(hash)); }
  static std::uint32_t row_of(std::uint64_t slot) { return static_cast<std::uint32_t>(slot) - 1; }

  std::vector<std::unique_ptr<Table>> tables_;  // The last one is in use.
  std::uint32_t used_ = 0;
  std::atomic<std::size_t> bytes_{0};
  std::atomic<const Table*> table_{nullptr};
};

}  // namespace vibrato::vector
