// IEEE 754 binary16 to binary32, for input files and stored vectors that hold half floats. Every half is exactly
// representable as a float, so the conversion never rounds. Pure functions; anyone may call them.
// Source: IEEE 754-2008, 3.4 (interchange formats).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace vibrato::format {

// The value whose binary16 bits are `half`. Infinities and signed zeros are kept; a NaN stays a NaN with its payload.
[[nodiscard]] float half_to_float(std::uint16_t half);

// Converts little-endian halves. Requires: bytes.size() == 2 * out.size().
void halves_to_floats(std::span<const std::byte> bytes, std::span<float> out);

}  // namespace vibrato::format
