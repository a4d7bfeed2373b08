// What the database does when its disk is full: a reserve file, whose space is given up so that deletes, checkpoints
// and merges that shrink can go on, and a flag that refuses other writes until there is room again.
//
// Invariant: while is_full() is false the reserve is there (or could not be made yet), its blocks really allocated.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vibrato/status.hpp>

#include "base/logging.hpp"
#include "io/file_system.hpp"

namespace vibrato::engine {

// What is free beside the reserve when writes are taken again.
inline constexpr std::uint64_t kDiskMarginBytes = std::uint64_t{16} * 1024 * 1024;

// Thread-safety: all methods may be called from many threads at once.
class DiskSpace {
 public:
  // `reserve_bytes` 0: no reserve, but the flag. `fs` and `logger` outlive it.
  DiskSpace(io::FileSystem& fs, std::string folder, std::uint64_t reserve_bytes, const Logger& logger);

  // Before anything else is written at start: gives the reserve up if the disk is full, else makes it.
  void prepare();
  // Somebody was answered kDiskFull. True if the reserve was given up now: trying again may succeed.
  bool report_full();
  // Looks whether there is room again: for the reserve, unless it is there, and kDiskMarginBytes. Called once a second
  // or so.
  void probe();

  // What is free now; 0 if the file system does not tell.
  [[nodiscard]] std::uint64_t free_bytes() const;
  [[nodiscard]] bool is_full() const { return full_.load(std::memory_order_relaxed); }
  // kDiskFull while it is.
  [[nodiscard]] Status check() const;

 private:
  // All require mutex_.
  [[nodiscard]] bool has_reserve() const { return has_reserve_ || reserve_bytes_ == 0; }
  // What must be free to take writes again.
  [[nodiscard]] std::uint64_t room_bytes() const;
  [[nodiscard]] Status make_reserve();
  [[nodiscard]] bool release_reserve();

  io::FileSystem& fs_;
  const std::string folder_;
  const std::uint64_t reserve_bytes_;
  const Logger& logger_;
  std::atomic<bool> full_ = false;
  std::mutex mutex_;  // Guards the file.
  bool has_reserve_ = false;
};

}  // namespace vibrato::engine
