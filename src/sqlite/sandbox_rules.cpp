#include "sqlite/sandbox_rules.hpp"

#include <algorithm>
#include <array>
#include <sqlite3.h>

namespace vibrato::sqlite {
namespace {

// Of one statement. Views that use views twice each grow without end; this ends them.
constexpr std::uint32_t kQuestionsMax = 500'000;
constexpr std::uintptr_t kStackBytesMax = 1 << 20;  // Of triggers that reach triggers; a thread has 8 MiB.

// Sorted: FunctionUse::kAnywhere.
constexpr auto kFunctions = std::to_array<std::string_view>({
    "->",
    "->>",
    "abs",
    "avg",
    "ceil",
    "ceiling",
    "char",
    "coalesce",
    "count",
    "cume_dist",
    "current_date",
    "current_time",
    "current_timestamp",
    "date",
    "datetime",
    "dense_rank",
    "first_value",
    "floor",
    "format",
    "glob",
    "group_concat",
    "hex",
    "ifnull",
    "iif",
    "instr",
    "json",
    "json_array",
    "json_array_length",
    "json_extract",
    "json_group_array",
    "json_group_object",
    "json_insert",
    "json_object",
    "json_patch",
    "json_quote",
    "json_remove",
    "json_replace",
    "json_set",
    "json_type",
    "json_valid",
    "julianday",
    "lag",
    "last_value",
    "lead",
    "length",
    "like",
    "likelihood",
    "likely",
    "lower",
    "ltrim",
    "max",
    "min",
    "mod",
    "nth_value",
    "ntile",
    "nullif",
    "percent_rank",
    "printf",
    "quote",
    "random",
    "randomblob",
    "rank",
    "replace",
    "round",
    "row_number",
    "rtrim",
    "sign",
    "sqrt",
    "strftime",
    "substr",
    "substring",
    "sum",
    "time",
    "total",
    "trim",
    "trunc",
    "typeof",
    "unicode",
    "unixepoch",
    "unlikely",
    "upper",
    "zeroblob",
});
// Sorted: FunctionUse::kInQueries.
constexpr auto kReadingFunctions = std::to_array<std::string_view>({
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh",   "cos", "cosh", "degrees",        "exp", "ln",
    "log",  "log10", "log2", "pi",    "pow",  "power", "radians", "sin", "sinh", "sqlite_version", "tan", "tanh",
});
static_assert(std::ranges::is_sorted(kFunctions) && std::ranges::is_sorted(kReadingFunctions));

// What ALTER TABLE calls for itself; SQLite lets nobody else call them.
bool belongs_to_alter(std::string_view function) {
  return function.starts_with("sqlite_rename_") || function == "sqlite_drop_column" || function == "sqlite_fail";
}

std::string_view name_of(int action) {
  switch (action) {
    case SQLITE_ATTACH:
      return "ATTACH";
    case SQLITE_DETACH:
      return "DETACH";
    case SQLITE_PRAGMA:
      return "PRAGMA";
    case SQLITE_TRANSACTION:
      return "BEGIN, COMMIT and ROLLBACK";
    case SQLITE_SAVEPOINT:
      return "SAVEPOINT";
    case SQLITE_ANALYZE:
      return "ANALYZE";
    case SQLITE_CREATE_VTABLE:
    case SQLITE_DROP_VTABLE:
      return "a virtual table";
    case SQLITE_CREATE_TEMP_INDEX:
    case SQLITE_CREATE_TEMP_TABLE:
    case SQLITE_CREATE_TEMP_TRIGGER:
    case SQLITE_CREATE_TEMP_VIEW:
    case SQLITE_DROP_TEMP_INDEX:
    case SQLITE_DROP_TEMP_TABLE:
    case SQLITE_DROP_TEMP_TRIGGER:
    case SQLITE_DROP_TEMP_VIEW:
      return "a temporary table, index, view or trigger";
    default:
      return "this kind of statement";
  }
}

bool is_schema_change(int action) {
  switch (action) {
    case SQLITE_CREATE_INDEX:
    case SQLITE_CREATE_TABLE:
    case SQLITE_CREATE_TRIGGER:
    case SQLITE_CREATE_VIEW:
    case SQLITE_DROP_INDEX:
    case SQLITE_DROP_TABLE:
    case SQLITE_DROP_TRIGGER:
    case SQLITE_DROP_VIEW:
    case SQLITE_ALTER_TABLE:
    case SQLITE_REINDEX:
      return true;
    default:
      return false;
  }
}

// It grows downwards.
std::uintptr_t stack_now() {
  return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

std::string_view view_of(const char* text) {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

int ask(void* self, int action, const char* first, const char* second, const char* database, const char*) noexcept {
  auto& rules = *static_cast<SandboxRules*>(self);
  return rules.allows(action, view_of(first), view_of(second), view_of(database)) ? SQLITE_OK : SQLITE_DENY;
}

}  // namespace

FunctionUse use_of_function(std::string_view name) {
  const std::string wanted = lower(name);
  if (std::ranges::binary_search(kFunctions, wanted)) {
    return FunctionUse::kAnywhere;
  }
  return std::ranges::binary_search(kReadingFunctions, wanted) ? FunctionUse::kInQueries : FunctionUse::kNone;
}

void SandboxRules::attach(sqlite3* database) {
  sqlite3_set_authorizer(database, ask, this);
}

void SandboxRules::begin(SandboxAccess access) {
  access_ = access;
  questions_ = 0;
  changes_schema_ = false;
  alters_ = false;
  refusal_.clear();
  stack_begin_ = stack_now();
}

bool SandboxRules::allows(int action, std::string_view first, std::string_view second, std::string_view database) {
  if (access_ == SandboxAccess::kTrusted) {
    return true;
  }
  if (++questions_ > kQuestionsMax) {
    return refuse("sql: the statement reaches too many tables, views and columns");
  }
  if (budget_.is_spent()) {
    return false;
  }
  if (stack_begin_ - stack_now() > kStackBytesMax) {
    return refuse("sql: the statement reaches too many triggers or references, each by another");
  }
  // ALTER TABLE names the database in another place.
  const std::string_view where = action == SQLITE_ALTER_TABLE ? first : database;
  if (action == SQLITE_PRAGMA && alters_ && first == "quick_check") {
    return true;  // Of a column that is added with a rule.
  }
  if (action == SQLITE_ATTACH || action == SQLITE_DETACH || action == SQLITE_PRAGMA) {
    return refuse("sql: " + std::string(name_of(action)) + " is not allowed here");
  }
  // ALTER TABLE goes through the schema of temporary tables too, which is empty here.
  const bool is_empty_schema =
      alters_ && where == "temp" && first == "sqlite_temp_master" && (action == SQLITE_READ || action == SQLITE_UPDATE);
  if (!where.empty() && where != "main" && !is_empty_schema) {
    return refuse("sql: temporary tables and other databases are not allowed here");
  }
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_RECURSIVE:
      return true;
    case SQLITE_READ:
      return allows_read(first);
    case SQLITE_FUNCTION:
      return allows_function(second);
    default:
      return allows_change(action, first);
  }
}

bool SandboxRules::allows_read(std::string_view table) {
  const std::string name = lower(table);
  if (name.starts_with("pragma_") && !(alters_ && name == "pragma_quick_check")) {
    return refuse("sql: PRAGMA is not allowed here, nor are its functions");
  }
  return true;
}

bool SandboxRules::allows_function(std::string_view name) {
  const FunctionUse use = use_of_function(name);
  if (use == FunctionUse::kAnywhere || (alters_ && belongs_to_alter(lower(name)))) {
    return true;
  }
  if (use == FunctionUse::kInQueries) {
    return access_ == SandboxAccess::kRead ||
           refuse("sql: the function " + std::string(name) + std::string(kMayAnswerOtherwise));
  }
  return refuse("sql: the function " + std::string(name) + " is not allowed here");
}

bool SandboxRules::allows_change(int action, std::string_view name) {
  const bool is_change =
      action == SQLITE_INSERT || action == SQLITE_UPDATE || action == SQLITE_DELETE || is_schema_change(action);
  // ANALYZE asks for this before it asks for itself.
  const bool is_statistics = action == SQLITE_CREATE_TABLE && lower(name).starts_with("sqlite_stat");
  if (!is_change || is_statistics) {
    return refuse("sql: " + std::string(name_of(action)) + " is not allowed here");
  }
  if (access_ != SandboxAccess::kWrite) {
    return refuse("sql: a query only reads; use exec for a statement that changes something");
  }
  changes_schema_ = changes_schema_ || is_schema_change(action);
  alters_ = alters_ || action == SQLITE_ALTER_TABLE;
  return true;
}

bool SandboxRules::refuse(std::string reason) {
  if (refusal_.empty()) {
    refusal_ = std::move(reason);
  }
  return false;
}

}  // namespace vibrato::sqlite
