#include "vector/hot_ids.hpp"

#include <new>

namespace vibrato::vector {

bool HotIds::make_room() {
  constexpr std::uint32_t kFirstSlots = 16;
  if (!tables_.empty() && used_ < tables_.back()->mask / 8 * 5) {
    return true;
  }
  const std::uint32_t slots = tables_.empty() ? kFirstSlots : 2 * (tables_.back()->mask + 1);
  auto table = std::make_unique<Table>();
  table->slots.reset(new (std::nothrow) std::atomic<std::uint64_t>[slots]());
  if (table->slots == nullptr) {
    return false;
  }
  table->mask = slots - 1;
  for (std::uint32_t old = 0; !tables_.empty() && old <= tables_.back()->mask; ++old) {
    const std::uint64_t slot = tables_.back()->slots[old].load(std::memory_order_relaxed);
    if (slot == 0) {
      continue;
    }
    auto at = static_cast<std::uint32_t>(slot >> 32);
    while (table->slots[at & table->mask].load(std::memory_order_relaxed) != 0) {
      ++at;
    }
    table->slots[at & table->mask].store(slot, std::memory_order_relaxed);
  }
  bytes_.fetch_add(std::size_t{slots} * sizeof(std::uint64_t), std::memory_order_relaxed);
  table_.store(table.get(), std::memory_order_release);
  tables_.push_back(std::move(table));
  return true;
}

}  // namespace vibrato::vector
