// Distance kernels: one table of functions per instruction set, chosen once at start.
//
// Every variant computes what the scalar one computes (the oracle of the tests), up to the order of summation; code
// kernels have integer sums and agree with it exactly before their last float operations. No kernel reads past the
// end of its inputs, whatever the dimension (1 to 16,384), and none needs alignment. All are thread-safe.
//
// Only this folder includes intrinsics. Everything above calls through `Kernels`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace vibrato::simd {

enum class Isa : std::uint8_t { kScalar, kPortable, kAvx2, kAvx512, kNeon };

// f32 rows that a batched kernel picks from: row i starts at base + i * stride_floats.
struct FloatRows {
  const float* base = nullptr;
  std::size_t stride_floats = 0;
  std::size_t dim = 0;
};

// Scalar-quantised rows. Row i starts at base + i * stride_bytes and is
//   code_bytes of codes | f32 offset | f32 scale | ... (the rest is not read by kernels)
// 8-bit codes: one byte a dimension. 4-bit codes: blocks of up to 64 bytes; in a block of w bytes, byte j holds
// dimension j of the block in its low nibble and dimension w + j in its high nibble (a block is 2w dimensions).
// code_bytes is a multiple of 16: every block has 64 bytes but the last, which has 16, 32, 48 or 64.
// Padding dimensions have code 0.
struct CodeRows {
  const std::byte* base = nullptr;
  std::size_t stride_bytes = 0;
  std::size_t code_bytes = 0;
};

// A query against CodeRows. `values` holds one signed byte a (padded) dimension in natural order: code_bytes of them
// for 8-bit codes, 2 * code_bytes for 4-bit ones, each from -127 to 127; padding is 0. The distance of row i is
//   (base + offset_i) + scale_i * (scale * sum(code * value) + bias)
// with exactly these float operations in this order: every instruction set gives the same bits.
struct CodeQuery {
  const std::int8_t* values = nullptr;
  float scale = 0;
  float bias = 0;
  float base = 0;
  // Product codes only: 256 levels for each byte of a row, kProductEntries apart. The distance of row i is
  //   base + scale * sum(tables[256 s + code_s])
  // The sum is an integer: every instruction set gives the same bits. Such rows are bare bytes, without offset and
  // scale, at most kProductBytesMax of them, and need no padding.
  const std::uint8_t* tables = nullptr;
};

inline constexpr std::size_t kProductEntries = 256;      // Entries of a table: values of a byte.
inline constexpr std::size_t kProductBytesMax = 16'384;  // Of a row of product codes: no sum leaves an i32.

struct Range {
  float low = 0;
  float high = 0;
};

struct Kernels {
  Isa isa = Isa::kScalar;
  std::string_view name;

  float (*dot)(const float* a, const float* b, std::size_t dim) = nullptr;
  float (*l2_squared)(const float* a, const float* b, std::size_t dim) = nullptr;
  float (*norm_squared)(const float* a, std::size_t dim) = nullptr;

  // out[i] = f(query, row ids[i]) for i < count. Rows are scored in groups, so that loads of several are in flight.
  void (*dot_rows)(const float* query, const FloatRows& rows, const std::uint32_t* ids, std::size_t count,
                   float* out) = nullptr;
  void (*l2_squared_rows)(const float* query, const FloatRows& rows, const std::uint32_t* ids, std::size_t count,
                          float* out) = nullptr;

  // Distances on codes, as CodeQuery says.
  void (*sq8_rows)(const CodeQuery& query, const CodeRows& rows, const std::uint32_t* ids, std::size_t count,
                   float* out) = nullptr;
  void (*sq4_rows)(const CodeQuery& query, const CodeRows& rows, const std::uint32_t* ids, std::size_t count,
                   float* out) = nullptr;

  // Distances on product codes by table, as CodeQuery says.
  void (*pq_rows)(const CodeQuery& query, const CodeRows& rows, const std::uint32_t* ids, std::size_t count,
                  float* out) = nullptr;

  // Squared L2 and dot on bare unsigned codes (both sides coded), as exact integers. sq4: code_bytes bytes a side.
  std::uint32_t (*sq8_dot)(const std::uint8_t* a, const std::uint8_t* b, std::size_t dim) = nullptr;
  std::uint32_t (*sq8_l2_squared)(const std::uint8_t* a, const std::uint8_t* b, std::size_t dim) = nullptr;
  std::uint32_t (*sq4_dot)(const std::uint8_t* a, const std::uint8_t* b, std::size_t code_bytes) = nullptr;
  std::uint32_t (*sq4_l2_squared)(const std::uint8_t* a, const std::uint8_t* b, std::size_t code_bytes) = nullptr;

  // Walsh-Hadamard transform in place, unnormalised, lowest level first: the same bits on every instruction set.
  // Requires: count is a power of two.
  void (*hadamard)(float* values, std::size_t count) = nullptr;
  // values[i] *= factors[i].
  void (*multiply)(float* values, const float* factors, std::size_t count) = nullptr;
  // The largest magnitude; values that are not a number are passed over.
  float (*max_abs)(const float* values, std::size_t count) = nullptr;
  // out[i] = values[i] * factor clamped to [-127, 127] and rounded, ties to even; what is not a number becomes -127.
  // Returns the sum of out.
  std::int32_t (*quantize_s8)(const float* values, float factor, std::size_t count, std::int8_t* out) = nullptr;

  // out[i] = start[i] + sum over j < width of weights[j] * columns[j * stride + i], for i < count: one point against
  // `count` others whose coordinates stand in columns. What tables and k-means are made with.
  void (*weighted_columns)(const float* weights, std::size_t width, const float* columns, std::size_t stride,
                           const float* start, std::size_t count, float* out) = nullptr;
  // The position of the least value, the first of equals; values that are not a number are passed over; 0 if all are.
  std::size_t (*least)(const float* values, std::size_t count) = nullptr;
  // The least and the greatest value; values that are not a number are passed over. {inf, -inf} without any.
  Range (*range)(const float* values, std::size_t count) = nullptr;
  // out[i] = (values[i] - low) * factor clamped to [0, 255] and rounded, ties to even; what is not a number becomes 0.
  void (*quantize_u8)(const float* values, float low, float factor, std::size_t count, std::uint8_t* out) = nullptr;
};

// The best table this CPU runs, or the one that VIBRATO_SIMD=scalar|portable|avx2|avx512|neon names (a set that the
// CPU lacks, or an unknown word, is ignored with a warning on stderr). Chosen at the first call, the same ever after.
[[nodiscard]] const Kernels& kernels();

// The table of one instruction set, or nullptr if this build or this CPU lacks it.
[[nodiscard]] const Kernels* kernels_for(Isa isa);

[[nodiscard]] std::optional<Isa> parse_isa(std::string_view name);

}  // namespace vibrato::simd
