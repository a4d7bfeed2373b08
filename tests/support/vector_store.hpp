// The vector model with its log, catalog and maintenance in one folder, without an engine around it: what tests of
// checkpoints and merges open, write to, close and open again.
#pragma once

#include <array>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/logging.hpp"
#include "base/random.hpp"
#include "commit/sequencer.hpp"
#include "io/safe_path.hpp"
#include "io/simulated_file_system.hpp"
#include "support/fake_clock.hpp"
#include "support/status_matchers.hpp"
#include "vector/maintenance.hpp"
#include "vector/point_writes.hpp"
#include "vector/vector_model.hpp"
#include "wal/local_log.hpp"

namespace vibrato::test {

inline constexpr std::string_view kStoreFolder = "/data";

struct VectorStoreOptions {
  vector::MaintenanceOptions maintenance;
  vector::Collection::Options collection;
  std::string data_folder = std::string(kStoreFolder);
  std::uint64_t log_segment_bytes = std::uint64_t{1} * 1024 * 1024;
  std::uint64_t log_zeros_bytes = 16 * 1024;
};

// The folders that a store needs; durable when this returns ok.
inline Status make_store_folder(io::FileSystem& fs, const std::string& folder = std::string(kStoreFolder)) {
  VIBRATO_RETURN_IF_ERROR(fs.create_directory(folder));
  VIBRATO_RETURN_IF_ERROR(fs.create_directory(fmt::format("{}/segments", folder)));
  VIBRATO_RETURN_IF_ERROR(fs.sync_directory(folder));
  return fs.sync_directory(io::parent_of(folder));
}

class VectorStore {
 public:
  // Opens, replays and starts. `fs` and `clock` outlive it.
  static Result<std::unique_ptr<VectorStore>> open(io::FileSystem& fs, FakeClock& clock, VectorStoreOptions options) {
    auto store = std::unique_ptr<VectorStore>(new VectorStore(fs, clock, std::move(options)));
    VIBRATO_RETURN_IF_ERROR(store->start());
    return store;
  }
  ~VectorStore() { stop(); }
  VectorStore(const VectorStore&) = delete;
  VectorStore& operator=(const VectorStore&) = delete;

  void stop() {
    if (sequencer_) {
      sequencer_->stop();
    }
  }

  // ---- Writes, waiting ----
  Status create(const std::string& name, const vector::CollectionSettings& settings) {
    return commit(vector::make_create_collection(*model_, name, settings, std::make_shared<vector::CreateOutcome>()));
  }
  Status drop(const std::string& name) { return commit(vector::make_drop_collection(*model_, name)); }
  Status put(const std::string& name, const PointId& id, std::vector<float> vector, std::string meta_json = "") {
    VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, model_->find(name));
    VIBRATO_ASSIGN_OR_RETURN(vector::WritePtr write,
                             vector::make_upsert(*model_, collection, {id, std::move(vector), std::move(meta_json)}));
    return commit(std::move(write));
  }
  Status put_all(const std::string& name, std::vector<vector::PointInput> points) {
    VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, model_->find(name));
    const auto outcome = std::make_shared<vector::BatchOutcome>();
    VIBRATO_RETURN_IF_ERROR(commit(vector::make_upsert_batch(*model_, collection, std::move(points), outcome)));
    for (const Status& item : outcome->items) {
      VIBRATO_RETURN_IF_ERROR(item);
    }
    return ok_status();
  }
  Status remove(const std::string& name, const PointId& id) {
    VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, model_->find(name));
    VIBRATO_ASSIGN_OR_RETURN(vector::WritePtr write, vector::make_delete(*model_, collection, id));
    return commit(std::move(write));
  }

  // Files are not hashed.
  std::unique_ptr<vector::Import> begin_import(const std::string& name) {
    vector::ImportOptions options;
    options.hash = [](const std::string&, std::uint64_t) { return std::array<std::byte, 32>(); };
    return maintenance_->begin_import(collection(name), std::move(options));
  }
  Status commit_import(vector::Import& import) {
    VIBRATO_RETURN_IF_ERROR(import.finish());
    return import.commit(*model_, [this](vector::WritePtr write) { return sequencer_->commit(std::move(write)); })
        .status();
  }

  // ---- Looking ----
  struct Found {
    std::vector<float> vector;
    std::string meta_json;
    bool operator==(const Found&) const = default;
  };
  using Contents = std::map<PointId, Found>;
  // Every row that a reader sees, by going through all parts; kCorruption when an id is there twice.
  static Result<Contents> contents_of(const vector::Collection& collection) {
    const vector::ReadView view = collection.read_view();
    Contents contents;
    Status status;
    view.version->for_each_newest_first([&](const std::shared_ptr<const vector::Segment>& segment) {
      status = add_contents(*segment, view.visible, contents);
      return status.ok();
    });
    VIBRATO_RETURN_IF_ERROR(status);
    return contents;
  }
  Result<Contents> contents_of(const std::string& name) const {
    VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, model_->find(name));
    return contents_of(*collection);
  }
  [[nodiscard]] vector::CollectionPtr collection(const std::string& name) const {
    auto found = model_->find(name);
    return found.ok() ? *found : nullptr;
  }
  // The files of the segments folder.
  [[nodiscard]] std::vector<std::string> segment_files() const {
    std::vector<std::string> names;
    const auto listed = fs_.list_directory(fmt::format("{}/segments", options_.data_folder));
    EXPECT_OK(listed);
    for (const io::FileInfo& info : *listed) {
      names.push_back(info.name);
    }
    return names;
  }

  [[nodiscard]] vector::Maintenance& maintenance() { return *maintenance_; }
  [[nodiscard]] vector::VectorModel& model() const { return *model_; }
  [[nodiscard]] catalog::Catalog& catalog() { return *catalog_; }
  [[nodiscard]] wal::LocalLog& log() { return *log_; }
  [[nodiscard]] Lsn visible() const { return visible_.get(); }

  // Checkpoints everything.
  Result<vector::CheckpointReport> checkpoint() { return maintenance_->checkpoint(visible_.get(), {}); }

 private:
  VectorStore(io::FileSystem& fs, FakeClock& clock, VectorStoreOptions options)
      : fs_(fs), clock_(clock), options_(std::move(options)), vfs_(fs) {
    options_.maintenance.data_folder = options_.data_folder;
  }

  Status start() {
    VIBRATO_ASSIGN_OR_RETURN(catalog_, catalog::Catalog::open(vfs_, options_.data_folder, clock_));
    wal::LocalLogOptions log_options;
    log_options.segment_bytes = options_.log_segment_bytes;
    log_options.zeros_ahead_bytes = options_.log_zeros_bytes;
    VIBRATO_ASSIGN_OR_RETURN(log_, wal::LocalLog::open(fs_, fmt::format("{}/wal", options_.data_folder), log_options));
    model_ = std::make_unique<vector::VectorModel>(
        fs_, *catalog_, visible_, vector::VectorModel::Options{options_.data_folder, options_.collection});
    maintenance_ =
        std::make_unique<vector::Maintenance>(fs_, *catalog_, *model_, clock_, logger_, options_.maintenance);
    list_ = {model_.get()};
    models_ = std::make_unique<commit::ModelSet>(list_);
    VIBRATO_RETURN_IF_ERROR(models_->load_and_replay(*log_).status());
    VIBRATO_RETURN_IF_ERROR(maintenance_->quarantine_orphans().status());
    sequencer_ =
        std::make_unique<commit::Sequencer>(*log_, *models_, round_time_, visible_, commit::SequencerOptions());
    sequencer_->start();
    return ok_status();
  }

  Status commit(vector::WritePtr write) { return sequencer_->commit(std::move(write)).status(); }

  static Status add_contents(const vector::Segment& segment, Lsn visible, Contents& contents) {
    for (std::uint32_t row = 0; row < segment.row_count(); ++row) {
      if (!segment.is_alive(row, visible)) {
        continue;
      }
      VIBRATO_ASSIGN_OR_RETURN(const PointIdView id, segment.id(row));
      VIBRATO_ASSIGN_OR_RETURN(const std::span<const float> vector, segment.vector(row));
      VIBRATO_ASSIGN_OR_RETURN(const std::string_view meta, segment.meta_json(row));
      const auto [place, fresh] =
          contents.emplace(PointId(id), Found{{vector.begin(), vector.end()}, std::string(meta)});
      if (!fresh) {
        return corruption(fmt::format("an id is there twice: {}{}", id.text, id.number));
      }
    }
    return ok_status();
  }

  io::FileSystem& fs_;
  FakeClock& clock_;
  commit::RoundTime round_time_{clock_};
  VectorStoreOptions options_;
  sqlite::Vfs vfs_;
  Logger logger_{LogLevel::kOff};
  commit::VisibleLsn visible_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<wal::LocalLog> log_;
  std::unique_ptr<vector::VectorModel> model_;
  std::unique_ptr<vector::Maintenance> maintenance_;
  std::vector<commit::Model*> list_;
  std::unique_ptr<commit::ModelSet> models_;
  std::unique_ptr<commit::Sequencer> sequencer_;
};

// A row of its own for each id and version.
inline std::vector<float> made_vector(std::uint32_t dim, std::uint64_t id, std::uint64_t version = 0) {
  Random random(id * 1'000'003 + version);
  std::vector<float> vector(dim);
  for (float& value : vector) {
    value = static_cast<float>(random.normal());
  }
  return vector;
}

}  // namespace vibrato::test
