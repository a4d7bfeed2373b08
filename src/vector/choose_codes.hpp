// Which codes a segment gets when nobody says: by measurement on its own rows, as what suits one set loses another.
//
// Some rows serve as queries against a sample of the others. Codes are good enough if the true nearest rows are nearly
// always among the few best by code, as those are what a search re-scores. 4 bits are tried first: half the memory
// traffic of 8. Deterministic: the same rows give the same choice, on any number of threads.
#pragma once

#include <cstdint>
#include <optional>

#include "hnsw/row_space.hpp"
#include "quant/code_layout.hpp"

namespace vibrato::vector {

inline constexpr std::uint32_t kCodedRowsMin = 1000;  // Smaller segments are walked on f32.
inline constexpr std::uint32_t kCodedDimMin = 16;     // So are shorter rows: codes and factors would not be smaller.
inline constexpr std::uint32_t kChoiceQueries = 100;
inline constexpr std::uint32_t kChoiceRowsMax = 20'000;
inline constexpr std::uint32_t kChoiceNeighbours = 10;  // Of the true nearest rows ...
inline constexpr std::uint32_t kChoiceCandidates = 40;  // ... so many best by code ...
inline constexpr double kChoiceRecallMin = 0.98;        // ... must hold this share for 4 bits to do.
// Rows longer than this are walked on f32: the squares that codes work with would leave the range of a float.
inline constexpr float kCodedNormMax = 1e15F;

struct CodeChoice {
  quant::CodeKind kind = quant::CodeKind::kNone;
  // Measured share of the true neighbours among the best by 4-bit codes; nothing if it was not measured.
  std::optional<double> sq4_recall;
};

// `space`: rows [0, row_count) with inverse norms (cosine) and norm_max; its codes are not looked at. `centre` as for
// ScalarQuantizer.
[[nodiscard]] CodeChoice choose_codes(const simd::Kernels& kernels, const hnsw::RowSpace& space,
                                      std::span<const float> centre, std::uint64_t rotation_seed,
                                      std::size_t threads = 1);

// Whether rows of such a segment may be coded at all.
[[nodiscard]] bool may_be_coded(const hnsw::RowSpace& space);

}  // namespace vibrato::vector
