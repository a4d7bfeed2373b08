// The candidates of a beam search: one array of 64-bit keys, sorted by distance, ties by id. A key is
//   order-preserving bits of the f32 distance (32) | id (31) | expanded (1)
// so that comparing keys compares candidates.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#include "simd/sorted_insert.hpp"

namespace vibrato::hnsw {

// Thread-safety: owned by one search at a time.
class CandidatePool {
 public:
  static constexpr float kInfinity = std::numeric_limits<float>::infinity();

  // Empties the pool; it keeps the best `capacity` candidates. Requires: capacity >= 1.
  void reset(std::size_t capacity) {
    capacity_ = capacity;
    size_ = 0;
    cursor_ = 0;
    if (keys_.size() < capacity + 1) {
      keys_.resize(capacity + 1);
    }
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool full() const { return size_ == capacity_; }
  [[nodiscard]] float distance(std::size_t i) const { return distance_of(keys_[i]); }
  [[nodiscard]] std::uint32_t id(std::size_t i) const { return static_cast<std::uint32_t>(keys_[i]) >> 1; }

  // The distance from which on a candidate would not be kept.
  [[nodiscard]] float worst() const { return full() ? distance_of(keys_[size_ - 1]) : kInfinity; }
  // The distance of the k-th best, infinity while there are fewer. Requires: k >= 1.
  [[nodiscard]] float kth(std::size_t k) const { return size_ >= k ? distance_of(keys_[k - 1]) : kInfinity; }

  // How many candidates are nearer than `distance`.
  [[nodiscard]] std::size_t nearer(float distance) const {
    const std::uint64_t key = std::uint64_t{order_bits(distance)} << 32;
    return static_cast<std::size_t>(std::lower_bound(keys_.data(), keys_.data() + size_, key) - keys_.data());
  }
  struct Next {
    float distance = 0;
    std::uint32_t id = 0;
  };
  // As peek(), with distances.
  std::size_t peek_next(std::size_t count, Next* out) const {
    std::size_t found = 0;
    for (std::size_t i = cursor_; i < size_ && found < count; ++i) {
      if ((keys_[i] & 1) == 0) {
        out[found++] = {distance(i), id(i)};
      }
    }
    return found;
  }
  // The distance of the best candidate that was not expanded, infinity if there is none.
  [[nodiscard]] float next_distance() const {
    for (std::size_t i = cursor_; i < size_; ++i) {
      if ((keys_[i] & 1) == 0) {
        return distance_of(keys_[i]);
      }
    }
    return kInfinity;
  }

  // Requires: id < 2^31; the id is not in the pool.
  void insert(float distance, std::uint32_t id) {
    const std::uint64_t key = std::uint64_t{order_bits(distance)} << 32 | std::uint64_t{id} << 1;
    if (full() && key > keys_[size_ - 1]) {
      return;
    }
    const std::size_t kept = size_ - (full() ? 1 : 0);
    const std::size_t at = sorted_insert_(keys_.data(), kept, key);
    size_ = kept + 1;
    cursor_ = std::min(cursor_, at);
  }

  // Takes up to `count` of the best candidates that were not expanded and are not farther than `bound`; marks them
  // expanded and writes their ids to `out`. Returns how many.
  std::size_t take(std::size_t count, float bound, std::uint32_t* out) {
    std::size_t taken = 0;
    while (cursor_ < size_ && taken < count) {
      std::uint64_t& key = keys_[cursor_];
      if ((key & 1) == 0) {
        if (distance_of(key) > bound) {
          break;
        }
        out[taken++] = static_cast<std::uint32_t>(key) >> 1;
        key |= 1;
      }
      ++cursor_;
    }
    return taken;
  }

  // The ids of up to `count` candidates that take() would give next, without taking them.
  std::size_t peek(std::size_t count, std::uint32_t* out) const {
    std::size_t found = 0;
    for (std::size_t i = cursor_; i < size_ && found < count; ++i) {
      if ((keys_[i] & 1) == 0) {
        out[found++] = static_cast<std::uint32_t>(keys_[i]) >> 1;
      }
    }
    return found;
  }

 private:
  // Maps floats to integers of the same order (negative ones are flipped, others get the sign bit).
  static std::uint32_t order_bits(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value + 0.0F);
    return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
  }
  static float distance_of(std::uint64_t key) {
    const auto bits = static_cast<std::uint32_t>(key >> 32);
    return std::bit_cast<float>((bits & 0x80000000U) != 0 ? bits & 0x7fffffffU : ~bits);
  }

  simd::SortedInsert sorted_insert_ = simd::sorted_insert_for(simd::kernels().isa);
  std::vector<std::uint64_t> keys_;
  std::size_t capacity_ = 1;
  std::size_t size_ = 0;
  std::size_t cursor_ = 0;  // No candidate before it is unexpanded.
};

}  // namespace vibrato::hnsw
