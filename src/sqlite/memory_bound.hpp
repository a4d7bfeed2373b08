// A bound on what SQLite allocates on one thread, exact and hard: past it an allocation fails, wherever SQLite is. Its
// own bound (sqlite3_hard_heap_limit64) is one for the process: a stranger who reaches it would fail everyone else.
// Used by the sandbox.
#pragma once

#include <cstdint>

namespace vibrato::sqlite {

// Makes SQLite ask for its memory here. Before anything else is asked of SQLite; later calls do nothing.
void count_memory_of_sqlite();

// Thread-safety: that of the sandbox. What is freed counts against what was taken, whoever took it.
class MemoryBound {
 public:
  MemoryBound() = default;
  MemoryBound(const MemoryBound&) = delete;
  MemoryBound& operator=(const MemoryBound&) = delete;
  ~MemoryBound() { lift(); }

  // Counts this thread's memory from 0, up to `bytes_max`.
  void begin(std::uint64_t bytes_max);
  // On the thread of begin(). No-op without one.
  void lift();
  // Whether memory was refused since begin().
  [[nodiscard]] bool was_reached() const { return was_reached_; }

  // An allocation of SQLite on this thread: whether there may be one of `bytes` more, and that it was made.
  [[nodiscard]] bool allows(std::int64_t bytes);
  void note(std::int64_t bytes) { used_ += bytes; }

 private:
  std::int64_t used_ = 0;
  std::int64_t bytes_max_ = 0;
  bool was_reached_ = false;
};

}  // namespace vibrato::sqlite
