// SQLite's locks on one database file, among the connections of one Vfs. They live in memory: other processes are kept
// out by the lock on the data folder (io::FileSystem::lock_directory).
// Invariant: many holders of kShared, or one holder of kExclusive alone; at most one of kReserved or above.
// Source: https://www.sqlite.org/lockingv3.html. Only the Vfs uses it.
#pragma once

#include <cstdint>
#include <mutex>

namespace vibrato::sqlite {

// In SQLite's order and with its numbers.
enum class LockLevel : std::uint8_t { kNone = 0, kShared = 1, kReserved = 2, kPending = 3, kExclusive = 4 };

// Thread-safety: all methods may be called from many threads at once, each holder from one.
class FileLocks {
 public:
  // What one connection holds.
  struct Holder {
    LockLevel level = LockLevel::kNone;
  };

  // Raises `holder` to `level` and returns true, or returns false when another is in the way. A holder that waits
  // for kExclusive keeps kPending, which lets no new readers in.
  [[nodiscard]] bool acquire(Holder& holder, LockLevel level);
  // Lowers `holder` to kShared or kNone.
  void release(Holder& holder, LockLevel level);
  // Whether anyone holds kReserved or above.
  [[nodiscard]] bool is_reserved() const;

 private:
  mutable std::mutex mutex_;
  std::uint32_t shared_count_ = 0;     // Holders of kShared or above.
  const Holder* writer_ = nullptr;     // The holder of kReserved or above.
  bool is_closed_to_readers_ = false;  // The writer holds kPending or above.
};

}  // namespace vibrato::sqlite
