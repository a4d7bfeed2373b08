// Bytes of a stored format with one field changed. Pure.
#pragma once

#include <cstddef>
#include <cstring>
#include <type_traits>
#include <vector>

namespace vibrato::test {

// Requires: at + sizeof(T) <= bytes.size().
template <typename T>
[[nodiscard]] std::vector<std::byte> with_field(std::vector<std::byte> bytes, std::size_t at, T value) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::memcpy(bytes.data() + at, &value, sizeof value);
  return bytes;
}

}  // namespace vibrato::test
