// Random bytes for secrets, as a dependency: tests bring their own (tests/support), the app the system's.
#pragma once

#include <cstddef>
#include <span>
#include <vibrato/status.hpp>

namespace vibrato::auth {

// Thread-safety: all methods may be called from many threads at once.
class RandomSource {
 public:
  virtual ~RandomSource() = default;
  // Fills all of `out`, or fails and leaves it unspecified: nobody makes a secret from it then.
  [[nodiscard]] virtual Status fill(std::span<std::byte> out) = 0;
};

// The operating system's generator (getrandom(2)); waits until it is seeded.
class SystemRandomSource final : public RandomSource {
 public:
  [[nodiscard]] Status fill(std::span<std::byte> out) override;
};

}  // namespace vibrato::auth
