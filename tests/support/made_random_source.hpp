// Random bytes that repeat with their seed, in place of the system's.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <utility>
#include <vibrato/result.hpp>

#include "auth/random_source.hpp"
#include "base/random.hpp"

namespace vibrato::test {

// Thread-safety: all methods may be called from many threads at once.
class MadeRandomSource final : public auth::RandomSource {
 public:
  explicit MadeRandomSource(std::uint64_t seed = 1) : random_(seed) {}

  [[nodiscard]] Status fill(std::span<std::byte> out) override {
    const std::lock_guard lock(mutex_);
    VIBRATO_RETURN_IF_ERROR(failure_);
    for (std::byte& byte : out) {
      byte = static_cast<std::byte>(random_.below(256));
    }
    return ok_status();
  }

  // From now on every call fails with it.
  void fail_with(Status failure) {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(failure);
  }

 private:
  std::mutex mutex_;
  Random random_;
  Status failure_;
};

}  // namespace vibrato::test
