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

#include "engine/database.hpp"
#include "engine/delete_by_filter.hpp"
#include "io/simulated_file_system.hpp"
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

// By collection, by id: the number of the point.
using MadeContent = std::map<std::string, std::map<std::uint64_t, std::uint64_t>>;

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
