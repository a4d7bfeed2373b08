// Sizes of tests under a sanitizer, which makes the same work several times slower.
#pragma once

#include <algorithm>
#include <cstdint>

namespace vibrato::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

// `size`, or a tenth of it (but no less than `least`) under a sanitizer.
constexpr std::uint32_t scaled(std::uint32_t size, std::uint32_t least = 1) {
  return kSanitized ? std::max(size / 10, std::min(least, size)) : size;
}

}  // namespace vibrato::test
