// What statements of strangers may do: a list of actions and of functions; what is not on it is refused. SQLite asks
// while it compiles a statement, and again for each view and trigger that the statement reaches. Used by the sandbox.
//
// Reading: SELECT, with or without recursion, and the functions of the list.
// Writing, besides: rows; tables, indexes, views and triggers of the database itself.
// Never: other files (ATTACH, VACUUM), settings (PRAGMA, its functions too), transactions, temporary and virtual
// tables, extensions, ANALYZE.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sqlite/sandbox_budget.hpp"

struct sqlite3;

namespace vibrato::sqlite {

enum class SandboxAccess : std::uint8_t {
  kTrusted,  // The program's own statements: all is allowed.
  kRead,
  kWrite,
};

// Where strangers may use a function.
enum class FunctionUse : std::uint8_t {
  kNone,
  kInQueries,  // Its answer depends on the library at hand.
  kAnywhere,   // Its answer depends on its arguments alone, or on the run's time and seed.
};
[[nodiscard]] FunctionUse use_of_function(std::string_view name);
inline constexpr std::string_view kMayAnswerOtherwise =
    " is not allowed in a statement that writes: it may answer otherwise when it is replayed";

// Thread-safety: that of the sandbox.
class SandboxRules {
 public:
  explicit SandboxRules(SandboxBudget& budget) : budget_(budget) {}

  // SQLite asks this object from now on.
  void attach(sqlite3* database);
  // For what is compiled from now on.
  void begin(SandboxAccess access);
  // Why the last statement was refused; empty if it was not.
  [[nodiscard]] const std::string& refusal() const { return refusal_; }
  [[nodiscard]] SandboxAccess access() const { return access_; }
  // Whether SQLite asked at all: of VACUUM it does not.
  [[nodiscard]] bool were_asked() const { return questions_ > 0; }
  [[nodiscard]] bool changes_schema() const { return changes_schema_; }
  [[nodiscard]] bool alters_table() const { return alters_; }

  // SQLite's question: whether `action` is allowed.
  [[nodiscard]] bool allows(int action, std::string_view first, std::string_view second, std::string_view database);

 private:
  bool allows_read(std::string_view table);
  bool allows_function(std::string_view name);
  bool allows_change(int action, std::string_view name);
  bool refuse(std::string reason);

  SandboxBudget& budget_;
  SandboxAccess access_ = SandboxAccess::kTrusted;
  std::uint32_t questions_ = 0;
  std::uintptr_t stack_begin_ = 0;  // Where the stack was when the statement began.
  bool changes_schema_ = false;
  bool alters_ = false;
  std::string refusal_;
};

}  // namespace vibrato::sqlite
