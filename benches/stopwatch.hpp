// Time as a bench counts it: that of the wall, or the processor time of the calling thread, which other programs on
// the machine disturb less. Processor time says nothing about latency and is no measure of work on many threads.
#pragma once

#include <cstdint>

namespace vibrato::bench {

enum class TimeKind : std::uint8_t { kWall, kProcessor };

class Stopwatch {
 public:
  explicit Stopwatch(TimeKind kind) : kind_(kind), begin_ns_(now_ns(kind)) {}
  [[nodiscard]] double seconds() const { return static_cast<double>(now_ns(kind_) - begin_ns_) * 1e-9; }

 private:
  [[nodiscard]] static std::int64_t now_ns(TimeKind kind);

  TimeKind kind_;
  std::int64_t begin_ns_;
};

}  // namespace vibrato::bench
