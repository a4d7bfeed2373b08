// CRC32C (Castagnoli polynomial 0x1EDC6F41, reflected; RFC 3720 appendix B.4): the checksum of every stored block
// and record. Anyone may call it; pure and thread-safe. Uses the CRC instructions of the CPU where it has them
// (SSE4.2, ARMv8 CRC), chosen at run time, and tables elsewhere; all give the same value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace vibrato {

// The checksum of A followed by B, given `crc` = checksum of A and `bytes` = B. The checksum of nothing is 0.
[[nodiscard]] std::uint32_t crc32c_extend(std::uint32_t crc, std::span<const std::byte> bytes);

[[nodiscard]] inline std::uint32_t crc32c(std::span<const std::byte> bytes) {
  return crc32c_extend(0, bytes);
}

namespace detail {
// The two forms behind crc32c_extend, for the tests that compare them.
[[nodiscard]] bool crc32c_hardware_available();
// Requires: crc32c_hardware_available().
[[nodiscard]] std::uint32_t crc32c_extend_hardware(std::uint32_t crc, std::span<const std::byte> bytes);
[[nodiscard]] std::uint32_t crc32c_extend_table(std::uint32_t crc, std::span<const std::byte> bytes);
}  // namespace detail

}  // namespace vibrato
