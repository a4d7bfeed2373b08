// Sets of rows as bits: how many there are, and which. Done with every filter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace vibrato::simd {

[[nodiscard]] std::uint64_t count_bits(std::span<const std::uint64_t> words);

// list_bits writes up to so many values behind those that count.
inline constexpr std::size_t kListBitsSlack = 64;

// Writes the numbers of the bits that are set, ascending, the first bit being `first`; returns how many.
// Requires: `out` has room for count_bits(words) + kListBitsSlack.
std::size_t list_bits(std::span<const std::uint64_t> words, std::uint32_t first, std::uint32_t* out);

}  // namespace vibrato::simd
