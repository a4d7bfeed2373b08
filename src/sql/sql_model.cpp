#include "sql/sql_model.hpp"

#include <array>
#include <chrono>
#include <random>
#include <thread>
#include <utility>

#include "format/sql_record.hpp"
#include "sql/sql_readers.hpp"
#include "sql/sql_writer.hpp"
#include "sqlite/file_mark.hpp"
#include "sqlite/transaction.hpp"

namespace vibrato::sql {
namespace {

constexpr std::array<std::uint16_t, 1> kTypes = {format::kSqlExecutedRecord};
constexpr std::string_view kFileName = "sql.db";
constexpr auto kBetweenLooksAtVisible = std::chrono::microseconds(50);

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

// The file at the moment of a read transaction.
class SqlCapture final : public commit::FileCapture {
 public:
  // Members are destroyed from the last to the first: the transaction before its connection.
  SqlCapture(std::unique_ptr<sqlite::Connection> connection, sqlite::ReadTransaction transaction, Lsn applied)
      : connection_(std::move(connection)), transaction_(std::move(transaction)), applied_(applied) {}

  [[nodiscard]] Lsn applied_lsn() const override { return applied_; }
  [[nodiscard]] Status copy_to(const std::string& path) override { return connection_->backup_to(path); }

 private:
  std::unique_ptr<sqlite::Connection> connection_;
  sqlite::ReadTransaction transaction_;
  const Lsn applied_;
};

// Commits come before their LSN is visible: a reader that was quicker waits that moment.
Status wait_until_visible(const commit::VisibleLsn& visible, Lsn lsn, const Deadline& deadline) {
  while (visible.get() < lsn) {
    VIBRATO_RETURN_IF_ERROR(deadline.check());
    std::this_thread::sleep_for(kBetweenLooksAtVisible);
  }
  return ok_status();
}

}  // namespace

SqlModel::SqlModel(sqlite::Vfs& vfs, std::string path, const commit::VisibleLsn& visible, const commit::RoundTime& time,
                   Options options)
    : vfs_(vfs), path_(std::move(path)), visible_(visible), time_(time), options_(std::move(options)) {}

SqlModel::~SqlModel() = default;

Result<std::unique_ptr<SqlModel>> SqlModel::open(sqlite::Vfs& vfs, const std::string& data_folder,
                                                 const commit::VisibleLsn& visible, const commit::RoundTime& time,
                                                 Options options) {
  options.clock = options.clock == nullptr ? &system_clock() : options.clock;
  options.make_seed = options.make_seed ? std::move(options.make_seed) : random_seed;
  std::unique_ptr<SqlModel> model(
      new SqlModel(vfs, data_folder + "/" + std::string(kFileName), visible, time, std::move(options)));
  VIBRATO_ASSIGN_OR_RETURN(auto sandbox, sqlite::Sandbox::open(vfs, model->path_, {}));
  const Options& set = model->options_;
  model->writer_ = std::make_unique<SqlWriter>(std::move(sandbox), *set.clock, set.exec_ms_max);
  model->readers_ = std::make_unique<SqlReaders>(vfs, model->path_, set.readers_max);
  return model;
}

Result<std::unique_ptr<SqlModel>> SqlModel::open(sqlite::Vfs& vfs, const std::string& data_folder,
                                                 const commit::VisibleLsn& visible, const commit::RoundTime& time) {
  return open(vfs, data_folder, visible, time, Options());
}

Result<sqlite::QueryEnd> SqlModel::query(const Query& query, sqlite::RowSink& sink) {
  VIBRATO_RETURN_IF_ERROR(health());
  const Clock& clock = *options_.clock;
  const Deadline deadline = query.deadline_ns == 0 ? Deadline() : Deadline(clock, query.deadline_ns);
  sqlite::SandboxRun run;
  run.time_ms = time_.now_ms();
  run.seed = make_seed();
  run.clock = query.deadline_ns == 0 ? nullptr : &clock;
  run.deadline_ns = query.deadline_ns;
  run.memory_bytes_max = limits::kSqlMemoryBytesMax;
  sqlite::QueryEnd end;
  const auto read = [&](sqlite::Sandbox& reader) -> Status {
    VIBRATO_RETURN_IF_ERROR(reader.begin(sqlite::SandboxTransaction::kRead));
    VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t mark, reader.mark());
    VIBRATO_RETURN_IF_ERROR(wait_until_visible(visible_, Lsn(mark), deadline));
    VIBRATO_ASSIGN_OR_RETURN(end, reader.query(query.statement, query.parameters, run, query.rows_max, sink));
    return ok_status();
  };
  VIBRATO_RETURN_IF_ERROR(readers_->with_reader(clock, query.deadline_ns, read));
  return end;
}

Status SqlModel::health() const {
  return writer_->health();
}

Result<ExecOutcome> SqlModel::run(std::string_view statement, const std::vector<sqlite::SqlValue>& parameters,
                                  const ExecRun& run) {
  return writer_->run(statement, parameters, run);
}

std::uint64_t SqlModel::make_seed() const {
  return options_.make_seed();
}

std::span<const std::uint16_t> SqlModel::record_types() const {
  return kTypes;
}

void SqlModel::stage(const wal::StoredRecord& record) {
  writer_->stage(record);
}

void SqlModel::unstage_from(Lsn lsn) {
  writer_->unstage_from(lsn);
}

Status SqlModel::apply(const wal::StoredRecord& record) {
  return writer_->apply(record);
}

Lsn SqlModel::durable_lsn() const {
  return writer_->durable_lsn();
}

// What is visible is applied: the file may say so.
Status SqlModel::save(Lsn) {
  return writer_->save(visible_.get());
}

Status SqlModel::load() {
  return writer_->load();
}

Result<std::unique_ptr<commit::FileCapture>> SqlModel::capture() {
  VIBRATO_RETURN_IF_ERROR(health());
  sqlite::ConnectionOptions options;
  options.journal_mode = sqlite::JournalMode::kWalShared;
  options.read_only = true;
  VIBRATO_ASSIGN_OR_RETURN(auto connection, sqlite::Connection::open(vfs_, path_, options));
  VIBRATO_ASSIGN_OR_RETURN(auto transaction, sqlite::ReadTransaction::begin(*connection));
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t mark, sqlite::read_file_mark(*connection));
  return std::unique_ptr<commit::FileCapture>(
      std::make_unique<SqlCapture>(std::move(connection), std::move(transaction), Lsn(mark)));
}

}  // namespace vibrato::sql
