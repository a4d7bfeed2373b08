// The bytes of the quantizer section of a `.vdb` file (docs/formats/vdb.md, "Quantizer section"): all that is needed to
// code a query so that it can be compared with the rows of the codes section.
//
// Pure and total: any bytes give a description or kCorruption. What the numbers mean is the matter of quant/; whether
// the sizes fit its layout is checked by who puts the two together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>
#include <vibrato/metric.hpp>
#include <vibrato/result.hpp>

namespace vibrato::format {

inline constexpr std::uint32_t kQuantizerSectionVersion = 1;
inline constexpr std::uint32_t kQuantizerHeaderBytes = 64;
inline constexpr std::uint32_t kCodeKindMax = 3;  // 0 none, 1 sq8, 2 sq4, 3 pq: quant::CodeKind.
inline constexpr std::uint32_t kProductCodeKind = 3;
inline constexpr std::uint32_t kCentroidsPerSubSpace = 256;

// What product codes need beside the common part.
struct ProductDescription {
  bool rotated = false;
  float mean_error = 0;
  float bias = 0;
  float error_scale = 0;
  std::vector<float> centroids;  // One sub-space after the other, each of shape [width][256]: dim * 256 numbers.

  friend bool operator==(const ProductDescription&, const ProductDescription&) = default;
};

struct QuantizerDescription {
  std::uint32_t code_kind = 0;  // 0: no codes; then code_bytes and stride_bytes are 0 and there is no centre.
  Metric metric = Metric::kDot;
  std::uint32_t dim = 0;
  std::uint32_t code_bytes = 0;    // Of a row's codes alone.
  std::uint32_t stride_bytes = 0;  // From one coded row to the next.
  std::uint64_t rotation_seed = 0;
  float norm_max = 0;          // The largest |x| of the rows.
  std::vector<float> centre;   // Shape [dim], or empty.
  ProductDescription product;  // Of code kind 3; empty otherwise.

  friend bool operator==(const QuantizerDescription&, const QuantizerDescription&) = default;
};

// Requires: centre.size() is dim, or 0 if code_kind is 0; product.centroids.size() is dim * 256 if it is 3, or else 0.
[[nodiscard]] std::vector<std::byte> write_quantizer_section(const QuantizerDescription& description);

// `dim` and `metric` are those of the file, `section_offset` is for messages. Errors: kCorruption, without the path.
[[nodiscard]] Result<QuantizerDescription> parse_quantizer_section(std::span<const std::byte> section,
                                                                   std::uint32_t dim, Metric metric,
                                                                   std::uint64_t section_offset);

}  // namespace vibrato::format
