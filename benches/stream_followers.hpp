// Many clients that follow the stream of events of a server on this machine, on one thread: they count what comes, and
// how late.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>
#include <vibrato/result.hpp>

namespace vibrato::bench {

// Nanoseconds of the clock by which delays are measured.
[[nodiscard]] std::int64_t now_ns();

struct DelayReport {
  std::uint64_t events = 0;  // Over all followers.
  std::uint64_t fewest = 0;  // Of one follower.
  double median_ms = 0;      // From the time in the event to its arrival.
  double p99_ms = 0;
};

// Not thread-safe.
class StreamFollowers {
 public:
  // Connects and waits for the heads of the answers; what was before `since` is not sent. With `delays` events must
  // have the member "t" with the nanoseconds at which they were made. Errors: kIoError.
  [[nodiscard]] static Result<std::unique_ptr<StreamFollowers>> start(std::uint16_t port, const std::string& key,
                                                                      std::uint64_t since, unsigned count, bool delays);
  // Closes the connections.
  ~StreamFollowers();
  StreamFollowers(const StreamFollowers&) = delete;
  StreamFollowers& operator=(const StreamFollowers&) = delete;

  // Waits until each has `events`, for a bounded time, then ends. Errors: kIoError when a connection ended.
  [[nodiscard]] Result<DelayReport> finish(std::uint64_t events, double seconds_max);

 private:
  struct Follower {
    int socket = -1;
    std::uint64_t events = 0;
    std::string rest;  // Of an event that is not whole yet.
  };

  StreamFollowers() = default;
  void run();
  void take(Follower& follower, std::int64_t at_ns);

  bool delays_ = false;
  int epoll_ = -1;
  std::vector<Follower> followers_;
  std::vector<std::uint32_t> delays_us_;
  std::atomic<std::uint64_t> fewest_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> broken_{false};
  std::thread thread_;
};

}  // namespace vibrato::bench
