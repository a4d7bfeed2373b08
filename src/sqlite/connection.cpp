#include "sqlite/connection.hpp"

#include <sqlite3.h>
#include <utility>

#include "sqlite/errors.hpp"

namespace vibrato::sqlite {
namespace {

constexpr int kStepsBetweenTimeChecks = 1000;
constexpr int kBusyTimeoutMs = 5000;

// SQLite takes some paths for something else than a file.
Status check_path(const std::string& path) {
  if (path.empty() || path.front() == ':' || path.starts_with("file:") || path.find('\0') != std::string::npos) {
    return invalid_argument("'" + path + "' is no path of a database");
  }
  return ok_status();
}

int open_flags(const ConnectionOptions& options) {
  const int access = options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  const int create = !options.read_only && options.create_if_missing ? SQLITE_OPEN_CREATE : 0;
  return access | create | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
}

std::string_view name_of(JournalMode mode) {
  switch (mode) {
    case JournalMode::kWal:
    case JournalMode::kWalShared:
      return "wal";
    case JournalMode::kPersist:
      return "persist";
    case JournalMode::kMemory:
      return "memory";
  }
  return "";
}

// A file that comes from elsewhere (a snapshot, a damaged disk) gets no chance to run anything by being opened.
void harden(sqlite3* database) {
  sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_limit(database, SQLITE_LIMIT_ATTACHED, 0);
}

}  // namespace

TimeLimit::~TimeLimit() {
  sqlite3_progress_handler(database_, 0, nullptr, nullptr);
}

int TimeLimit::expired(void* self) noexcept {
  const auto& limit = *static_cast<const TimeLimit*>(self);
  return limit.clock_->monotonic_ns() > limit.deadline_ns_ ? 1 : 0;
}

Result<std::unique_ptr<Connection>> Connection::open(Vfs& vfs, const std::string& path,
                                                     const ConnectionOptions& options) {
  VIBRATO_RETURN_IF_ERROR(check_path(path));
  std::unique_ptr<Connection> connection(new Connection(vfs, vfs.state_of(path)));
  if (!options.read_only) {
    VIBRATO_RETURN_IF_ERROR(connection->check_not_poisoned());
  }
  const int code = sqlite3_open_v2(path.c_str(), &connection->database_, open_flags(options), vfs.name());
  if (code != SQLITE_OK) {
    return connection->error_of(code, "cannot open");
  }
  harden(connection->database_);
  VIBRATO_RETURN_IF_ERROR(connection->configure(options));
  return connection;
}

Connection::~Connection() {
  // Copies the write-ahead log into the database; what fails of that is done at the next opening.
  VIBRATO_CHECK(sqlite3_close(database_) == SQLITE_OK);
}

Status Connection::configure(const ConnectionOptions& options) {
  const bool is_shared = options.journal_mode == JournalMode::kWalShared;
  if (is_shared) {
    VIBRATO_RETURN_IF_ERROR(share(options));
  } else {
    // The file may have a write-ahead log, whatever is wanted here: a copy made by backup has the mode of its source.
    // So that its index is this connection's own, the mode comes before the first look at it.
    VIBRATO_RETURN_IF_ERROR(execute("PRAGMA locking_mode = EXCLUSIVE"));
  }
  VIBRATO_RETURN_IF_ERROR(execute("PRAGMA temp_store = MEMORY"));
  VIBRATO_RETURN_IF_ERROR(execute("PRAGMA cell_size_check = ON"));
  VIBRATO_RETURN_IF_ERROR(execute("PRAGMA foreign_keys = ON"));
  VIBRATO_RETURN_IF_ERROR(execute("PRAGMA cache_size = -" + std::to_string(options.cache_kib)));
  VIBRATO_RETURN_IF_ERROR(
      execute(options.synchronous == Synchronous::kFull ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL"));
  if (options.read_only) {
    return execute("SELECT count(*) FROM sqlite_schema");  // Whether it is a database at all.
  }
  VIBRATO_RETURN_IF_ERROR(set_journal_mode(options));
  if (options.journal_mode == JournalMode::kPersist || options.journal_mode == JournalMode::kMemory) {
    VIBRATO_RETURN_IF_ERROR(execute("PRAGMA locking_mode = NORMAL"));
  }
  if (is_shared) {
    VIBRATO_RETURN_IF_ERROR(execute("SELECT count(*) FROM sqlite_schema"));  // The log is there from now on.
  }
  VIBRATO_RETURN_IF_ERROR(execute("PRAGMA wal_autocheckpoint = " + std::to_string(options.wal_checkpoint_pages)));
  return execute("PRAGMA max_page_count = " + std::to_string(options.page_count_max));
}

Status Connection::share(const ConnectionOptions& options) {
  // Locks are held for microseconds, but when the index of the log is made again.
  sqlite3_busy_timeout(database_, kBusyTimeoutMs);
  if (!options.read_only) {
    return ok_status();
  }
  sqlite3_db_config(database_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  // Without the log this connection could not follow the writes that make one later.
  const Status log = vfs_.file_system().stat(path() + "-wal").status();
  return log.code() == ErrorCode::kNotFound
             ? Status(ErrorCode::kConflict, path() + " has no write-ahead log: open the writing connection first")
             : log;
}

Status Connection::set_journal_mode(const ConnectionOptions& options) {
  const std::string_view wanted = name_of(options.journal_mode);
  VIBRATO_ASSIGN_OR_RETURN(Statement pragma, prepare("PRAGMA journal_mode = " + std::string(wanted)));
  Rows rows = pragma.run();
  VIBRATO_ASSIGN_OR_RETURN(const bool found, rows.next());
  const std::string mode = found ? rows.text(0) : "";
  // The change is committed only now, after the row that says it is made.
  VIBRATO_RETURN_IF_ERROR(rows.next().status());
  if (mode == wanted) {
    return ok_status();
  }
  // SQLite stays in the old mode, without an error, when it cannot have the file alone.
  return {ErrorCode::kConflict, path() + ": the journal mode is '" + mode + "', not '" + std::string(wanted) + "'"};
}

Result<Statement> Connection::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement, nullptr);
  if (code != SQLITE_OK) {
    return error_of(code, "cannot prepare a statement for");
  }
  if (statement == nullptr) {
    return invalid_argument("an empty statement");
  }
  return Statement(*this, statement);
}

Status Connection::execute(const std::string& sql) {
  const int code = sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? ok_status() : error_of(code, "cannot use");
}

bool Connection::in_transaction() const {
  return sqlite3_get_autocommit(database_) == 0;
}

std::int64_t Connection::changed_rows() const {
  return sqlite3_changes64(database_);
}

std::int64_t Connection::total_changes() const {
  return sqlite3_total_changes64(database_);
}

std::int64_t Connection::last_insert_id() const {
  return sqlite3_last_insert_rowid(database_);
}

std::unique_ptr<TimeLimit> Connection::limit_time(const Clock& clock, std::int64_t deadline_ns) {
  auto limit = std::make_unique<TimeLimit>(database_);
  limit->clock_ = &clock;
  limit->deadline_ns_ = deadline_ns;
  sqlite3_progress_handler(database_, kStepsBetweenTimeChecks, TimeLimit::expired, limit.get());
  return limit;
}

Status Connection::checkpoint() {
  VIBRATO_RETURN_IF_ERROR(check_not_poisoned());
  // Not truncated: a power loss in the middle of that could bring back a part of the log, older than the database.
  const int code = sqlite3_wal_checkpoint_v2(database_, nullptr, SQLITE_CHECKPOINT_FULL, nullptr, nullptr);
  return code == SQLITE_OK ? check_not_poisoned() : error_of(code, "cannot checkpoint");
}

Status Connection::backup_to(const std::string& path) {
  VIBRATO_CHECK(sqlite3_txn_state(database_, "main") != SQLITE_TXN_WRITE);
  const auto present = vfs_.file_system().stat(path);
  if (present.ok()) {
    return {ErrorCode::kAlreadyExists, path + " exists already"};
  }
  if (present.status().code() != ErrorCode::kNotFound) {
    return present.status();
  }
  ConnectionOptions options;
  options.journal_mode = JournalMode::kMemory;
  VIBRATO_ASSIGN_OR_RETURN(const auto target, open(vfs_, path, options));
  return copy_into(*target);
}

Status Connection::copy_into(Connection& target) {
  sqlite3_backup* const backup = sqlite3_backup_init(target.database_, "main", database_, "main");
  if (backup == nullptr) {
    return target.error_of(sqlite3_extended_errcode(target.database_), "cannot copy into");
  }
  (void)sqlite3_backup_step(backup, -1);
  // Answers for the steps too.
  const int code = sqlite3_backup_finish(backup);
  if (code != SQLITE_OK) {
    Status failed = target.error_of(code, "cannot copy into");
    return failed.with_context("backup of " + path());
  }
  return target.check_not_poisoned();
}

Status Connection::check_integrity() {
  VIBRATO_ASSIGN_OR_RETURN(Statement pragma, prepare("PRAGMA integrity_check(1)"));
  Rows rows = pragma.run();
  VIBRATO_ASSIGN_OR_RETURN(const bool found, rows.next());
  const std::string fault = found ? rows.text(0) : "no answer";
  return fault == "ok" ? ok_status() : corruption(path() + ": " + fault);
}

Status Connection::error_of(int code, std::string_view action) {
  const std::string message = std::string(action) + " " + path() + ": " + sqlite3_errmsg(database_);
  if (is_caused_by_io(code)) {
    if (const Status cause = state_->take_error(); !cause.ok()) {
      return {cause.code(), message + ": " + cause.message()};
    }
  }
  return {error_code_of(code), message};
}

}  // namespace vibrato::sqlite
