// What one statement of a stranger may take: time and memory. Time is looked at every so many steps of it; memory too,
// that of all connections, and its own at each allocation. Used by the sandbox.
#pragma once

#include <cstdint>
#include <vibrato/status.hpp>

#include "base/clock.hpp"
#include "sqlite/memory_bound.hpp"

namespace vibrato::sqlite {

struct SandboxRun;

// Thread-safety: that of the sandbox.
class SandboxBudget {
 public:
  // A new run, from here on, on this thread.
  void begin(const SandboxRun& run);
  // No bounds: for what the program itself runs.
  void lift();
  // Whether the run must end; stays so.
  [[nodiscard]] bool is_spent();
  // kTimeout or kInvalidArgument once it is spent, or memory was refused; what came of the run is worth nothing then.
  [[nodiscard]] const Status& why();

 private:
  void note_memory();

  const Clock* clock_ = nullptr;
  std::int64_t deadline_ns_ = 0;
  std::int64_t memory_end_ = 0;  // 0: no bound.
  std::uint64_t memory_bytes_max_ = 0;
  MemoryBound memory_;
  Status why_;
};

}  // namespace vibrato::sqlite
