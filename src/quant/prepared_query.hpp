// A query made ready for the code kernels, by ScalarQuantizer or ProductQuantizer. Reused between searches so that
// preparing allocates nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "simd/kernels.hpp"

namespace vibrato::quant {

struct PreparedQuery {
  std::vector<std::int8_t> values;   // Scalar codes: shape [padded_dim].
  std::vector<std::uint8_t> tables;  // Product codes: shape [code_bytes][256].
  std::vector<float> entries;        // Product codes: what the tables are made of, same shape.
  std::vector<float> scratch;        // Shape [dim].
  simd::CodeQuery code;
  float norm_squared = 0;  // Of the query as it was coded: centred, but under cosine and dot of product codes.

  void bind() {
    code.values = values.data();
    code.tables = tables.data();
  }
};

}  // namespace vibrato::quant
