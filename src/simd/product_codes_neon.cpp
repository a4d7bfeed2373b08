// Making product codes and their tables with NEON.
#if defined(__aarch64__)

#include <arm_neon.h>
#include <cstring>
#include <limits>

#include "simd/product_codes.hpp"

namespace vibrato::simd::neon {
namespace {

constexpr std::size_t kLanes = 4;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The first `count` lanes from memory, numbers that are none in the others; count <= 4.
inline float32x4_t load_first(const float* values, std::size_t count) {
  constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
  float lanes[kLanes] = {kNone, kNone, kNone, kNone};
  std::memcpy(lanes, values, count * sizeof(float));
  return vld1q_f32(lanes);
}

inline float32x4_t load(const float* values, std::size_t left) {
  return left >= kLanes ? vld1q_f32(values) : load_first(values, left);
}

}  // namespace

void weighted_columns(const float* weights, std::size_t width, const float* columns, std::size_t stride,
                      const float* start, std::size_t count, float* out) {
  std::size_t i = 0;
  for (; i + 2 * kLanes <= count; i += 2 * kLanes) {
    float32x4_t first = vld1q_f32(start + i);
    float32x4_t second = vld1q_f32(start + i + kLanes);
    for (std::size_t j = 0; j < width; ++j) {
      const float* column = columns + j * stride + i;
      first = vfmaq_n_f32(first, vld1q_f32(column), weights[j]);
      second = vfmaq_n_f32(second, vld1q_f32(column + kLanes), weights[j]);
    }
    vst1q_f32(out + i, first);
    vst1q_f32(out + i + kLanes, second);
  }
  for (; i < count; ++i) {
    float sum = start[i];
    for (std::size_t j = 0; j < width; ++j) {
      sum += weights[j] * columns[j * stride + i];
    }
    out[i] = sum;
  }
}

Range range(const float* values, std::size_t count) {
  float32x4_t low = vdupq_n_f32(kInfinity);
  float32x4_t high = vdupq_n_f32(-kInfinity);
  for (std::size_t i = 0; i < count; i += kLanes) {
    const float32x4_t value = load(values + i, count - i);
    // These take the other operand where one is not a number.
    low = vminnmq_f32(value, low);
    high = vmaxnmq_f32(value, high);
  }
  return {vminnmvq_f32(low), vmaxnmvq_f32(high)};
}

std::size_t least(const float* values, std::size_t count) {
  const float low = range(values, count).low;
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    if (vmaxvq_u32(vceqq_f32(vld1q_f32(values + i), vdupq_n_f32(low))) != 0) {
      break;
    }
  }
  for (; i < count; ++i) {
    if (values[i] == low) {
      return i;
    }
  }
  return 0;
}

void quantize_u8(const float* values, float low, float factor, std::size_t count, std::uint8_t* out) {
  for (std::size_t i = 0; i < count; i += kLanes) {
    const float32x4_t scaled = vmulq_n_f32(vsubq_f32(load(values + i, count - i), vdupq_n_f32(low)), factor);
    const float32x4_t clamped = vminnmq_f32(vmaxnmq_f32(scaled, vdupq_n_f32(0.0F)), vdupq_n_f32(255.0F));
    std::uint32_t lanes[kLanes];
    vst1q_u32(lanes, vcvtnq_u32_f32(clamped));
    for (std::size_t lane = 0; lane < kLanes && i + lane < count; ++lane) {
      out[i + lane] = static_cast<std::uint8_t>(lanes[lane]);
    }
  }
}

}  // namespace vibrato::simd::neon

#endif
