// Compares one kernel table with the scalar one. Plain C++ without a test framework, so that the same checks run in
// GoogleTest here and in a bare program under an emulator of another architecture.
//
// Every input ends directly before a page that cannot be read, so that with the length its start moves over all
// alignments of its type: a kernel that reads past the end, or that asks for alignment, ends the program.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "simd/kernels.hpp"

namespace vibrato::simd {

// What differed, one sentence each; empty if the tables agree. The list is cut off after a few.
using Differences = std::vector<std::string>;

// The dimensions that the checks cover: all of 1 to 200 and the edges up to 16,384.
[[nodiscard]] std::vector<std::size_t> checked_dims();

[[nodiscard]] Differences check_float_kernels(const Kernels& tested);
[[nodiscard]] Differences check_float_row_kernels(const Kernels& tested);
[[nodiscard]] Differences check_code_row_kernels(const Kernels& tested);
[[nodiscard]] Differences check_bare_code_kernels(const Kernels& tested);
[[nodiscard]] Differences check_transform_kernels(const Kernels& tested);
[[nodiscard]] Differences check_product_row_kernels(const Kernels& tested);
[[nodiscard]] Differences check_product_table_kernels(const Kernels& tested);
// Codes all at their largest and queries at +-127: the sums that saturate where a kernel is careless.
[[nodiscard]] Differences check_extremes(const Kernels& tested);
// Infinities, numbers that are none, denormals and the largest floats.
[[nodiscard]] Differences check_float_edges(const Kernels& tested);

}  // namespace vibrato::simd
