// Kernels in plain C++: the reference that every other variant is tested against. Written for clarity, not speed.
#include <cmath>
#include <cstring>
#include <limits>

#include "simd/tables.hpp"

namespace vibrato::simd {
namespace {

constexpr std::size_t kBlockBytes = 64;

float dot(const float* a, const float* b, std::size_t dim) {
  float sum = 0;
  for (std::size_t i = 0; i < dim; ++i) {
    sum += a[i] * b[i];
  }
  return sum;
}

float l2_squared(const float* a, const float* b, std::size_t dim) {
  float sum = 0;
  for (std::size_t i = 0; i < dim; ++i) {
    const float difference = a[i] - b[i];
    sum += difference * difference;
  }
  return sum;
}

float norm_squared(const float* a, std::size_t dim) {
  return dot(a, a, dim);
}

void dot_rows(const float* query, const FloatRows& rows, const std::uint32_t* ids, std::size_t count, float* out) {
  for (std::size_t i = 0; i < count; ++i) {
    out[i] = dot(query, rows.base + ids[i] * rows.stride_floats, rows.dim);
  }
}

void l2_squared_rows(const float* query, const FloatRows& rows, const std::uint32_t* ids, std::size_t count,
                     float* out) {
  for (std::size_t i = 0; i < count; ++i) {
    out[i] = l2_squared(query, rows.base + ids[i] * rows.stride_floats, rows.dim);
  }
}

// The distance that CodeQuery defines, in the order of operations that every variant keeps.
float distance_of(const CodeQuery& query, const std::byte* tail, std::int32_t sum) {
  float offset = 0;
  float scale = 0;
  std::memcpy(&offset, tail, sizeof(offset));
  std::memcpy(&scale, tail + sizeof(offset), sizeof(scale));
  return (query.base + offset) + scale * (query.scale * static_cast<float>(sum) + query.bias);
}

std::int32_t sq8_sum(const std::byte* codes, const std::int8_t* values, std::size_t code_bytes) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < code_bytes; ++i) {
    sum += std::to_integer<std::int32_t>(codes[i]) * values[i];
  }
  return sum;
}

std::int32_t sq4_sum(const std::byte* codes, const std::int8_t* values, std::size_t code_bytes) {
  std::int32_t sum = 0;
  for (std::size_t start = 0; start < code_bytes; start += kBlockBytes) {
    const std::size_t width = code_bytes - start < kBlockBytes ? code_bytes - start : kBlockBytes;
    const std::int8_t* low = values + 2 * start;
    const std::int8_t* high = low + width;
    for (std::size_t j = 0; j < width; ++j) {
      const std::int32_t code = std::to_integer<std::int32_t>(codes[start + j]);
      sum += (code & 15) * low[j] + (code >> 4) * high[j];
    }
  }
  return sum;
}

void sq8_rows(const CodeQuery& query, const CodeRows& rows, const std::uint32_t* ids, std::size_t count, float* out) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* row = rows.base + ids[i] * rows.stride_bytes;
    out[i] = distance_of(query, row + rows.code_bytes, sq8_sum(row, query.values, rows.code_bytes));
  }
}

void sq4_rows(const CodeQuery& query, const CodeRows& rows, const std::uint32_t* ids, std::size_t count, float* out) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* row = rows.base + ids[i] * rows.stride_bytes;
    out[i] = distance_of(query, row + rows.code_bytes, sq4_sum(row, query.values, rows.code_bytes));
  }
}

std::uint32_t sq8_dot(const std::uint8_t* a, const std::uint8_t* b, std::size_t dim) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < dim; ++i) {
    sum += std::uint32_t{a[i]} * b[i];
  }
  return sum;
}

std::uint32_t square_of_difference(int a, int b) {
  return static_cast<std::uint32_t>((a - b) * (a - b));
}

std::uint32_t sq8_l2_squared(const std::uint8_t* a, const std::uint8_t* b, std::size_t dim) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < dim; ++i) {
    sum += square_of_difference(a[i], b[i]);
  }
  return sum;
}

std::uint32_t sq4_dot(const std::uint8_t* a, const std::uint8_t* b, std::size_t code_bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < code_bytes; ++i) {
    sum += (a[i] & 15u) * (b[i] & 15u) + (a[i] >> 4u) * static_cast<std::uint32_t>(b[i] >> 4u);
  }
  return sum;
}

std::uint32_t sq4_l2_squared(const std::uint8_t* a, const std::uint8_t* b, std::size_t code_bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < code_bytes; ++i) {
    sum += square_of_difference(a[i] & 15, b[i] & 15) + square_of_difference(a[i] >> 4, b[i] >> 4);
  }
  return sum;
}

void hadamard(float* values, std::size_t count) {
  for (std::size_t half = 1; half < count; half *= 2) {
    for (std::size_t start = 0; start < count; start += 2 * half) {
      for (std::size_t i = start; i < start + half; ++i) {
        const float low = values[i];
        const float high = values[i + half];
        values[i] = low + high;
        values[i + half] = low - high;
      }
    }
  }
}

void multiply(float* values, const float* factors, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    values[i] *= factors[i];
  }
}

float max_abs(const float* values, std::size_t count) {
  float largest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const float magnitude = std::fabs(values[i]);
    largest = magnitude > largest ? magnitude : largest;
  }
  return largest;
}

std::int32_t quantize_s8(const float* values, float factor, std::size_t count, std::int8_t* out) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    float value = values[i] * factor;
    value = value > -127.0F ? value : -127.0F;
    value = value < 127.0F ? value : 127.0F;
    out[i] = static_cast<std::int8_t>(std::nearbyint(value));
    sum += out[i];
  }
  return sum;
}

void pq_rows(const CodeQuery& query, const CodeRows& rows, const std::uint32_t* ids, std::size_t count, float* out) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* row = rows.base + ids[i] * rows.stride_bytes;
    std::int32_t sum = 0;
    for (std::size_t s = 0; s < rows.code_bytes; ++s) {
      sum += query.tables[s * kProductEntries + std::to_integer<std::size_t>(row[s])];
    }
    out[i] = query.base + query.scale * static_cast<float>(sum);
  }
}

void weighted_columns(const float* weights, std::size_t width, const float* columns, std::size_t stride,
                      const float* start, std::size_t count, float* out) {
  for (std::size_t i = 0; i < count; ++i) {
    float sum = start[i];
    for (std::size_t j = 0; j < width; ++j) {
      sum += weights[j] * columns[j * stride + i];
    }
    out[i] = sum;
  }
}

std::size_t least(const float* values, std::size_t count) {
  std::size_t best = count;
  for (std::size_t i = 0; i < count; ++i) {
    if (!std::isnan(values[i]) && (best == count || values[i] < values[best])) {
      best = i;
    }
  }
  return best == count ? 0 : best;
}

Range range(const float* values, std::size_t count) {
  Range found{std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()};
  for (std::size_t i = 0; i < count; ++i) {
    found.low = values[i] < found.low ? values[i] : found.low;
    found.high = values[i] > found.high ? values[i] : found.high;
  }
  return found;
}

void quantize_u8(const float* values, float low, float factor, std::size_t count, std::uint8_t* out) {
  for (std::size_t i = 0; i < count; ++i) {
    float value = (values[i] - low) * factor;
    value = value > 0.0F ? value : 0.0F;
    value = value < 255.0F ? value : 255.0F;
    out[i] = static_cast<std::uint8_t>(std::nearbyint(value));
  }
}

constexpr Kernels kTable{
    .isa = Isa::kScalar,
    .name = "scalar",
    .dot = dot,
    .l2_squared = l2_squared,
    .norm_squared = norm_squared,
    .dot_rows = dot_rows,
    .l2_squared_rows = l2_squared_rows,
    .sq8_rows = sq8_rows,
    .sq4_rows = sq4_rows,
    .pq_rows = pq_rows,
    .sq8_dot = sq8_dot,
    .sq8_l2_squared = sq8_l2_squared,
    .sq4_dot = sq4_dot,
    .sq4_l2_squared = sq4_l2_squared,
    .hadamard = hadamard,
    .multiply = multiply,
    .max_abs = max_abs,
    .quantize_s8 = quantize_s8,
    .weighted_columns = weighted_columns,
    .least = least,
    .range = range,
    .quantize_u8 = quantize_u8,
};

}  // namespace

const Kernels* scalar_table() {
  return &kTable;
}

}  // namespace vibrato::simd
