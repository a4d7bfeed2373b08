// Says in the log that clients speak another protocol than their port: plain HTTP where TLS is spoken, or the other way
// round. Once every few seconds, however many come.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "base/clock.hpp"
#include "base/logging.hpp"

namespace vibrato::server {

// Thread-safety: all methods may be called from many threads at once.
class MismatchLog {
 public:
  static constexpr std::int64_t kPauseNs = 5'000'000'000;

  MismatchLog(const Clock& clock, const Logger& logger) : clock_(clock), logger_(logger) {}

  // `what` came from `client`, an address.
  void note(std::string_view what, std::string_view client) {
    const std::int64_t now_ns = clock_.monotonic_ns();
    std::int64_t next_ns = next_ns_.load();
    if (now_ns < next_ns || !next_ns_.compare_exchange_strong(next_ns, now_ns + kPauseNs)) {
      unsaid_.fetch_add(1);
      return;
    }
    if (const std::uint64_t unsaid = unsaid_.exchange(0); unsaid > 0) {
      logger_.warning("{} came from {}, and {} others since the last such line", what, client, unsaid);
    } else {
      logger_.warning("{} came from {}", what, client);
    }
  }

 private:
  const Clock& clock_;
  const Logger& logger_;
  std::atomic<std::int64_t> next_ns_{INT64_MIN};
  std::atomic<std::uint64_t> unsaid_{0};
};

}  // namespace vibrato::server
