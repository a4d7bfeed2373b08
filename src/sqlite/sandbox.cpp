#include "sqlite/sandbox.hpp"

#include <algorithm>
#include <limits>
#include <sqlite3.h>
#include <utility>

#include "base/limits.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/file_mark.hpp"
#include "sqlite/sandbox_budget.hpp"
#include "sqlite/sandbox_functions.hpp"
#include "sqlite/sandbox_rules.hpp"
#include "sqlite/sandbox_text.hpp"

namespace vibrato::sqlite {

// The connection, and what SQLite asks while it works on it.
struct SandboxCore {
  explicit SandboxCore(std::unique_ptr<Connection> opened)
      : functions(budget), rules(budget), connection(std::move(opened)), database(connection->database_) {}

  // Makes the connection fit for strangers.
  Status confine();
  void declare_json_tables();
  void begin_run(SandboxAccess access, const SandboxRun& run);
  void end_run();
  // Runs one of the program's own statements.
  Status execute(const std::string& sql);
  // What a failed statement of a stranger means.
  Status error_of(int code);

  SandboxBudget budget;
  SandboxFunctions functions;
  SandboxRules rules;
  std::unique_ptr<Connection> connection;
  sqlite3* database;
  bool has_json_tables = false;
  bool wrote_last_rowid = false;  // The largest number there is: the next row would get a random one.
};

namespace {

constexpr int kStepsBetweenBudgetChecks = 100;
constexpr std::string_view kOuterName = "vibrato";

struct Limit {
  int what;
  std::size_t value;
};

constexpr Limit kLimits[] = {
    {SQLITE_LIMIT_LENGTH, limits::kSqlValueBytesMax},
    {SQLITE_LIMIT_SQL_LENGTH, limits::kSqlTextBytesMax},
    {SQLITE_LIMIT_COLUMN, 1000},
    {SQLITE_LIMIT_EXPR_DEPTH, 500},
    {SQLITE_LIMIT_COMPOUND_SELECT, 100},
    {SQLITE_LIMIT_VDBE_OP, 500'000},
    {SQLITE_LIMIT_FUNCTION_ARG, 100},
    {SQLITE_LIMIT_ATTACHED, 0},
    {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000},
    {SQLITE_LIMIT_VARIABLE_NUMBER, limits::kSqlParametersMax},
    {SQLITE_LIMIT_TRIGGER_DEPTH, 20},
    {SQLITE_LIMIT_WORKER_THREADS, 0},
};

// SQLite looks at the budget where a program jumps, so once a row at least, and a row may take as many steps as the
// program has, each through whole values. This bounds the product of both, in bytes of the program (some 70 for a step
// with its operands) times bytes of a value: the slowest (text that is read as a number, 1 ns a byte) take 1.4 s.
// It leaves values of kSqlValueBytesMax to programs of 32 KiB. What would pass it fails; nothing may come out
// otherwise.
constexpr std::size_t kProgramTimesValueMax = 32 * limits::kKiB * limits::kSqlValueBytesMax;

int must_end(void* budget) noexcept {
  return static_cast<SandboxBudget*>(budget)->is_spent() ? 1 : 0;
}

void note_row(void* core, int, const char*, const char*, sqlite3_int64 rowid) noexcept {
  if (rowid == std::numeric_limits<sqlite3_int64>::max()) {
    static_cast<SandboxCore*>(core)->wrote_last_rowid = true;
  }
}

struct Finalizer {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using StatementPtr = std::unique_ptr<sqlite3_stmt, Finalizer>;

// Ends a run on every way out. Declared before the run's statement.
class RunGuard {
 public:
  RunGuard(SandboxCore& core, SandboxAccess access, const SandboxRun& run) : core_(core) {
    core_.begin_run(access, run);
  }
  RunGuard(const RunGuard&) = delete;
  RunGuard& operator=(const RunGuard&) = delete;
  ~RunGuard() { core_.end_run(); }

 private:
  SandboxCore& core_;
};

// The longest value that a program may touch.
void limit_values(sqlite3* database, sqlite3_stmt* statement) {
  const int program = std::max(sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_MEMUSED, 0), 1);
  const std::size_t bytes = kProgramTimesValueMax / static_cast<std::size_t>(program);
  sqlite3_limit(database, SQLITE_LIMIT_LENGTH, static_cast<int>(std::min(bytes, limits::kSqlValueBytesMax)));
}

// Null: there is nothing to do for CREATE IF NOT EXISTS or DROP IF EXISTS, about which SQLite does not ask then.
Result<StatementPtr> prepare_one(SandboxCore& core, std::string_view text) {
  const std::string_view sql = skip_blanks(text);
  if (sql.empty()) {
    return invalid_argument("sql: there is no statement");
  }
  sqlite3_stmt* statement = nullptr;
  const char* rest = nullptr;
  const int code = sqlite3_prepare_v3(core.database, sql.data(), static_cast<int>(sql.size()), 0, &statement, &rest);
  StatementPtr owned(statement);
  if (code != SQLITE_OK) {
    return core.error_of(code);
  }
  if (owned == nullptr) {
    return invalid_argument("sql: there is no statement");
  }
  const bool may_do_nothing = core.rules.access() == SandboxAccess::kWrite &&
                              (begins_with_word(sql, "create") || begins_with_word(sql, "drop"));
  if (!core.rules.were_asked() && !may_do_nothing) {
    return invalid_argument("sql: this kind of statement is not allowed here, or would do nothing");
  }
  if (!skip_blanks(sql.substr(static_cast<std::size_t>(rest - sql.data()))).empty()) {
    return invalid_argument("sql: there is more than one statement; send them one at a time");
  }
  return core.rules.were_asked() ? std::move(owned) : nullptr;
}

Status wrong_number(std::size_t wanted, std::size_t given) {
  return invalid_argument("params: the statement takes " + std::to_string(wanted) + ", there are " +
                          std::to_string(given));
}

Status bind(SandboxCore& core, sqlite3_stmt* statement, std::span<const SqlValue> values) {
  const int wanted = sqlite3_bind_parameter_count(statement);
  if (static_cast<std::size_t>(wanted) != values.size()) {
    return wrong_number(static_cast<std::size_t>(wanted), values.size());
  }
  int index = 0;
  for (const SqlValue& value : values) {
    ++index;
    int code = SQLITE_OK;
    if (const auto* const integer = std::get_if<std::int64_t>(&value)) {
      code = sqlite3_bind_int64(statement, index, *integer);
    } else if (const auto* const real = std::get_if<double>(&value)) {
      code = sqlite3_bind_double(statement, index, *real);
    } else if (const auto* const text = std::get_if<std::string>(&value)) {
      code = sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_STATIC, SQLITE_UTF8);
    } else {
      code = sqlite3_bind_null(statement, index);
    }
    if (code != SQLITE_OK) {
      return core.error_of(code);
    }
  }
  return ok_status();
}

SqlValueView value_of(sqlite3_stmt* statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return std::int64_t{sqlite3_column_int64(statement, column)};
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement, column);
    case SQLITE_TEXT: {
      const auto* const text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
      return std::string_view(text, static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
    }
    case SQLITE_BLOB: {
      const auto* const bytes = static_cast<const std::byte*>(sqlite3_column_blob(statement, column));
      return std::span(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
    }
    default:
      return std::monostate();
  }
}

Status check_schema_size(SandboxCore& core) {
  VIBRATO_ASSIGN_OR_RETURN(
      Statement count,
      core.connection->prepare(
          "SELECT count(*), coalesce(sum(type = 'view'), 0), coalesce(sum(type = 'trigger'), 0) FROM sqlite_schema"));
  Rows rows = count.run();
  VIBRATO_RETURN_IF_ERROR(rows.next().status());
  const auto check = [](std::string_view what, std::int64_t number, std::int64_t most) {
    return number <= most ? ok_status()
                          : invalid_argument("sql: " + std::to_string(number) + " " + std::string(what) + ", at most " +
                                             std::to_string(most));
  };
  VIBRATO_RETURN_IF_ERROR(check("tables, indexes, views and triggers", rows.i64(0), limits::kSqlEntriesMax));
  VIBRATO_RETURN_IF_ERROR(check("views", rows.i64(1), limits::kSqlViewsMax));
  return check("triggers", rows.i64(2), limits::kSqlTriggersMax);
}

Result<std::vector<std::string_view>> column_names(sqlite3_stmt* statement) {
  const int columns = sqlite3_column_count(statement);
  std::vector<std::string_view> names;
  std::size_t bytes = 0;
  for (int column = 0; column < columns; ++column) {
    const char* const name = sqlite3_column_name(statement, column);
    bytes += names.emplace_back(name == nullptr ? "" : name).size();
  }
  if (bytes > limits::kSqlNameBytesMax) {
    return Status(ErrorCode::kPayloadTooLarge, "sql: the names of the columns have " + std::to_string(bytes) +
                                                   " bytes, at most " + std::to_string(limits::kSqlNameBytesMax) +
                                                   "; give them short ones with AS, or ask for fewer columns");
  }
  return names;
}

Result<QueryEnd> give_rows(SandboxCore& core, sqlite3_stmt* statement, std::uint64_t rows_max, RowSink& sink) {
  VIBRATO_ASSIGN_OR_RETURN(const auto names, column_names(statement));
  const int columns = sqlite3_column_count(statement);
  sink.take_columns(names);
  std::vector<SqlValueView> values(names.size());
  for (std::uint64_t row = 0;; ++row) {
    const int code = sqlite3_step(statement);
    VIBRATO_RETURN_IF_ERROR(core.budget.why());
    if (code == SQLITE_DONE) {
      return QueryEnd{false};
    }
    if (code != SQLITE_ROW) {
      return core.error_of(code);
    }
    if (row == rows_max) {
      return QueryEnd{true};
    }
    for (int column = 0; column < columns; ++column) {
      values[static_cast<std::size_t>(column)] = value_of(statement, column);
    }
    if (!sink.take_row(values)) {
      return QueryEnd{true};
    }
  }
}

}  // namespace

Status SandboxCore::confine() {
  for (const Limit& limit : kLimits) {
    sqlite3_limit(database, limit.what, static_cast<int>(limit.value));
  }
  sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0, nullptr);
  // All other modules of virtual tables go: some read pages, statements or settings.
  const char* kept[] = {"json_each", "json_tree", nullptr};
  if (sqlite3_drop_modules(database, kept) != SQLITE_OK) {
    return {ErrorCode::kInternal, "cannot drop the modules of SQLite"};
  }
  VIBRATO_RETURN_IF_ERROR(functions.attach(database));
  rules.attach(database);
  sqlite3_update_hook(database, note_row, this);
  return ok_status();
}

// Their first use declares their columns, for which SQLite asks as for an UPDATE of the schema. It fails while a table
// of a stranger has the name of one.
void SandboxCore::declare_json_tables() {
  if (!has_json_tables) {
    has_json_tables = connection->prepare("SELECT 1 FROM json_each('[]'), json_tree('[]')").ok();
  }
}

void SandboxCore::begin_run(SandboxAccess access, const SandboxRun& run) {
  declare_json_tables();
  budget.begin(run);
  functions.begin(access, run);
  rules.begin(access);
  wrote_last_rowid = false;
  sqlite3_progress_handler(database, kStepsBetweenBudgetChecks, must_end, &budget);
}

void SandboxCore::end_run() {
  sqlite3_progress_handler(database, 0, nullptr, nullptr);
  budget.lift();
  rules.begin(SandboxAccess::kTrusted);
  sqlite3_limit(database, SQLITE_LIMIT_LENGTH, static_cast<int>(limits::kSqlValueBytesMax));
}

Status SandboxCore::execute(const std::string& sql) {
  return connection->execute(sql);
}

Status SandboxCore::error_of(int code) {
  if (!budget.why().ok()) {
    return budget.why();
  }
  if (!rules.refusal().empty()) {
    return invalid_argument(rules.refusal());
  }
  const std::string reason = sqlite3_errmsg(database);
  Status error = connection->error_of(code, "cannot run a statement in");
  switch (code & 0xff) {
    case SQLITE_FULL:
      // Without a cause from the disk: a table of numbered rows has used up its numbers.
      return error.message().ends_with(reason) ? invalid_argument("sql: " + reason) : error;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return unavailable("the SQL database is busy; try again: " + reason);
    case SQLITE_TOOBIG:
      return invalid_argument("sql: a value or row is too long: at most " +
                              std::to_string(sqlite3_limit(database, SQLITE_LIMIT_LENGTH, -1)) +
                              " bytes for a statement of this size");
    case SQLITE_NOMEM:  // So it calls a program with too many steps as well.
      return invalid_argument("sql: the statement is too large");
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_INTERRUPT:
    case SQLITE_INTERNAL:
      return error;
    default:
      return invalid_argument("sql: " + reason);
  }
}

Sandbox::Sandbox(std::unique_ptr<SandboxCore> core) : core_(std::move(core)) {}
Sandbox::~Sandbox() = default;

Result<std::unique_ptr<Sandbox>> Sandbox::open(Vfs& vfs, const std::string& path, const SandboxOptions& options) {
  ConnectionOptions connection;
  connection.journal_mode = JournalMode::kWalShared;
  connection.synchronous = Synchronous::kNormal;
  connection.read_only = options.read_only;
  connection.cache_kib = options.cache_kib;
  VIBRATO_ASSIGN_OR_RETURN(auto opened, Connection::open(vfs, path, connection));
  auto core = std::make_unique<SandboxCore>(std::move(opened));
  VIBRATO_RETURN_IF_ERROR(core->confine());
  return std::unique_ptr<Sandbox>(new Sandbox(std::move(core)));
}

Result<SandboxChanges> Sandbox::execute(std::string_view sql, std::span<const SqlValue> parameters,
                                        const SandboxRun& run) {
  VIBRATO_CHECK(in_transaction());
  const RunGuard guard(*core_, SandboxAccess::kWrite, run);
  VIBRATO_ASSIGN_OR_RETURN(const StatementPtr statement, prepare_one(*core_, sql));
  if (statement == nullptr) {
    return parameters.empty() ? Result<SandboxChanges>(SandboxChanges()) : wrong_number(0, parameters.size());
  }
  // ALTER TABLE checks the rows with a SELECT of its own, which fails or yields none.
  if (sqlite3_column_count(statement.get()) > 0 && !core_->rules.alters_table()) {
    return invalid_argument("sql: the statement yields rows; use query for one that reads, and no RETURNING");
  }
  if (!run.is_logged) {
    limit_values(core_->database, statement.get());
  }
  VIBRATO_RETURN_IF_ERROR(bind(*core_, statement.get(), parameters));
  sqlite3_set_last_insert_rowid(core_->database, 0);
  if (const int code = sqlite3_step(statement.get()); code != SQLITE_DONE) {
    return core_->error_of(code);
  }
  VIBRATO_RETURN_IF_ERROR(core_->budget.why());
  if (core_->wrote_last_rowid) {
    return invalid_argument("sql: a row may not have the number 9223372036854775807: the next would get a random one");
  }
  // Those that are deferred would fail the commit, when the statement is logged already.
  int open_references = 0;
  int unused = 0;
  sqlite3_db_status(core_->database, SQLITE_DBSTATUS_DEFERRED_FKS, &open_references, &unused, 0);
  if (open_references != 0) {
    return invalid_argument("sql: FOREIGN KEY constraint failed; deferred ones are checked at the statement's end");
  }
  SandboxChanges changes;
  if (core_->rules.changes_schema()) {
    VIBRATO_RETURN_IF_ERROR(check_schema_size(*core_));
  } else {
    changes.rows_affected = static_cast<std::uint64_t>(sqlite3_changes64(core_->database));
    changes.last_insert_id = sqlite3_last_insert_rowid(core_->database);
  }
  return changes;
}

Result<QueryEnd> Sandbox::query(std::string_view sql, std::span<const SqlValue> parameters, const SandboxRun& run,
                                std::uint64_t rows_max, RowSink& sink) {
  const RunGuard guard(*core_, SandboxAccess::kRead, run);
  VIBRATO_ASSIGN_OR_RETURN(const StatementPtr statement, prepare_one(*core_, sql));
  if (sqlite3_column_count(statement.get()) == 0) {
    return invalid_argument("sql: the statement yields no rows; use exec for one that changes something");
  }
  limit_values(core_->database, statement.get());
  VIBRATO_RETURN_IF_ERROR(bind(*core_, statement.get(), parameters));
  return give_rows(*core_, statement.get(), rows_max, sink);
}

Status Sandbox::begin(SandboxTransaction kind) {
  switch (kind) {
    case SandboxTransaction::kRead:
      VIBRATO_RETURN_IF_ERROR(core_->execute("BEGIN"));
      // Only the first read fixes the moment.
      return core_->execute("SELECT 1 FROM sqlite_schema LIMIT 1");
    case SandboxTransaction::kWrite:
      VIBRATO_RETURN_IF_ERROR(core_->connection->check_not_poisoned());
      VIBRATO_RETURN_IF_ERROR(core_->execute("PRAGMA synchronous = NORMAL"));
      return core_->execute("BEGIN IMMEDIATE");
    case SandboxTransaction::kSyncedWrite:
      VIBRATO_RETURN_IF_ERROR(core_->connection->check_not_poisoned());
      VIBRATO_RETURN_IF_ERROR(core_->execute("PRAGMA synchronous = FULL"));
      return core_->execute("BEGIN IMMEDIATE");
  }
  return ok_status();
}

Status Sandbox::commit() {
  VIBRATO_RETURN_IF_ERROR(core_->execute("COMMIT"));
  return core_->connection->check_not_poisoned();
}

void Sandbox::roll_back() {
  if (in_transaction()) {
    (void)core_->execute("ROLLBACK");
  }
}

bool Sandbox::in_transaction() const {
  return core_->connection->in_transaction();
}

Status Sandbox::set_savepoint(std::uint64_t number) {
  return core_->execute("SAVEPOINT " + std::string(kOuterName) + std::to_string(number));
}

Status Sandbox::roll_back_to(std::uint64_t number) {
  const std::string name = std::string(kOuterName) + std::to_string(number);
  VIBRATO_RETURN_IF_ERROR(core_->execute("ROLLBACK TO " + name));
  return core_->execute("RELEASE " + name);
}

Result<std::uint64_t> Sandbox::mark() {
  return read_file_mark(*core_->connection);
}

Status Sandbox::set_mark(std::uint64_t mark) {
  return write_file_mark(*core_->connection, mark);
}

}  // namespace vibrato::sqlite
