// The folder of segment files that no catalog row named at a start. They are kept for whoever misses them, and go by
// age, number and size.
//
// Invariant: only files with names that the database gave (vector/segment_files.hpp) are counted and removed.
#pragma once

#include <cstdint>
#include <string>

#include "base/logging.hpp"
#include "base/metrics.hpp"
#include "io/file_system.hpp"

namespace vibrato::engine {

// Thread-safety: one thread at a time.
class Quarantine {
 public:
  struct Limits {
    std::int64_t ttl_ms = 0;  // How long a file stays at most.
    std::uint64_t files_max = 0;
    std::uint64_t bytes_max = 0;
  };

  // All outlive it. Counts what the two bounds remove, not what is too old.
  Quarantine(io::FileSystem& fs, std::string folder, const Limits& limits, const Logger& logger,
             MetricsRegistry& metrics);

  // Removes what is too old, then the oldest until both bounds are kept. A file that cannot be removed stays for the
  // next call.
  void trim(std::int64_t now_ms);

 private:
  [[nodiscard]] bool remove(const std::string& name) const;

  io::FileSystem& fs_;
  const std::string folder_;
  const Limits limits_;
  const Logger& logger_;
  Counter& evictions_;
};

}  // namespace vibrato::engine
