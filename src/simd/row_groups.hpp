// Walks the rows that a batched kernel scores, four at a time, for every instruction set.
//
// Only templates, and each is instantiated with types of the including file's anonymous namespace (its lambdas): what
// comes out belongs to that file alone, and wide instructions do not leak into code compiled for narrower ones.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vibrato::simd {

// The start of a row. Its address stays in a general register: compilers like to compute four of them with vector
// instructions, which costs more than it saves.
template <typename Element>
inline const Element* row_start(const Element* base, std::size_t stride, std::uint32_t id) {
  const Element* start = base + id * stride;
  asm("" : "+r"(start));
  return start;
}

// Calls score(row, distances) with row[0..4) the starts of four rows and distances[0..4) to be filled, until the rows
// of all ids are scored. The last group repeats its last row where fewer than four are left.
template <typename Element, typename Score>
inline void for_groups_of_four(const Element* base, std::size_t stride, const std::uint32_t* ids, std::size_t count,
                               float* out, const Score& score) {
  const Element* row[4];
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (std::size_t r = 0; r < 4; ++r) {
      row[r] = row_start(base, stride, ids[i + r]);
    }
    score(row, out + i);
  }
  if (i < count) {
    for (std::size_t r = 0; r < 4; ++r) {
      row[r] = row_start(base, stride, ids[i + r < count ? i + r : count - 1]);
    }
    float distances[4];
    score(row, distances);
    for (std::size_t r = 0; i + r < count; ++r) {
      out[i + r] = distances[r];
    }
  }
}

}  // namespace vibrato::simd
