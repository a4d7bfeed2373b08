// SQL functions that the sandbox puts in the place of SQLite's own, under their names:
//   - random, randomblob: made of the run's seed;
//   - date, time, datetime, julianday, unixepoch, strftime and CURRENT_...: `now` is the run's time; 'localtime' and
//     'utc' are refused, since they ask for the machine's time zone;
//   - instr, replace, trim, ltrim, rtrim, json_patch, like, glob: their work grows with the product of two lengths, so
//     that has a bound, and the budget is looked at.
// Used by the sandbox.
#pragma once

#include <cstdint>
#include <memory>
#include <vibrato/status.hpp>

#include "sqlite/sandbox_budget.hpp"

struct sqlite3;

namespace vibrato::sqlite {

// Thread-safety: that of the sandbox, which it outlives.
class SandboxFunctions {
 public:
  explicit SandboxFunctions(SandboxBudget& budget);
  ~SandboxFunctions();
  SandboxFunctions(const SandboxFunctions&) = delete;
  SandboxFunctions& operator=(const SandboxFunctions&) = delete;

  // Errors: kInternal.
  [[nodiscard]] Status attach(sqlite3* database);
  // For the run that begins.
  void begin(std::int64_t time_ms, std::uint64_t seed);

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace vibrato::sqlite
