// SQLite's own functions do the work behind the checks, on a database in memory that holds nothing and whose clock is
// the run's time.
#include "sqlite/sandbox_functions.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <list>
#include <map>
#include <sqlite3.h>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>
#include <vibrato/result.hpp>

#include "base/limits.hpp"
#include "sqlite/sandbox.hpp"
#include "sqlite/sandbox_rules.hpp"

namespace vibrato::sqlite {
namespace {

constexpr std::int64_t kUnixEpochJulianMs = 210'866'760'000'000;
constexpr std::uint64_t kLengthProductMax = std::uint64_t{1} << 26;
constexpr std::size_t kPatternBytesMax = 1000;
constexpr std::size_t kStatementsMax = 256;  // Of wrapped functions, that are kept for the next call.

enum class Kind : std::uint8_t {
  kTime,
  kCurrent,
  kPlain,
  kProduct,    // Work that grows with the product of the first two lengths.
  kJson,       // JSON as a whole.
  kJsonPaths,  // JSON that is gone through once for each argument.
  kReading,    // For queries only.
};

struct Wrapped {
  std::string_view name;
  int arguments;  // -1: any number.
  Kind kind;
};

constexpr auto kWrapped = std::to_array<Wrapped>({
    {"date", -1, Kind::kTime},
    {"time", -1, Kind::kTime},
    {"datetime", -1, Kind::kTime},
    {"julianday", -1, Kind::kTime},
    {"unixepoch", -1, Kind::kTime},
    {"strftime", -1, Kind::kTime},
    {"current_date", 0, Kind::kCurrent},
    {"current_time", 0, Kind::kCurrent},
    {"current_timestamp", 0, Kind::kCurrent},
    {"instr", 2, Kind::kProduct},
    {"replace", 3, Kind::kProduct},
    {"trim", 1, Kind::kProduct},
    {"trim", 2, Kind::kProduct},
    {"ltrim", 1, Kind::kProduct},
    {"ltrim", 2, Kind::kProduct},
    {"rtrim", 1, Kind::kProduct},
    {"rtrim", 2, Kind::kProduct},
    {"json_patch", 2, Kind::kProduct},
    {"format", -1, Kind::kPlain},
    {"printf", -1, Kind::kPlain},
    {"->", 2, Kind::kJson},
    {"->>", 2, Kind::kJson},
    {"json", 1, Kind::kJson},
    {"json_array", -1, Kind::kJson},
    {"json_array_length", 1, Kind::kJson},
    {"json_array_length", 2, Kind::kJson},
    {"json_extract", -1, Kind::kJsonPaths},
    {"json_insert", -1, Kind::kJsonPaths},
    {"json_object", -1, Kind::kJson},
    {"json_quote", 1, Kind::kJson},
    {"json_remove", -1, Kind::kJsonPaths},
    {"json_replace", -1, Kind::kJsonPaths},
    {"json_set", -1, Kind::kJsonPaths},
    {"json_type", 1, Kind::kJson},
    {"json_type", 2, Kind::kJson},
    {"json_valid", 1, Kind::kJson},
});

// Which arguments are JSON by their subtype, a bit each.
using Marks = std::array<std::uint64_t, 2>;
constexpr int kArgumentsMax = 127;  // SQLite's own.
static_assert(kArgumentsMax <= 64 * static_cast<int>(Marks().size()));

// SQLite's way to the system, but for the time.
struct TimeVfs : sqlite3_vfs {
  std::int64_t time_ms = 0;
  std::string own_name;
};

int time_now(sqlite3_vfs* handle, sqlite3_int64* out) noexcept {
  *out = kUnixEpochJulianMs + static_cast<TimeVfs*>(handle)->time_ms;
  return SQLITE_OK;
}

int days_now(sqlite3_vfs* handle, double* out) noexcept {
  constexpr double kMsOfDay = 86'400'000.0;
  *out = static_cast<double>(kUnixEpochJulianMs + static_cast<TimeVfs*>(handle)->time_ms) / kMsOfDay;
  return SQLITE_OK;
}

bool asks_for_time_zone(sqlite3_value* value) {
  const auto* const text = reinterpret_cast<const char*>(sqlite3_value_text(value));
  return text != nullptr && (sqlite3_stricmp(text, "localtime") == 0 || sqlite3_stricmp(text, "utc") == 0);
}

std::uint64_t bytes_of(sqlite3_value* value) {
  return static_cast<std::uint64_t>(sqlite3_value_bytes(value));
}

}  // namespace

struct SandboxFunctions::State {
  explicit State(SandboxBudget& limits) : budget(limits) {}

  // What SQLite hands back with each call of a function that was put in the place of its own.
  struct Call {
    State* state;
    std::string name;
    Kind kind;
  };
  using Key = std::tuple<const Call*, int, Marks>;

  std::uint64_t next_random();
  // Null after an error, which `context` has then.
  sqlite3_stmt* statement_of(const Call& call, int arguments, const Marks& json, sqlite3_context* context);
  void drop_statements();

  SandboxBudget& budget;
  SandboxAccess access = SandboxAccess::kTrusted;
  bool is_logged = false;
  std::uint64_t random_state = 0;
  TimeVfs vfs;
  sqlite3* inner = nullptr;
  std::map<Key, sqlite3_stmt*> statements;
  std::list<Call> calls;
};

namespace {

using State = SandboxFunctions::State;

// Whether the run may go on; else the function has failed.
bool may_go_on(State& state, sqlite3_context* context) {
  if (state.budget.is_spent()) {
    sqlite3_result_error_code(context, SQLITE_INTERRUPT);
    return false;
  }
  return true;
}

bool fail(sqlite3_context* context, const std::string& reason) {
  sqlite3_result_error(context, reason.c_str(), -1);
  return false;
}

bool check_lengths(const State::Call& call, int count, sqlite3_value** values, sqlite3_context* context) {
  std::uint64_t work = 0;
  if (call.kind == Kind::kProduct && count >= 2) {
    work = bytes_of(values[0]) * bytes_of(values[1]);
  } else if (call.kind == Kind::kJsonPaths && count >= 2 && !call.state->is_logged) {
    work = bytes_of(values[0]) * static_cast<std::uint64_t>(count);
  }
  return work <= kLengthProductMax || fail(context, "the arguments of " + call.name + " are too long");
}

bool check_arguments(const State::Call& call, int count, sqlite3_value** values, sqlite3_context* context) {
  if (call.kind == Kind::kReading) {
    return call.state->access != SandboxAccess::kWrite ||
           fail(context, "the function " + call.name + std::string(kMayAnswerOtherwise));
  }
  if (call.kind != Kind::kTime) {
    return check_lengths(call, count, values, context);
  }
  for (int i = 0; i < count; ++i) {
    if (asks_for_time_zone(values[i])) {
      return fail(context, "'localtime' and 'utc' are not allowed here: times are UTC");
    }
  }
  return true;
}

Marks json_among(Kind kind, int count, sqlite3_value** values) {
  Marks json{};
  const bool asks_for_it = kind == Kind::kJson || kind == Kind::kJsonPaths;
  for (int i = 0; asks_for_it && i < count; ++i) {
    const bool is_json = sqlite3_value_type(values[i]) == SQLITE_TEXT && sqlite3_value_subtype(values[i]) != 0;
    json[static_cast<std::size_t>(i) / 64] |= std::uint64_t{is_json ? 1U : 0U} << (i % 64);
  }
  return json;
}

bool is_marked(const Marks& json, int argument) {
  return ((json[static_cast<std::size_t>(argument) / 64] >> (argument % 64)) & 1U) != 0;
}

void run_wrapped(sqlite3_context* context, int count, sqlite3_value** values) noexcept {
  const auto& call = *static_cast<const State::Call*>(sqlite3_user_data(context));
  if (!may_go_on(*call.state, context) || !check_arguments(call, count, values, context)) {
    return;
  }
  sqlite3_stmt* const statement = call.state->statement_of(call, count, json_among(call.kind, count, values), context);
  if (statement == nullptr) {
    return;
  }
  int code = SQLITE_OK;
  for (int i = 0; i < count && code == SQLITE_OK; ++i) {
    code = sqlite3_bind_value(statement, i + 1, values[i]);
  }
  if (code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
    sqlite3_value* const value = sqlite3_column_value(statement, 0);
    sqlite3_result_value(context, value);
    if (const unsigned int subtype = sqlite3_value_subtype(value); subtype != 0) {
      sqlite3_result_subtype(context, subtype);
    }
  } else if (sqlite3_errcode(call.state->inner) == SQLITE_TOOBIG) {
    sqlite3_result_error_toobig(context);
  } else {
    sqlite3_result_error(context, sqlite3_errmsg(call.state->inner), -1);
  }
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
}

void refuse(sqlite3_context* context, int, sqlite3_value**) noexcept {
  const auto& call = *static_cast<const State::Call*>(sqlite3_user_data(context));
  fail(context, "the function " + call.name + " is not allowed here");
}

void random_number(sqlite3_context* context, int, sqlite3_value**) noexcept {
  auto& state = *static_cast<State*>(sqlite3_user_data(context));
  sqlite3_result_int64(context, static_cast<sqlite3_int64>(state.next_random()));
}

void random_bytes(sqlite3_context* context, int, sqlite3_value** values) noexcept {
  auto& state = *static_cast<State*>(sqlite3_user_data(context));
  const sqlite3_int64 wanted = std::max<sqlite3_int64>(sqlite3_value_int64(values[0]), 1);
  if (!may_go_on(state, context)) {
    return;
  }
  if (static_cast<std::uint64_t>(wanted) > limits::kSqlValueBytesMax) {
    sqlite3_result_error_toobig(context);
    return;
  }
  std::string bytes;
  while (bytes.size() < static_cast<std::size_t>(wanted)) {
    const std::uint64_t word = state.next_random();
    for (int shift = 0; shift < 64; shift += 8) {
      bytes.push_back(static_cast<char>((word >> shift) & 0xff));
    }
  }
  sqlite3_result_blob(context, bytes.data(), static_cast<int>(wanted), SQLITE_TRANSIENT);
}

// The character of ESCAPE, 0 for none; false after an error.
bool read_escape(sqlite3_context* context, sqlite3_value* value, unsigned int& escape) {
  const auto* const text = sqlite3_value_text(value);
  const int bytes = sqlite3_value_bytes(value);
  if (text == nullptr || bytes != 1 || text[0] >= 0x80) {
    sqlite3_result_error(context, "ESCAPE must be one ASCII character", -1);
    return false;
  }
  escape = text[0];
  return true;
}

// x LIKE y is like(y, x).
void match(sqlite3_context* context, int count, sqlite3_value** values, bool is_like) {
  auto& state = *static_cast<State*>(sqlite3_user_data(context));
  if (!may_go_on(state, context)) {
    return;
  }
  const auto* const pattern = reinterpret_cast<const char*>(sqlite3_value_text(values[0]));
  const auto* const text = reinterpret_cast<const char*>(sqlite3_value_text(values[1]));
  if (pattern == nullptr || text == nullptr || (count == 3 && sqlite3_value_type(values[2]) == SQLITE_NULL)) {
    return;  // NULL.
  }
  if (bytes_of(values[0]) > kPatternBytesMax || bytes_of(values[0]) * bytes_of(values[1]) > kLengthProductMax) {
    sqlite3_result_error(context, "LIKE or GLOB pattern too complex", -1);
    return;
  }
  unsigned int escape = 0;
  if (count == 3 && !read_escape(context, values[2], escape)) {
    return;
  }
  const int difference = is_like ? sqlite3_strlike(pattern, text, escape) : sqlite3_strglob(pattern, text);
  sqlite3_result_int(context, difference == 0 ? 1 : 0);
}

// A function as SQLite lists it.
struct Listed {
  std::string name;
  int arguments;
  int flags;
};

// All that the connection has, those that SQLite keeps for itself too: a DEFAULT reaches them.
Result<std::vector<Listed>> list_functions(sqlite3* database) {
  constexpr int kNameColumn = 0;
  constexpr int kArgumentsColumn = 4;
  constexpr int kFlagsColumn = 5;
  const auto switch_internal = [&] { sqlite3_test_control(SQLITE_TESTCTRL_INTERNAL_FUNCTIONS, database); };
  std::vector<Listed> listed;
  sqlite3_stmt* statement = nullptr;
  switch_internal();
  int code = sqlite3_prepare_v2(database, "PRAGMA function_list", -1, &statement, nullptr);
  while (code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
    listed.push_back({reinterpret_cast<const char*>(sqlite3_column_text(statement, kNameColumn)),
                      sqlite3_column_int(statement, kArgumentsColumn), sqlite3_column_int(statement, kFlagsColumn)});
  }
  code = sqlite3_finalize(statement);
  switch_internal();
  if (code != SQLITE_OK || std::ranges::find(listed, "total_changes", &Listed::name) == listed.end()) {
    return Status(ErrorCode::kInternal, "SQLite does not list its functions");
  }
  return listed;
}

void like(sqlite3_context* context, int count, sqlite3_value** values) noexcept {
  match(context, count, values, true);
}

void glob(sqlite3_context* context, int count, sqlite3_value** values) noexcept {
  match(context, count, values, false);
}

}  // namespace

// splitmix64. Part of what a record means: it must never change.
std::uint64_t SandboxFunctions::State::next_random() {
  random_state += 0x9e3779b97f4a7c15;
  std::uint64_t word = random_state;
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
  word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
  return word ^ (word >> 31);
}

sqlite3_stmt* SandboxFunctions::State::statement_of(const Call& call, int arguments, const Marks& json,
                                                    sqlite3_context* context) {
  const Key key(&call, arguments, json);
  if (const auto known = statements.find(key); known != statements.end()) {
    return known->second;
  }
  std::string sql = "SELECT " + (call.kind == Kind::kCurrent ? call.name : "\"" + call.name + "\"(");
  for (int i = 0; i < arguments; ++i) {
    // A value that is bound has no subtype.
    sql += std::string(i == 0 ? "" : ",") + (is_marked(json, i) ? "json(?)" : "?");
  }
  sql += call.kind == Kind::kCurrent ? "" : ")";
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(inner, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
    sqlite3_result_error(context, sqlite3_errmsg(inner), -1);
    return nullptr;
  }
  if (statements.size() >= kStatementsMax) {
    drop_statements();
  }
  statements.emplace(key, statement);
  return statement;
}

void SandboxFunctions::State::drop_statements() {
  for (const auto& [key, statement] : statements) {
    sqlite3_finalize(statement);
  }
  statements.clear();
}

SandboxFunctions::SandboxFunctions(SandboxBudget& budget) : state_(std::make_unique<State>(budget)) {
  TimeVfs& vfs = state_->vfs;
  static_cast<sqlite3_vfs&>(vfs) = *sqlite3_vfs_find("unix");
  char name[64];
  std::snprintf(name, sizeof(name), "vibrato-time-%p", static_cast<const void*>(this));
  vfs.own_name = name;
  vfs.zName = vfs.own_name.c_str();
  vfs.pNext = nullptr;
  vfs.iVersion = 2;
  vfs.xCurrentTime = days_now;
  vfs.xCurrentTimeInt64 = time_now;
  VIBRATO_CHECK(sqlite3_vfs_register(&vfs, 0) == SQLITE_OK);
}

SandboxFunctions::~SandboxFunctions() {
  state_->drop_statements();
  sqlite3_close(state_->inner);
  sqlite3_vfs_unregister(&state_->vfs);
}

// Each is as safe in a schema as SQLite's own: connections without these functions read the schema too, and one that
// they take for unsafe (in SQLite 3.40: JSON) would make the file unreadable to them.
Status SandboxFunctions::attach(sqlite3* database) {
  constexpr int kOpenFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(":memory:", &state_->inner, kOpenFlags, state_->vfs.zName) != SQLITE_OK) {
    return {ErrorCode::kInternal, "cannot open a database in memory"};
  }
  sqlite3_limit(state_->inner, SQLITE_LIMIT_LENGTH, static_cast<int>(limits::kSqlValueBytesMax));
  const Result<std::vector<Listed>> listed = list_functions(database);
  if (!listed.ok()) {
    return listed.status();
  }
  int code = SQLITE_OK;
  const auto add = [&](const std::string& name, int arguments, int flags, void* data,
                       void (*function)(sqlite3_context*, int, sqlite3_value**)) {
    const auto own = std::ranges::find(*listed, name, &Listed::name);
    const int safe = own == listed->end() ? SQLITE_INNOCUOUS : own->flags & SQLITE_INNOCUOUS;
    const int added = sqlite3_create_function_v2(database, name.c_str(), arguments, SQLITE_UTF8 | safe | flags, data,
                                                 function, nullptr, nullptr, nullptr);
    code = code == SQLITE_OK ? added : code;
  };
  const auto add_wrapped = [&](std::string_view name, int arguments, Kind kind) {
    State::Call& call = state_->calls.emplace_back(State::Call{state_.get(), std::string(name), kind});
    const bool is_pure = kind != Kind::kTime && kind != Kind::kCurrent;
    add(call.name, arguments, is_pure ? SQLITE_DETERMINISTIC : 0, &call, run_wrapped);
  };
  add("random", 0, 0, state_.get(), random_number);
  add("randomblob", 1, 0, state_.get(), random_bytes);
  add("like", 2, SQLITE_DETERMINISTIC, state_.get(), like);
  add("like", 3, SQLITE_DETERMINISTIC, state_.get(), like);
  add("glob", 2, SQLITE_DETERMINISTIC, state_.get(), glob);
  for (const Wrapped& wrapped : kWrapped) {
    add_wrapped(wrapped.name, wrapped.arguments, wrapped.kind);
  }
  for (const Listed& one : *listed) {
    const FunctionUse use = use_of_function(one.name);
    if (use == FunctionUse::kInQueries) {
      add_wrapped(one.name, one.arguments, Kind::kReading);
    } else if (use == FunctionUse::kNone) {
      State::Call& call = state_->calls.emplace_back(State::Call{state_.get(), one.name, Kind::kReading});
      add(call.name, one.arguments, 0, &call, refuse);
      add(call.name, -1, 0, &call, refuse);
    }
  }
  return code == SQLITE_OK ? ok_status() : Status(ErrorCode::kInternal, "cannot define the functions of the sandbox");
}

void SandboxFunctions::begin(SandboxAccess access, const SandboxRun& run) {
  state_->access = access;
  state_->is_logged = run.is_logged;
  state_->vfs.time_ms = run.time_ms;
  state_->random_state = run.seed;
}

}  // namespace vibrato::sqlite
