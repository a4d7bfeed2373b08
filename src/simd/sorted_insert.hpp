// Insertion into a short sorted array of 64-bit keys: the inner step of a beam search's candidate pool.
//
// The wide versions go over the array once, from the end, moving what is greater while they look for the place: one
// hard-to-predict branch an insertion, where a binary search and a memmove have several.
#pragma once

#include <cstddef>
#include <cstdint>

#include "simd/kernels.hpp"

namespace vibrato::simd {

// Inserts `key` into keys[0, size), ascending, and returns its index; equal keys stay in front of it.
// Requires: keys has room for size + 1. Thread-safety: the array belongs to the caller.
using SortedInsert = std::size_t (*)(std::uint64_t* keys, std::size_t size, std::uint64_t key);

// The version for an instruction set that this CPU has.
[[nodiscard]] SortedInsert sorted_insert_for(Isa isa);

// Defined on x86-64 only; to be called only where the CPU has the set.
std::size_t sorted_insert_avx2(std::uint64_t* keys, std::size_t size, std::uint64_t key);
std::size_t sorted_insert_avx512(std::uint64_t* keys, std::size_t size, std::uint64_t key);

}  // namespace vibrato::simd
