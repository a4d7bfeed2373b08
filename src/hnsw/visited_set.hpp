// Which rows a search has seen: one bit a row, and a list of the rows seen, in order, which is also how the bits are
// cleared for the next search: the cost is by rows seen, not by rows there are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace vibrato::hnsw {

// Thread-safety: owned by one search at a time.
class VisitedSet {
 public:
  // Forgets everything and makes room for ids below `id_count`, of which at most `step_max` are inserted between two
  // calls of reserve_step.
  void reset(std::size_t id_count) {
    if (words_.size() * 64 < id_count) {
      words_.assign((id_count + 63) / 64, 0);
    } else {
      for (std::size_t i = 0; i < count_; ++i) {
        words_[seen_[i] / 64] = 0;
      }
    }
    count_ = 0;
  }

  // Makes room for `step_max` more ids. Pointers from seen() are invalid after it.
  void reserve_step(std::size_t step_max) {
    if (seen_.size() < count_ + step_max) {
      seen_.resize(2 * (count_ + step_max));
    }
  }

  // True if `id` was not there. Requires: id < id_count of reset, room left from reserve_step.
  bool insert(std::uint32_t id) {
    std::uint64_t& word = words_[id / 64];
    const std::uint64_t bit = std::uint64_t{1} << (id % 64);
    const bool fresh = (word & bit) == 0;
    word |= bit;
    seen_[count_] = id;
    count_ += fresh ? 1 : 0;
    return fresh;
  }

  // As insert() if `wanted`; nothing, and false, if not. One id more than is inserted must have room.
  bool insert_if(std::uint32_t id, bool wanted) {
    std::uint64_t& word = words_[id / 64];
    const std::uint64_t bit = std::uint64_t{wanted ? 1U : 0U} << (id % 64);
    const bool fresh = (~word & bit) != 0;
    word |= bit;
    seen_[count_] = id;
    count_ += fresh ? 1 : 0;
    return fresh;
  }

  // All ids inserted since reset, in order of insertion.
  [[nodiscard]] const std::uint32_t* seen() const { return seen_.data(); }
  [[nodiscard]] std::size_t size() const { return count_; }

 private:
  std::vector<std::uint64_t> words_;
  std::vector<std::uint32_t> seen_;
  std::size_t count_ = 0;
};

}  // namespace vibrato::hnsw
