// The memory that the connections of one database share while it is in WAL mode: the index of the write-ahead log, in
// regions, and SQLite's locks on it. It is on the heap: other processes are kept out by the lock on the data folder.
// Invariant: of each lock, many holders of a share, or one holder of it alone.
// Source: https://www.sqlite.org/walformat.html, section 2. Only the Vfs uses it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace vibrato::sqlite {

// Thread-safety: all methods may be called from many threads at once, each holder from one.
class SharedMemory {
 public:
  static constexpr std::size_t kLocks = 8;

  // What one connection holds.
  struct Holder {
    bool is_user = false;
    std::uint32_t shared = 0;     // A bit for each lock.
    std::uint32_t exclusive = 0;  // The same.
  };

  // Region `index` of `bytes` bytes, made of zeros if `make` says so; null if it is not there. It stays where it is as
  // long as anyone uses the memory. Requires: the same `bytes` in all calls. Throws std::bad_alloc.
  [[nodiscard]] std::byte* region(Holder& holder, std::size_t index, std::size_t bytes, bool make);

  // Locks `first` to `first + count`, all or none; false when another is in the way. What is held stays held.
  [[nodiscard]] bool acquire_shared(Holder& holder, std::size_t first, std::size_t count);
  [[nodiscard]] bool acquire_exclusive(Holder& holder, std::size_t first, std::size_t count);
  void release(Holder& holder, std::size_t first, std::size_t count);

  // The holder lets go of everything. The last one to leave takes the regions with it: the next one makes them anew
  // from the log.
  void leave(Holder& holder);

  // All that was written to the regions before it by this thread is seen by those who pass it afterwards.
  void barrier();

 private:
  struct Lock {
    std::uint32_t shares = 0;
    bool is_exclusive = false;
  };

  void release_locked(Holder& holder, std::size_t first, std::size_t count);

  std::mutex mutex_;  // Guards the members below, not the content of the regions.
  std::size_t users_ = 0;
  std::vector<std::unique_ptr<std::byte[]>> regions_;
  std::array<Lock, kLocks> locks_{};
};

}  // namespace vibrato::sqlite
