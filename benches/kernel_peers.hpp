// The distance functions of other libraries, for kernels_bench.cpp: compiled apart, as their users compile them.
#pragma once

#include <cstddef>

namespace vibrato::bench {

using Distance = float (*)(const float* a, const float* b, std::size_t dim);
// hnswlib's own signature, so that no wrapper is measured with it. The last argument is the address of the dimension.
using HnswlibDistance = float (*)(const void* a, const void* b, const void* dim);

// What one peer computes; null functions where the peer was not found at build time.
template <typename Function>
struct KernelPeer {
  const char* label = "";
  Function dot = nullptr;
  Function l2_squared = nullptr;
};

[[nodiscard]] KernelPeer<HnswlibDistance> hnswlib_kernels(std::size_t dim);
[[nodiscard]] KernelPeer<Distance> faiss_kernels();

}  // namespace vibrato::bench
