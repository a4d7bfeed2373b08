// Fixed-width little-endian numbers in byte buffers, and sums and products that notice when they overflow.
// Callers check bounds first: offsets given here are within the span. For the parsers and writers of stored formats.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vibrato/check.hpp>

namespace vibrato::format {

static_assert(std::endian::native == std::endian::little, "stored numbers are used in place");

// Requires: offset + sizeof(T) <= bytes.size().
template <typename T>
[[nodiscard]] T load_le(std::span<const std::byte> bytes, std::size_t offset) {
  static_assert(std::is_arithmetic_v<T>);
  VIBRATO_CHECK(offset <= bytes.size() && bytes.size() - offset >= sizeof(T));
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

// Requires: offset + sizeof(T) <= bytes.size().
template <typename T>
void store_le(std::span<std::byte> bytes, std::size_t offset, T value) {
  static_assert(std::is_arithmetic_v<T>);
  VIBRATO_CHECK(offset <= bytes.size() && bytes.size() - offset >= sizeof(T));
  std::memcpy(bytes.data() + offset, &value, sizeof(T));
}

// `count` bytes as text, in place. Requires: offset + count <= bytes.size().
[[nodiscard]] inline std::string_view text_at(std::span<const std::byte> bytes, std::size_t offset, std::size_t count) {
  VIBRATO_CHECK(offset <= bytes.size() && bytes.size() - offset >= count);
  return {reinterpret_cast<const char*>(bytes.data()) + offset, count};
}

// nullopt when the exact result does not fit 64 bits.
[[nodiscard]] inline std::optional<std::uint64_t> checked_add(std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::nullopt : std::optional(sum);
}
[[nodiscard]] inline std::optional<std::uint64_t> checked_multiply(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? std::nullopt : std::optional(product);
}

// `value` rounded up to a multiple of `alignment`. Requires: alignment is a power of two, value far from overflow.
[[nodiscard]] constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

}  // namespace vibrato::format
