// SQL functions that the sandbox puts in the place of SQLite's own, under their names:
//   - random, randomblob: made of the run's seed;
//   - date, time, datetime, julianday, unixepoch, strftime and CURRENT_...: `now` is the run's time; 'localtime' and
//     'utc' are refused, since they ask for the machine's time zone;
//   - instr, replace, trim, ltrim, rtrim, json_patch, like, glob: their work grows with the product of two lengths, so
//     that has a bound, and the budget is looked at;
//   - format, printf: past the length of values they answer NULL, and that length differs from run to run
//   (sandbox.cpp);
//   - those of JSON: one call reads all of it, once or for each path, so the budget is looked at before each;
//   - those of sandbox_rules.hpp that are for queries only, or not allowed: they fail. SQLite asks the rules of each
//     function that it resolves, but those of a column's DEFAULT it never resolves.
// Used by the sandbox.
#pragma once

#include <cstdint>
#include <memory>
#include <vibrato/status.hpp>

#include "sqlite/sandbox_budget.hpp"
#include "sqlite/sandbox_rules.hpp"

struct sqlite3;

namespace vibrato::sqlite {

// Thread-safety: that of the sandbox, which it outlives.
class SandboxFunctions {
 public:
  explicit SandboxFunctions(SandboxBudget& budget);
  ~SandboxFunctions();
  SandboxFunctions(const SandboxFunctions&) = delete;
  SandboxFunctions& operator=(const SandboxFunctions&) = delete;

  // Before the rules are. Errors: kInternal.
  [[nodiscard]] Status attach(sqlite3* database);
  // For the run that begins.
  void begin(SandboxAccess access, const SandboxRun& run);

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace vibrato::sqlite
