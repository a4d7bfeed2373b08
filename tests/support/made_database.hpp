// A database on any file system, and short ways to write to it and to compare what it holds with a plain map.
#pragma once

#include <algorithm>
#include <fmt/format.h>
#include <future>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "commit/joined_write.hpp"
#include "doc/document_writes.hpp"
#include "engine/database.hpp"
#include "engine/delete_by_filter.hpp"
#include "events/event_model.hpp"
#include "io/simulated_file_system.hpp"
#include "kv/state_writes.hpp"
#include "sql/sql_writes.hpp"
#include "support/fake_clock.hpp"
#include "support/status_matchers.hpp"
#include "vector/maintenance.hpp"
#include "vector/point_writes.hpp"

namespace vibrato::test {

inline constexpr std::uint32_t kMadeDim = 4;

// What a point is: its vector follows from the number, its meta tells it.
inline std::vector<float> made_vector(std::uint64_t number) {
  const auto x = static_cast<float>(number % 1000);
  return {x + 1, static_cast<float>(number / 1000), 1, -x};
}
inline std::string made_meta(std::uint64_t number) {
  return fmt::format(R"({{"n":{}}})", number);
}

// By collection, by id: the number of the point. The other models, where they have anything, are as collections of
// these names: a key of state is "k<id>" with the number as its value, a document <id> of "d" is {"n":<number>}, a row
// of SQL's table t has both.
using MadeContent = std::map<std::string, std::map<std::uint64_t, std::uint64_t>>;
inline constexpr const char* kMadeState = "state!";
inline constexpr const char* kMadeDocuments = "documents!";
inline constexpr const char* kMadeSql = "sql!";
inline constexpr const char* kMadeTable = "CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, n INTEGER)";

inline engine::DatabaseOptions made_database_options(const std::string& folder = "/data") {
  engine::DatabaseOptions options;
  options.data_folder = folder;
  options.pepper = std::string(64, 'p');
  options.background_threads = 0;
  options.query_threads = 1;
  options.disk_reserve_bytes = 0;
  options.wal_segment_bytes = 16 * 1024;
  options.wal_retain_bytes = 64 * 1024;
  return options;
}

class MadeDatabase {
 public:
  explicit MadeDatabase(io::FileSystem& fs, engine::DatabaseOptions options = made_database_options())
      : fs_(fs), options_(std::move(options)) {}

  // Opens and starts it.
  Status open() {
    database_.reset();
    VIBRATO_ASSIGN_OR_RETURN(database_, engine::Database::open(fs_, options_, clock_, logger_, metrics_));
    return database_->start();
  }
  // As if the process had been killed, as far as one can from inside: nothing is closed in order but threads.
  void close() { database_.reset(); }

  Status create(const std::string& name, std::uint32_t dim = kMadeDim) {
    vector::CollectionSettings settings;
    settings.dim = dim;
    settings.metric = Metric::kL2;
    const auto outcome = std::make_shared<vector::CreateOutcome>();
    return commit(vector::make_create_collection(database_->vectors(), name, settings, outcome),
                  engine::Database::Kind::kAdmin);
  }
  Status drop(const std::string& name) {
    return commit(vector::make_drop_collection(database_->vectors(), name), engine::Database::Kind::kAdmin);
  }
  Status put(const std::string& name, std::uint64_t id, std::uint64_t number) {
    VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, database_->vectors().find(name));
    VIBRATO_ASSIGN_OR_RETURN(
        vector::WritePtr write,
        vector::make_upsert(database_->vectors(), collection, {PointId(id), made_vector(number), made_meta(number)}));
    return commit(std::move(write), engine::Database::Kind::kPut, collection.get());
  }
  Status remove(const std::string& name, std::uint64_t id) {
    VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, database_->vectors().find(name));
    VIBRATO_ASSIGN_OR_RETURN(vector::WritePtr write,
                             vector::make_delete(database_->vectors(), collection, PointId(id)));
    return commit(std::move(write), engine::Database::Kind::kDelete, collection.get());
  }
  Status commit(vector::WritePtr write, engine::Database::Kind kind, const vector::Collection* collection = nullptr) {
    return database_->commit(std::move(write), kind, collection).status();
  }
  // ---- State, documents, SQL ----
  Result<vector::WritePtr> state_put(std::uint64_t id, std::uint64_t number,
                                     std::optional<std::uint64_t> ttl_ms = std::nullopt) {
    return kv::make_put(database_->state(), {fmt::format("k{}", id), fmt::format("{}", number), ttl_ms, {}},
                        std::make_shared<kv::PutOutcome>());
  }
  Result<vector::WritePtr> document_put(std::uint64_t id, std::uint64_t number) {
    return doc::make_put(database_->documents(), {"d", fmt::format("{}", id), made_meta(number), {}},
                         std::make_shared<doc::PutOutcome>());
  }
  Status put_state(std::uint64_t id, std::uint64_t number, std::optional<std::uint64_t> ttl_ms = std::nullopt) {
    return commit_made(state_put(id, number, ttl_ms), engine::Database::Kind::kPut);
  }
  Status remove_state(std::uint64_t id) {
    return commit_made(
        kv::make_delete(database_->state(), {fmt::format("k{}", id), {}}, std::make_shared<kv::DeleteOutcome>()),
        engine::Database::Kind::kDelete);
  }
  Status put_document(std::uint64_t id, std::uint64_t number) {
    return commit_made(document_put(id, number), engine::Database::Kind::kPut);
  }
  Status remove_document(std::uint64_t id) {
    return commit_made(doc::make_delete(database_->documents(), {"d", fmt::format("{}", id), {}},
                                        std::make_shared<doc::DeleteOutcome>()),
                       engine::Database::Kind::kDelete);
  }
  // Requires: DatabaseOptions::sql.
  Status execute(const std::string& statement) {
    return commit_made(
        sql::make_exec(*database_->sql(), {statement, "[]", INT64_MAX}, std::make_shared<sql::ExecOutcome>()),
        engine::Database::Kind::kPut);
  }
  Status put_row(std::uint64_t id, std::uint64_t number) {
    VIBRATO_RETURN_IF_ERROR(execute(kMadeTable));
    return execute(fmt::format("INSERT OR REPLACE INTO t VALUES ({}, {})", id, number));
  }
  // A key, a document, an event and, with `name`, a point: as one batch.
  Status put_everywhere(std::uint64_t id, std::uint64_t number, const std::string& name = "") {
    std::vector<std::unique_ptr<commit::Write>> parts;
    const auto add = [&parts](Result<vector::WritePtr> part) -> Status {
      VIBRATO_RETURN_IF_ERROR(part.status());
      parts.push_back(std::move(*part));
      return ok_status();
    };
    VIBRATO_RETURN_IF_ERROR(add(state_put(id, number)));
    VIBRATO_RETURN_IF_ERROR(add(document_put(id, number)));
    VIBRATO_RETURN_IF_ERROR(
        add(events::make_append("made", made_meta(number), std::make_shared<events::AppendOutcome>())));
    std::vector<vector::CollectionPtr> collections;
    if (!name.empty()) {
      VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, database_->vectors().find(name));
      VIBRATO_RETURN_IF_ERROR(add(vector::make_upsert(database_->vectors(), collection,
                                                      {PointId(id), made_vector(number), made_meta(number)})));
      collections.push_back(collection);
    }
    std::promise<Status> ended;
    auto future = ended.get_future();
    VIBRATO_RETURN_IF_ERROR(database_->submit_to_all(
        commit::make_joined(database_->models(), std::move(parts), commit::JoinMode::kAllOrNothing,
                            std::make_shared<commit::JoinedOutcome>()),
        engine::Database::Kind::kPut, collections, commit::Durability::kSynced,
        [&ended](const Result<commit::Committed>& done) { ended.set_value(done.status()); }));
    return future.get();
  }

  // Ids and numbers, in this order, as one import.
  using ImportedPoints = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
  Status import(const std::string& name, const ImportedPoints& points) {
    VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, database_->vectors().find(name));
    std::promise<Status> ended;
    auto future = ended.get_future();
    const auto work = [&](vector::Import& import) -> engine::Imports::Last {
      Status status;
      for (const auto& [id, number] : points) {
        status = import.add({PointId(id), made_vector(number), made_meta(number)});
        if (!status.ok()) break;
      }
      status = status.ok() ? database_->commit_import(collection, import).status() : status;
      return [&ended, status] { ended.set_value(status); };
    };
    VIBRATO_RETURN_IF_ERROR(database_->start_import(
        collection, [] { return ok_status(); }, work));
    return future.get();
  }
  // Of the points whose number is at most `number`, two groups a page; answers "<how many> <last LSN>".
  Result<std::string> delete_up_to(const std::string& name, std::uint64_t number,
                                   std::optional<commit::IdempotencyKey> key = {}, std::uint32_t group_points = 7) {
    VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, database_->vectors().find(name));
    engine::DeleteByFilter request;
    request.filter.test = filter::Range<filter::Number>{
        {"n", {"n"}}, {}, filter::Bound<filter::Number>{filter::Number::from_unsigned(number), true}};
    request.key = std::move(key);
    request.page_points = 2 * group_points;
    request.group_points = group_points;
    request.make_answer = [](const engine::DeletedByFilter& deleted) {
      return fmt::format("{} {}", deleted.points, deleted.last_lsn.value());
    };
    return engine::delete_by_filter(*database_, collection, request);
  }
  // Of all collections.
  Status checkpoint() {
    return wait([this](engine::JobDone done) { return database_->start_checkpoint(std::move(done)); });
  }
  Status compact(const std::string& name) {
    return wait([&](engine::JobDone done) { return database_->start_compaction(name, std::move(done)); });
  }
  Status optimize(const std::string& name) {
    return wait([&](engine::JobDone done) { return database_->start_optimization(name, std::move(done)); });
  }
  Status snapshot(const std::string& name) {
    return wait([&](engine::JobDone done) { return database_->start_snapshot(name, std::move(done)); });
  }

  // Everything that a reader sees; a point that is not what its meta says, or that is there twice, is an error.
  Result<MadeContent> content() {
    MadeContent content;
    for (const vector::CollectionPtr& collection : database_->vectors().all()) {
      auto& points = content[collection->identity().name];
      const vector::ReadView view = collection->read_view();
      Status failed;
      view.version->for_each_newest_first([&](const std::shared_ptr<const vector::Segment>& segment) {
        for (std::uint32_t row = 0; row < segment->row_count() && failed.ok(); ++row) {
          if (segment->is_alive(row, view.visible)) {
            failed = add_point(*segment, row, points);
          }
        }
        return failed.ok();
      });
      VIBRATO_RETURN_IF_ERROR(failed);
      if (collection->info().live_count != points.size()) {
        return corruption(fmt::format("{} says that it has {} points, and has {}", collection->identity().name,
                                      collection->info().live_count, points.size()));
      }
    }
    VIBRATO_RETURN_IF_ERROR(add_state(content));
    VIBRATO_RETURN_IF_ERROR(add_documents(content));
    VIBRATO_RETURN_IF_ERROR(add_sql(content));
    return content;
  }

  engine::Database& operator*() { return *database_; }
  engine::Database* operator->() { return database_.get(); }
  [[nodiscard]] bool is_open() const { return database_ != nullptr; }
  engine::DatabaseOptions& options() { return options_; }
  FakeClock& clock() { return clock_; }
  const Logger& logger() const { return logger_; }
  MetricsRegistry& metrics() { return metrics_; }

 private:
  template <typename Start>
  Status wait(const Start& start) {
    std::promise<catalog::Job> ended;
    auto future = ended.get_future();
    const auto id = start([&ended](const catalog::Job& job, const Status& /*outcome*/) { ended.set_value(job); });
    VIBRATO_RETURN_IF_ERROR(id.status());
    const catalog::Job job = future.get();
    return job.state == catalog::JobState::kCompleted ? ok_status() : io_error(job.error.value_or("interrupted"));
  }

  Status commit_made(Result<vector::WritePtr> write, engine::Database::Kind kind) {
    VIBRATO_RETURN_IF_ERROR(write.status());
    return commit(std::move(*write), kind);
  }

  Status add_state(MadeContent& content) {
    kv::StateListQuery query;
    query.limit = 1000;
    VIBRATO_ASSIGN_OR_RETURN(const kv::StatePage page, database_->state().list(query));
    for (const kv::StateItem& item : page.items) {
      content[kMadeState][std::stoull(item.key.substr(1))] = std::stoull(item.value_json());
    }
    return ok_status();
  }
  Status add_documents(MadeContent& content) {
    VIBRATO_ASSIGN_OR_RETURN(const auto chosen, database_->documents().choose("d", std::nullopt, {.count = 1000}));
    for (const doc::ChosenDocument& one : chosen) {
      VIBRATO_ASSIGN_OR_RETURN(const overlay::RowPtr row, database_->documents().get("d", one.id));
      if (row == nullptr) {
        return corruption(fmt::format("document {} is chosen and not there", one.id));
      }
      content[kMadeDocuments][std::stoull(one.id)] = std::stoull(row->value.substr(5));
    }
    return ok_status();
  }
  Status add_sql(MadeContent& content) {
    if (database_->sql() == nullptr) {
      return ok_status();
    }
    struct Rows final : sqlite::RowSink {
      explicit Rows(MadeContent& made) : content(made) {}
      void take_columns(std::span<const std::string_view>) override {}
      bool take_row(std::span<const sqlite::SqlValueView> values) override {
        content[kMadeSql][static_cast<std::uint64_t>(std::get<std::int64_t>(values[0]))] =
            static_cast<std::uint64_t>(std::get<std::int64_t>(values[1]));
        return true;
      }
      MadeContent& content;
    };
    Rows rows(content);
    sql::Query query;
    query.statement = "SELECT id, n FROM t";
    query.deadline_ns = INT64_MAX;
    const Status read = database_->sql()->query(query, rows).status();
    return read.code() == ErrorCode::kInvalidArgument ? ok_status() : read;  // There is no table yet.
  }

  static Status add_point(const vector::Segment& segment, std::uint32_t row,
                          std::map<std::uint64_t, std::uint64_t>& points) {
    VIBRATO_ASSIGN_OR_RETURN(const PointIdView id, segment.id(row));
    VIBRATO_ASSIGN_OR_RETURN(const auto values, segment.vector(row));
    VIBRATO_ASSIGN_OR_RETURN(const std::string_view meta, segment.meta_json(row));
    const auto number = static_cast<std::uint64_t>(values[0] - 1) + 1000 * static_cast<std::uint64_t>(values[1]);
    const std::vector<float> expected = made_vector(number);
    if (meta != made_meta(number) || !std::equal(values.begin(), values.end(), expected.begin(), expected.end())) {
      return corruption(fmt::format("point {}: vector and meta are of two points", id.number));
    }
    return points.emplace(id.number, number).second ? ok_status()
                                                    : corruption(fmt::format("point {} is there twice", id.number));
  }

  io::FileSystem& fs_;
  engine::DatabaseOptions options_;
  FakeClock clock_;
  Logger logger_{LogLevel::kOff};
  MetricsRegistry metrics_;
  std::unique_ptr<engine::Database> database_;
};

}  // namespace vibrato::test
