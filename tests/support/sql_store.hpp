// The SQL model with a log and a sequencer of its own, and queries whose answer is text.
#pragma once

#include <fmt/format.h>
#include <memory>
#include <string>
#include <vector>

#include "commit/sequencer.hpp"
#include "io/simulated_file_system.hpp"
#include "sql/sql_writes.hpp"
#include "support/fake_clock.hpp"
#include "support/log_records.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::test {

inline std::string sql_text(const sqlite::SqlValueView& value) {
  if (const auto* const integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (const auto* const real = std::get_if<double>(&value)) return fmt::format("{}", *real);
  if (const auto* const text = std::get_if<std::string_view>(&value)) return std::string(*text);
  if (const auto* const blob = std::get_if<std::span<const std::byte>>(&value)) {
    std::string hex = "x";
    for (const std::byte byte : *blob) hex += fmt::format("{:02x}", static_cast<int>(byte));
    return hex;
  }
  return "null";
}

// Rows as "a|b", one after the other with blanks between.
struct SqlTextSink final : sqlite::RowSink {
  void take_columns(std::span<const std::string_view> names) override { columns.assign(names.begin(), names.end()); }
  bool take_row(std::span<const sqlite::SqlValueView> values) override {
    std::string row;
    for (const auto& value : values) row += (row.empty() ? "" : "|") + sql_text(value);
    text += (text.empty() ? "" : " ") + row;
    ++rows;
    return rows < rows_max;
  }

  std::vector<std::string> columns;
  std::string text;
  std::size_t rows = 0;
  std::size_t rows_max = SIZE_MAX;
};

class SqlStore {
 public:
  explicit SqlStore(io::FileSystem& fs, const Clock& clock, std::string folder = "/data")
      : fs_(fs), clock_(clock), folder_(std::move(folder)) {}
  ~SqlStore() { close(); }

  Status open() {
    if (!fs_.stat(folder_).ok()) {
      VIBRATO_RETURN_IF_ERROR(fs_.create_directory(folder_));
    }
    vfs_ = std::make_unique<sqlite::Vfs>(fs_);
    round_time_ = std::make_unique<commit::RoundTime>(clock_);
    visible_ = std::make_unique<commit::VisibleLsn>();
    log_ = open_log(fs_, folder_ + "/wal", plain_log_options());
    options.clock = &clock_;
    VIBRATO_ASSIGN_OR_RETURN(model_, sql::SqlModel::open(*vfs_, folder_, *visible_, *round_time_, options));
    const std::vector<commit::Model*> list = {model_.get()};
    models_ = std::make_unique<commit::ModelSet>(list);
    VIBRATO_RETURN_IF_ERROR(models_->load_and_replay(*log_).status());
    sequencer_ =
        std::make_unique<commit::Sequencer>(*log_, *models_, *round_time_, *visible_, commit::SequencerOptions());
    sequencer_->start();
    return ok_status();
  }
  void close() {
    sequencer_.reset();
    models_.reset();
    model_.reset();
    log_.reset();
    vfs_.reset();
  }

  Result<commit::Committed> exec(std::string sql, std::string parameters = "[]", std::int64_t deadline_ns = 0) {
    auto outcome = std::make_shared<sql::ExecOutcome>();
    VIBRATO_ASSIGN_OR_RETURN(auto write,
                             sql::make_exec(*model_, {std::move(sql), std::move(parameters), deadline_ns}, outcome));
    auto committed = sequencer_->commit(std::move(write));
    last_outcome = *outcome;
    return committed;
  }
  // The rows, or "error: ...".
  std::string query(std::string sql, const std::string& parameters = "[]", std::int64_t deadline_ns = 0) {
    SqlTextSink sink;
    const auto end = query(std::move(sql), parameters, sink, deadline_ns);
    return end.ok() ? sink.text : "error: " + end.status().message();
  }
  Result<sqlite::QueryEnd> query(std::string sql, const std::string& parameters, SqlTextSink& sink,
                                 std::int64_t deadline_ns = 0) {
    sql::Query query;
    query.statement = std::move(sql);
    VIBRATO_ASSIGN_OR_RETURN(query.parameters, sql::parse_parameters(parameters));
    query.deadline_ns = deadline_ns;
    return model_->query(query, sink);
  }

  sql::SqlModel& model() { return *model_; }
  wal::LocalLog& log() { return *log_; }
  commit::Sequencer& sequencer() { return *sequencer_; }
  const commit::VisibleLsn& visible() const { return *visible_; }
  sqlite::Vfs& vfs() { return *vfs_; }

  sql::SqlModel::Options options;  // Of the next open().
  sql::ExecOutcome last_outcome;

 private:
  io::FileSystem& fs_;
  const Clock& clock_;
  const std::string folder_;
  std::unique_ptr<sqlite::Vfs> vfs_;
  std::unique_ptr<commit::RoundTime> round_time_;
  std::unique_ptr<commit::VisibleLsn> visible_;
  std::unique_ptr<wal::LocalLog> log_;
  std::unique_ptr<sql::SqlModel> model_;
  std::unique_ptr<commit::ModelSet> models_;
  std::unique_ptr<commit::Sequencer> sequencer_;
};

}  // namespace vibrato::test
