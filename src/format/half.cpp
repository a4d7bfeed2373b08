#include "format/half.hpp"

#include <bit>
#include <vibrato/check.hpp>

namespace vibrato::format {

float half_to_float(std::uint16_t half) {
  // Moving the 15 magnitude bits to the float's place scales the value by 2^-112, the difference of the two exponent
  // biases; multiplying by 2^112 is exact and normalises the subnormal halves on the way.
  constexpr float kBiasScale = 0x1p112F;
  constexpr std::uint32_t kFloatExponentMask = 0x7f800000U;
  const std::uint32_t sign = (half & 0x8000U) << 16U;
  const std::uint32_t magnitude = (half & 0x7fffU) << 13U;
  std::uint32_t bits = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) * kBiasScale);
  if ((half & 0x7c00U) == 0x7c00U) bits = magnitude | kFloatExponentMask;
  return std::bit_cast<float>(bits | sign);
}

void halves_to_floats(std::span<const std::byte> bytes, std::span<float> out) {
  VIBRATO_CHECK(bytes.size() == 2 * out.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto low = std::to_integer<std::uint32_t>(bytes[2 * i]);
    const auto high = std::to_integer<std::uint32_t>(bytes[2 * i + 1]);
    out[i] = half_to_float(static_cast<std::uint16_t>(low | (high << 8U)));
  }
}

}  // namespace vibrato::format
