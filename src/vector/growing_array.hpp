// An array that grows at its end and never moves an element, so that readers keep references while it grows. The first
// chunks are small and double, later ones are of one size: ten elements cost ten elements, a million waste little.
//
// Publication is the owner's matter: it makes an element, then stores a count with release; readers look only below a
// count that they loaded with acquire.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

namespace vibrato::vector {

// Thread-safety: one thread at a time makes room and writes; readers of published elements need no lock.
template <typename T>
class GrowingArray {
 public:
  explicit GrowingArray(std::uint32_t capacity) : capacity_(capacity) {}

  // Makes the element `index` (default-constructed) writable. False without memory. Requires: index < capacity.
  [[nodiscard]] bool make_room(std::uint32_t index) {
    if (index == kChunk && later_.empty()) {
      later_.resize((std::size_t{capacity_} + kChunk - 1) / kChunk);  // Before any reader looks here.
    }
    std::unique_ptr<T[]>& chunk = index < kChunk ? early_[early_chunk(index)] : later_[index / kChunk];
    if (chunk == nullptr) {
      const std::uint32_t length = index < kChunk ? early_length(early_chunk(index)) : kChunk;
      chunk.reset(new (std::nothrow) T[length]());
    }
    return chunk != nullptr;
  }

  // Requires: make_room(index) was true.
  [[nodiscard]] T& operator[](std::uint32_t index) { return *at(index); }
  [[nodiscard]] const T& operator[](std::uint32_t index) const { return *at(index); }

  // Of the chunks that `count` elements take, and the table of chunks.
  [[nodiscard]] std::size_t bytes_in_memory(std::uint32_t count) const {
    const std::size_t room =
        count <= kChunk ? std::bit_ceil(count) : (std::size_t{count} + kChunk - 1) / kChunk * kChunk;
    const std::size_t table = count <= kChunk ? 0 : std::size_t{capacity_} / kChunk * sizeof(later_[0]);
    return room * sizeof(T) + table;
  }

 private:
  static constexpr std::uint32_t kChunk = 1024;
  static constexpr std::uint32_t kFirst = 16;
  static constexpr std::uint32_t kEarlyChunks = 7;  // 16, 16, 32, ..., 512.

  static std::uint32_t early_chunk(std::uint32_t index) {
    return static_cast<std::uint32_t>(std::bit_width(index / kFirst));
  }
  static std::uint32_t early_begin(std::uint32_t chunk) { return chunk == 0 ? 0 : kFirst << (chunk - 1); }
  static std::uint32_t early_length(std::uint32_t chunk) { return chunk == 0 ? kFirst : kFirst << (chunk - 1); }

  [[nodiscard]] T* at(std::uint32_t index) const {
    if (index < kChunk) {
      const std::uint32_t chunk = early_chunk(index);
      return early_[chunk].get() + (index - early_begin(chunk));
    }
    return later_[index / kChunk].get() + index % kChunk;
  }

  std::uint32_t capacity_;
  std::array<std::unique_ptr<T[]>, kEarlyChunks> early_;
  std::vector<std::unique_ptr<T[]>> later_;
};

}  // namespace vibrato::vector
