// SQLite's own functions do the work behind the checks, on a database in memory that holds nothing and whose clock is
// the run's time.
#include "sqlite/sandbox_functions.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <map>
#include <sqlite3.h>
#include <string>
#include <string_view>
#include <utility>
#include <vibrato/result.hpp>

#include "base/limits.hpp"

namespace vibrato::sqlite {
namespace {

constexpr std::int64_t kUnixEpochJulianMs = 210'866'760'000'000;
constexpr std::uint64_t kLengthProductMax = std::uint64_t{1} << 26;
constexpr std::size_t kPatternBytesMax = 1000;
constexpr unsigned int kJsonSubtype = 'J';

enum class Kind : std::uint8_t { kTime, kCurrent, kProduct, kJson };

struct Wrapped {
  const char* name;
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
    {"json_patch", 2, Kind::kJson},
});

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

  // What SQLite hands back with each call of a wrapped function.
  struct Call {
    State* state;
    const Wrapped* wrapped;
  };

  std::uint64_t next_random();
  // Null after an error, which `context` has then.
  sqlite3_stmt* statement_of(const Wrapped& wrapped, int arguments, sqlite3_context* context);

  SandboxBudget& budget;
  std::uint64_t random_state = 0;
  TimeVfs vfs;
  sqlite3* inner = nullptr;
  std::map<std::pair<const Wrapped*, int>, sqlite3_stmt*> statements;
  std::array<Call, kWrapped.size()> calls{};
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

bool check_arguments(const Wrapped& wrapped, int count, sqlite3_value** values, sqlite3_context* context) {
  if (wrapped.kind == Kind::kTime) {
    for (int i = 0; i < count; ++i) {
      if (asks_for_time_zone(values[i])) {
        sqlite3_result_error(context, "'localtime' and 'utc' are not allowed here: times are UTC", -1);
        return false;
      }
    }
    return true;
  }
  if (count >= 2 && bytes_of(values[0]) * bytes_of(values[1]) > kLengthProductMax) {
    sqlite3_result_error(context, (std::string("the arguments of ") + wrapped.name + " are too long").c_str(), -1);
    return false;
  }
  return true;
}

void run_wrapped(sqlite3_context* context, int count, sqlite3_value** values) noexcept {
  const auto& call = *static_cast<const State::Call*>(sqlite3_user_data(context));
  if (!may_go_on(*call.state, context) || !check_arguments(*call.wrapped, count, values, context)) {
    return;
  }
  sqlite3_stmt* const statement = call.state->statement_of(*call.wrapped, count, context);
  if (statement == nullptr) {
    return;
  }
  for (int i = 0; i < count; ++i) {
    sqlite3_bind_value(statement, i + 1, values[i]);
  }
  if (sqlite3_step(statement) == SQLITE_ROW) {
    sqlite3_result_value(context, sqlite3_column_value(statement, 0));
    if (call.wrapped->kind == Kind::kJson && sqlite3_column_type(statement, 0) == SQLITE_TEXT) {
      sqlite3_result_subtype(context, kJsonSubtype);
    }
  } else {
    sqlite3_result_error(context, sqlite3_errmsg(call.state->inner), -1);
  }
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
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

sqlite3_stmt* SandboxFunctions::State::statement_of(const Wrapped& wrapped, int arguments, sqlite3_context* context) {
  sqlite3_stmt*& statement = statements[{&wrapped, arguments}];
  if (statement != nullptr) {
    return statement;
  }
  std::string sql = std::string("SELECT ") + wrapped.name;
  if (wrapped.kind != Kind::kCurrent) {
    sql += "(";
    for (int i = 0; i < arguments; ++i) {
      sql += i == 0 ? "?" : ",?";
    }
    sql += ")";
  }
  if (sqlite3_prepare_v3(inner, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
    sqlite3_result_error(context, sqlite3_errmsg(inner), -1);
  }
  return statement;
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
  for (const auto& [key, statement] : state_->statements) {
    sqlite3_finalize(statement);
  }
  sqlite3_close(state_->inner);
  sqlite3_vfs_unregister(&state_->vfs);
}

Status SandboxFunctions::attach(sqlite3* database) {
  constexpr int kOpenFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(":memory:", &state_->inner, kOpenFlags, state_->vfs.zName) != SQLITE_OK) {
    return {ErrorCode::kInternal, "cannot open a database in memory"};
  }
  sqlite3_limit(state_->inner, SQLITE_LIMIT_LENGTH, static_cast<int>(limits::kSqlValueBytesMax));
  int code = SQLITE_OK;
  const auto add = [&](const char* name, int arguments, int flags, void* data,
                       void (*function)(sqlite3_context*, int, sqlite3_value**)) {
    const int added = sqlite3_create_function_v2(database, name, arguments, SQLITE_UTF8 | SQLITE_INNOCUOUS | flags,
                                                 data, function, nullptr, nullptr, nullptr);
    code = code == SQLITE_OK ? added : code;
  };
  add("random", 0, 0, state_.get(), random_number);
  add("randomblob", 1, 0, state_.get(), random_bytes);
  add("like", 2, SQLITE_DETERMINISTIC, state_.get(), like);
  add("like", 3, SQLITE_DETERMINISTIC, state_.get(), like);
  add("glob", 2, SQLITE_DETERMINISTIC, state_.get(), glob);
  for (std::size_t i = 0; i < kWrapped.size(); ++i) {
    const Wrapped& wrapped = kWrapped[i];
    state_->calls[i] = {state_.get(), &wrapped};
    const bool is_pure = wrapped.kind == Kind::kProduct || wrapped.kind == Kind::kJson;
    add(wrapped.name, wrapped.arguments, is_pure ? SQLITE_DETERMINISTIC : 0, &state_->calls[i], run_wrapped);
  }
  return code == SQLITE_OK ? ok_status() : Status(ErrorCode::kInternal, "cannot define the functions of the sandbox");
}

void SandboxFunctions::begin(std::int64_t time_ms, std::uint64_t seed) {
  state_->vfs.time_ms = time_ms;
  state_->random_state = seed;
}

}  // namespace vibrato::sqlite
