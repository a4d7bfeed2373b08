// The one wording of "stored bytes are wrong": offset, what is there, expected and found. Whoever knows the file's
// path puts it in front with Status::with_context.
#pragma once

#include <cstdint>
#include <fmt/format.h>
#include <string_view>
#include <vibrato/status.hpp>

namespace vibrato::format {

template <typename Expected, typename Found>
[[nodiscard]] Status corrupt_at(std::uint64_t offset, std::string_view what, const Expected& expected,
                                const Found& found) {
  return corruption(fmt::format("offset {}: {}: expected {}, found {}", offset, what, expected, found));
}

// For checksums: both in hexadecimal.
[[nodiscard]] inline Status bad_checksum_at(std::uint64_t offset, std::string_view what, std::uint32_t expected,
                                            std::uint32_t found) {
  return corruption(fmt::format("offset {}: {}: expected {:#010x}, found {:#010x}", offset, what, expected, found));
}

}  // namespace vibrato::format
