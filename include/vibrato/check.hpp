// VIBRATO_CHECK: asserts an invariant of our own code, in release builds too. Input never trips one: what comes from
// outside is validated and answered with a Status.
#pragma once

namespace vibrato::detail {
[[noreturn]] void check_failed(const char* expression, const char* file, int line);
}  // namespace vibrato::detail

#define VIBRATO_CHECK(expression)                                       \
  do {                                                                  \
    if (!(expression)) [[unlikely]] {                                   \
      ::vibrato::detail::check_failed(#expression, __FILE__, __LINE__); \
    }                                                                   \
  } while (false)
