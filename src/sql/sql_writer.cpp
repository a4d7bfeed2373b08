#include "sql/sql_writer.hpp"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <utility>

#include "format/sql_record.hpp"
#include "sql/sql_writes.hpp"

namespace vibrato::sql {
namespace {

using sqlite::SandboxTransaction;

constexpr std::int64_t kNsOfMs = 1'000'000;
constexpr auto kSaveWaits = std::chrono::seconds(10);
constexpr auto kClaimTakes = std::chrono::milliseconds(100);  // At most, but for a write that was refused behind run().

}  // namespace

Status SqlWriter::load() {
  const std::lock_guard lock(mutex_);
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t mark, sandbox_->mark());
  // What the last process committed may not have reached the disk.
  VIBRATO_RETURN_IF_ERROR(sandbox_->begin(SandboxTransaction::kSyncedWrite));
  VIBRATO_RETURN_IF_ERROR(commit(Lsn(mark)));
  durable_lsn_ = applied_.value();
  return ok_status();
}

Result<ExecOutcome> SqlWriter::run(std::string_view statement, std::span<const sqlite::SqlValue> parameters,
                                   const ExecRun& run) {
  may_hold_ = true;
  const std::lock_guard lock(mutex_);
  VIBRATO_RETURN_IF_ERROR(catch_up_locked());
  discard_unclaimed();
  VIBRATO_RETURN_IF_ERROR(behind_);
  const std::int64_t last_ns = clock_.monotonic_ns() + options_.exec_ms_max * kNsOfMs;
  sqlite::SandboxRun bounded;
  bounded.time_ms = run.time_ms;
  bounded.seed = run.seed;
  bounded.clock = &clock_;
  bounded.deadline_ns = run.deadline_ns == 0 ? last_ns : std::min(last_ns, run.deadline_ns);
  bounded.memory_bytes_max = limits::kSqlMemoryBytesMax;

  VIBRATO_RETURN_IF_ERROR(begin());
  const Result<std::uint64_t> savepoint = set_savepoint();
  if (!savepoint.ok()) {
    end_empty_transaction();
    return savepoint.status();
  }
  const auto changes = sandbox_->execute(statement, parameters, bounded);
  if (!changes.ok()) {
    take_back(*savepoint);
    return changes.status();
  }
  unclaimed_ = Unclaimed{run.lsn, run.seed, *savepoint};
  return ExecOutcome{changes->rows_affected, changes->last_insert_id};
}

void SqlWriter::stage(const wal::StoredRecord& record) {
  may_hold_ = true;
  const std::lock_guard lock(mutex_);
  if (is_behind()) {
    miss(record.lsn, record.body, false);
    return;
  }
  const auto decoded = format::decode_sql_record(record.body);
  if (unclaimed_ && decoded.ok() && unclaimed_->lsn == record.lsn && unclaimed_->seed == decoded->seed) {
    staged_.push_back({record.lsn, record.body, unclaimed_->savepoint});
    unclaimed_.reset();
    return;
  }
  // It was run before, and taken back.
  discard_unclaimed();
  Status again = is_behind() ? behind_ : begin();
  Result<std::uint64_t> savepoint = again.ok() ? set_savepoint() : Result<std::uint64_t>(again);
  again = savepoint.ok() ? execute_record(record.body) : savepoint.status();
  if (!again.ok()) {
    fall_behind(again);
    miss(record.lsn, record.body, false);
    return;
  }
  staged_.push_back({record.lsn, record.body, *savepoint});
}

void SqlWriter::unstage_from(Lsn lsn) {
  if (!may_hold_) {
    return;
  }
  const std::lock_guard lock(mutex_);
  if (is_behind()) {
    std::erase_if(missed_, [&](const Missed& one) {
      const bool is_taken_back = one.lsn >= lsn && !one.is_logged;
      missed_bytes_ -= is_taken_back ? one.body.size() : 0;
      return is_taken_back;
    });
    return;
  }
  discard_unclaimed();
  may_hold_ = !staged_.empty();
  const auto first = std::ranges::find_if(staged_, [&](const Staged& one) { return one.lsn >= lsn; });
  if (first == staged_.end()) {
    return;
  }
  const std::uint64_t savepoint = first->savepoint;
  staged_.erase(first, staged_.end());
  take_back(savepoint);
}

Status SqlWriter::apply(const wal::StoredRecord& record) {
  const std::lock_guard lock(mutex_);
  if (is_behind()) {
    miss(record.lsn, record.body, true);
    return ok_status();
  }
  if (record.lsn <= applied_) {
    return ok_status();
  }
  if (staged_.empty() || staged_[applied_of_staged_].lsn != record.lsn) {
    return replay(record);
  }
  if (++applied_of_staged_ < staged_.size()) {
    return ok_status();
  }
  discard_unclaimed();
  if (!is_behind()) {
    if (const Status committed = commit(record.lsn); !committed.ok()) {
      fall_behind(committed);
    }
  }
  staged_.clear();
  applied_of_staged_ = 0;
  may_hold_ = false;
  static_cast<void>(catch_up_locked());  // What failed may have been of the moment.
  return ok_status();
}

Status SqlWriter::save(Lsn visible) {
  std::unique_lock lock(mutex_);
  const auto is_idle = [this] { return is_behind() || !sandbox_->in_transaction(); };
  if (!transaction_ended_.wait_for(lock, kClaimTakes, is_idle) && !staged_.empty()) {
    transaction_ended_.wait_for(lock, kSaveWaits, is_idle);
  }
  VIBRATO_RETURN_IF_ERROR(catch_up_locked());
  if (!staged_.empty()) {
    return {ErrorCode::kConflict, "the SQL database is busy with statements in flight; it is saved later"};
  }
  discard_unclaimed();  // Should its record come after all, it is run again.
  VIBRATO_RETURN_IF_ERROR(behind_);
  const Lsn mark = std::max(applied_, visible);
  if (mark == durable_lsn()) {
    return ok_status();
  }
  VIBRATO_RETURN_IF_ERROR(sandbox_->begin(SandboxTransaction::kSyncedWrite));
  VIBRATO_RETURN_IF_ERROR(commit(mark));
  durable_lsn_ = mark.value();
  return ok_status();
}

Lsn SqlWriter::durable_lsn() const {
  return Lsn(durable_lsn_.load());
}

Status SqlWriter::health() const {
  if (!is_behind()) {
    return ok_status();
  }
  const std::lock_guard lock(reason_mutex_);
  return behind_;
}

Status SqlWriter::catch_up() {
  if (!is_behind()) {
    return ok_status();
  }
  const std::lock_guard lock(mutex_);
  return catch_up_locked();
}

Status SqlWriter::begin() {
  return sandbox_->in_transaction() ? ok_status() : sandbox_->begin(SandboxTransaction::kWrite);
}

Result<std::uint64_t> SqlWriter::set_savepoint() {
  const std::uint64_t number = ++last_savepoint_;
  VIBRATO_RETURN_IF_ERROR(sandbox_->set_savepoint(number));
  return number;
}

Status SqlWriter::execute_record(std::span<const std::byte> body) {
  VIBRATO_ASSIGN_OR_RETURN(const format::SqlRecord record, format::decode_sql_record(body));
  const auto parameters = parse_parameters(record.parameters);
  if (!parameters.ok()) {
    return corruption("the parameters of a statement: " + parameters.status().message());
  }
  sqlite::SandboxRun run;
  run.time_ms = record.time_ms;
  run.seed = record.seed;
  run.is_logged = true;
  const auto changes = sandbox_->execute(record.statement, *parameters, run);
  if (!changes.ok()) {
    const ErrorCode code =
        changes.status().code() == ErrorCode::kInvalidArgument ? ErrorCode::kCorruption : changes.status().code();
    return {code, "a statement that was executed fails now: " + changes.status().message()};
  }
  if (changes->rows_affected != record.rows_affected) {
    return corruption(
        fmt::format("a statement that changed {} rows changes {} now", record.rows_affected, changes->rows_affected));
  }
  return ok_status();
}

void SqlWriter::take_back(std::uint64_t savepoint) {
  const bool is_whole = sandbox_->in_transaction();
  if (is_whole && sandbox_->roll_back_to(savepoint).ok()) {
    end_empty_transaction();
    return;
  }
  sandbox_->roll_back();
  run_staged_again();
  end_empty_transaction();
}

void SqlWriter::discard_unclaimed() {
  if (unclaimed_) {
    const std::uint64_t savepoint = unclaimed_->savepoint;
    unclaimed_.reset();
    take_back(savepoint);
  }
}

void SqlWriter::run_staged_again() {
  if (staged_.empty()) {
    return;
  }
  Status status = begin();
  for (Staged& one : staged_) {
    if (!status.ok()) {
      break;
    }
    const Result<std::uint64_t> savepoint = set_savepoint();
    status = savepoint.ok() ? execute_record(one.body) : savepoint.status();
    one.savepoint = savepoint.ok() ? *savepoint : 0;
  }
  if (!status.ok()) {
    fall_behind(status);
  }
}

void SqlWriter::end_empty_transaction() {
  if (staged_.empty() && !unclaimed_) {
    sandbox_->roll_back();
    transaction_ended_.notify_all();
  }
}

Status SqlWriter::commit(Lsn mark) {
  Status status = sandbox_->set_mark(mark.value());
  status = status.ok() ? sandbox_->commit() : status;
  sandbox_->roll_back();
  transaction_ended_.notify_all();
  if (status.ok()) {
    applied_ = mark;
  }
  return status;
}

Status SqlWriter::replay(const wal::StoredRecord& record) {
  discard_unclaimed();
  Status status = begin();
  status = status.ok() ? execute_record(record.body) : status;
  status = status.ok() ? commit(record.lsn) : status;
  sandbox_->roll_back();
  transaction_ended_.notify_all();
  if (status.ok() || status.code() == ErrorCode::kCorruption) {
    return status;
  }
  fall_behind(status);
  miss(record.lsn, record.body, true);
  static_cast<void>(catch_up_locked());
  return ok_status();
}

void SqlWriter::fall_behind(const Status& reason) {
  if (reason.code() == ErrorCode::kDiskFull && options_.on_disk_full) {
    static_cast<void>(options_.on_disk_full());
  }
  set_behind(unavailable("the SQL database is behind the log; every request tries again: " + reason.message()));
  for (std::size_t i = 0; i < staged_.size(); ++i) {
    miss(staged_[i].lsn, staged_[i].body, i < applied_of_staged_);
  }
  staged_.clear();
  applied_of_staged_ = 0;
  unclaimed_.reset();
  sandbox_->roll_back();
  transaction_ended_.notify_all();
}

void SqlWriter::miss(Lsn lsn, std::span<const std::byte> body, bool is_logged) {
  if (lsn <= applied_ || gave_up_) {
    return;
  }
  const auto known = std::ranges::find(missed_, lsn, &Missed::lsn);
  if (known != missed_.end()) {
    known->is_logged = known->is_logged || is_logged;
    return;
  }
  missed_bytes_ += body.size();
  if (missed_bytes_ > options_.missed_bytes_max) {
    gave_up_ = true;
    missed_.clear();
    set_behind(unavailable("the SQL database takes no statements until a restart, which brings it up to the log: " +
                           behind_.message()));
    return;
  }
  missed_.push_back({lsn, {body.begin(), body.end()}, is_logged});
}

Status SqlWriter::catch_up_locked() {
  const bool is_settled = std::ranges::all_of(missed_, &Missed::is_logged);
  if (!is_behind() || gave_up_ || !is_settled) {
    return behind_;  // A statement that is not in the log may still be taken back.
  }
  if (const Status status = run_missed(); !status.ok()) {
    fall_behind(status);
    return behind_;
  }
  missed_.clear();
  missed_bytes_ = 0;
  set_behind(ok_status());
  return ok_status();
}

void SqlWriter::set_behind(Status reason) {
  const std::lock_guard lock(reason_mutex_);
  is_behind_.store(!reason.ok(), std::memory_order_release);
  behind_ = std::move(reason);
}

// One transaction for all: a file that fails again is as it was.
Status SqlWriter::run_missed() {
  if (missed_.empty()) {
    return ok_status();
  }
  VIBRATO_RETURN_IF_ERROR(begin());
  for (const Missed& one : missed_) {
    VIBRATO_RETURN_IF_ERROR(execute_record(one.body));
  }
  return commit(missed_.back().lsn);
}

}  // namespace vibrato::sql
