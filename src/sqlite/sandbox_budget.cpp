#include "sqlite/sandbox_budget.hpp"

#include <sqlite3.h>
#include <string>

#include "sqlite/sandbox.hpp"

namespace vibrato::sqlite {

void SandboxBudget::begin(const SandboxRun& run) {
  clock_ = run.clock;
  deadline_ns_ = run.deadline_ns;
  memory_bytes_max_ = run.memory_bytes_max;
  memory_end_ = run.memory_bytes_max == 0 ? 0 : sqlite3_memory_used() + static_cast<std::int64_t>(run.memory_bytes_max);
  why_ = ok_status();
  if (run.memory_bytes_max != 0) {
    memory_.begin(run.memory_bytes_max);
  }
}

void SandboxBudget::lift() {
  memory_.lift();
  clock_ = nullptr;
  memory_end_ = 0;
  why_ = ok_status();
}

bool SandboxBudget::is_spent() {
  if (!why_.ok()) {
    return true;
  }
  if (clock_ != nullptr && clock_->monotonic_ns() >= deadline_ns_) {
    why_ = Status(ErrorCode::kTimeout, "sql: the statement was not done within its deadline; let it do less at once");
  } else if (memory_end_ != 0 && (memory_.was_reached() || sqlite3_memory_used() > memory_end_)) {
    // Of all connections: others count too, which errs on the safe side.
    note_memory();
  }
  return !why_.ok();
}

const Status& SandboxBudget::why() {
  if (why_.ok() && memory_end_ != 0 && memory_.was_reached()) {
    note_memory();
  }
  return why_;
}

void SandboxBudget::note_memory() {
  why_ = invalid_argument("sql: the statement takes more than " + std::to_string(memory_bytes_max_ >> 20) +
                          " MiB of memory; let it do less at once");
}

}  // namespace vibrato::sqlite
