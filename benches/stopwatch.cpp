#include "stopwatch.hpp"

#include <ctime>

namespace vibrato::bench {

std::int64_t Stopwatch::now_ns(TimeKind kind) {
  timespec time{};
  clock_gettime(kind == TimeKind::kWall ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace vibrato::bench
