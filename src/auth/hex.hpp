// Bytes as lower-case hexadecimal digits, for ids and the pepper file. Pure; only auth uses it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace vibrato::auth {

[[nodiscard]] inline bool is_lower_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

inline void append_hex(std::span<const std::byte> bytes, std::string& out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const std::byte byte : bytes) {
    out.push_back(kDigits[std::to_integer<unsigned>(byte >> 4U)]);
    out.push_back(kDigits[std::to_integer<unsigned>(byte & std::byte{15})]);
  }
}

}  // namespace vibrato::auth
