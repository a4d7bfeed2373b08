// Which blocks of a file were found whole, so that each is checked on its first use and not again. For VdbFile.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace vibrato::store {

// One bit a block. Thread-safety: all methods may be called from many threads at once; two that use a block first at
// the same time may both check it.
class CheckedBlocks {
 public:
  explicit CheckedBlocks(std::uint64_t block_count) : words_(block_count / kBits + 1) {}

  // Requires, as add: block < block_count.
  [[nodiscard]] bool contains(std::uint64_t block) const {
    return (words_[block / kBits].load(std::memory_order_relaxed) >> (block % kBits) & 1) != 0;
  }
  void add(std::uint64_t block) {
    words_[block / kBits].fetch_or(std::uint64_t{1} << (block % kBits), std::memory_order_relaxed);
  }

 private:
  static constexpr std::uint64_t kBits = 64;

  std::vector<std::atomic<std::uint64_t>> words_;
};

}  // namespace vibrato::store
