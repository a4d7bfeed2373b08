// The vector model behind a sequencer, a log and a catalog on a simulated disk, with the plainest of checkpoints: what
// the engine puts together, small enough for a test to see all of it.
#pragma once

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "catalog/catalog.hpp"
#include "commit/sequencer.hpp"
#include "io/simulated_file_system.hpp"
#include "support/fake_clock.hpp"
#include "support/log_records.hpp"
#include "support/status_matchers.hpp"
#include "vector/point_writes.hpp"
#include "vector/segment_writer.hpp"
#include "vector/vector_model.hpp"

namespace vibrato::test {

inline vector::CollectionSettings made_settings(std::uint32_t dim, Metric metric = Metric::kL2) {
  vector::CollectionSettings settings;
  settings.dim = dim;
  settings.metric = metric;
  settings.index = vector::IndexKind::kFlat;
  return settings;
}

class VectorDatabase {
 public:
  static constexpr const char* kFolder = "/data";

  // Folders of an empty disk.
  static void make_folders(io::FileSystem& fs) {
    ASSERT_OK(fs.create_directory(kFolder));
    ASSERT_OK(fs.create_directory(std::string(kFolder) + "/segments"));
    ASSERT_OK(fs.sync_directory("/"));
    ASSERT_OK(fs.sync_directory(kFolder));
  }

  VectorDatabase(io::FileSystem& fs, const Clock& clock, commit::SequencerOptions options = {})
      : fs_(fs), clock_(clock), options_(std::move(options)) {}
  ~VectorDatabase() { stop(); }

  // Recovers; the committer runs unless `paused`.
  [[nodiscard]] Status start(bool paused = false) {
    stop();
    vfs_ = std::make_unique<sqlite::Vfs>(fs_);
    VIBRATO_ASSIGN_OR_RETURN(catalog_, catalog::Catalog::open(*vfs_, kFolder, clock_));
    wal::LocalLogOptions log_options = plain_log_options();
    VIBRATO_ASSIGN_OR_RETURN(log_, wal::LocalLog::open(fs_, std::string(kFolder) + "/wal", log_options));
    VIBRATO_RETURN_IF_ERROR(log_->health());
    model_ = std::make_unique<vector::VectorModel>(fs_, *catalog_, visible_,
                                                   vector::VectorModel::Options{kFolder, collection_options});
    list_ = {model_.get()};
    models_ = std::make_unique<commit::ModelSet>(list_);
    VIBRATO_RETURN_IF_ERROR(models_->load_and_replay(*log_).status());
    sequencer_ = std::make_unique<commit::Sequencer>(*log_, *models_, round_time_, visible_, options_);
    if (!paused) {
      sequencer_->start();
    }
    return ok_status();
  }
  // As a process that is killed: nothing is closed, but what was submitted is committed.
  void stop() {
    sequencer_.reset();
    models_.reset();
    model_.reset();
    log_.reset();
    catalog_.reset();
  }

  [[nodiscard]] vector::VectorModel& model() { return *model_; }
  [[nodiscard]] commit::Sequencer& sequencer() { return *sequencer_; }
  [[nodiscard]] catalog::Catalog& catalog() { return *catalog_; }
  [[nodiscard]] wal::LocalLog& log() { return *log_; }
  [[nodiscard]] Lsn visible() const { return visible_.get(); }

  [[nodiscard]] vector::CollectionPtr collection(const std::string& name) {
    auto found = model_->find(name);
    EXPECT_OK(found);
    return found.ok() ? *found : nullptr;
  }
  [[nodiscard]] Result<commit::Committed> commit(Result<vector::WritePtr> write) {
    VIBRATO_RETURN_IF_ERROR(write.status());
    return sequencer_->commit(std::move(write).value());
  }
  [[nodiscard]] Result<commit::Committed> create(const std::string& name, const vector::CollectionSettings& settings) {
    return sequencer_->commit(vector::make_create_collection(*model_, name, settings, outcome_));
  }
  [[nodiscard]] Result<commit::Committed> drop(const std::string& name) {
    return sequencer_->commit(vector::make_drop_collection(*model_, name));
  }
  [[nodiscard]] Result<commit::Committed> upsert(const vector::CollectionPtr& to, vector::PointInput point) {
    return commit(vector::make_upsert(*model_, to, std::move(point)));
  }
  [[nodiscard]] const vector::CreateOutcome& create_outcome() const { return *outcome_; }

  // Everything into files and the catalog: every collection, or those that `chosen` names.
  [[nodiscard]] Status checkpoint(const std::vector<std::string>& chosen) {
    const auto taken = model_->unsaved();
    std::vector<vector::CollectionPtr> collections;
    for (const vector::CollectionPtr& one : model_->all()) {
      const bool wanted = std::find(chosen.begin(), chosen.end(), one->identity().name) != chosen.end();
      if (wanted || chosen.empty()) {
        collections.push_back(one);
      }
    }
    std::vector<Sealing> sealings;
    for (const vector::CollectionPtr& one : collections) {
      VIBRATO_ASSIGN_OR_RETURN(Sealing sealing, seal(one));
      sealings.push_back(std::move(sealing));
    }
    const Lsn saved = model_->saved_lsn(taken, collections);
    VIBRATO_RETURN_IF_ERROR(catalog_->write([&](catalog::Tables& tables) -> Status {
      Status status = vector::VectorModel::save_in(tables, taken, saved);
      for (auto sealing = sealings.begin(); status.ok() && sealing != sealings.end(); ++sealing) {
        status = save(tables, *sealing);
      }
      return status;
    }));
    for (Sealing& sealing : sealings) {
      VIBRATO_RETURN_IF_ERROR(publish(sealing));
    }
    model_->set_saved(taken, saved);
    return ok_status();
  }
  [[nodiscard]] Status checkpoint() { return checkpoint({}); }

  vector::Collection::Options collection_options;

 private:
  struct Sealing {
    vector::CollectionPtr collection;
    Lsn frozen_at;
    std::vector<std::shared_ptr<vector::HotPart>> parts;
    std::vector<catalog::Segment> entries;
  };

  Result<Sealing> seal(const vector::CollectionPtr& collection) {
    Sealing sealing = {collection, collection->freeze_hot(), {}, {}};
    sealing.parts = collection->read_view().version->frozen;
    for (const auto& part : sealing.parts) {
      while (part->index_step(1000)) {
      }
      // Names that were never used, whatever an earlier life left behind.
      const std::string file =
          fmt::format("segments/{}-{}.vdb", collection->identity().number.value(), part->last_lsn().value());
      VIBRATO_ASSIGN_OR_RETURN(
          catalog::Segment entry,
          vector::seal_hot_part(fs_, kFolder, file, collection->identity().number, collection->settings(), *part));
      sealing.entries.push_back(std::move(entry));
    }
    return sealing;
  }
  static Status save_bitmap(catalog::Tables& tables, catalog::SegmentId segment, const vector::DeleteLsns& deletes,
                            Lsn lsn) {
    return tables.segments.put_bitmap({segment, lsn, deletes.count(), deletes.encode(Lsn::max())});
  }
  static Status save(catalog::Tables& tables, Sealing& sealing) {
    for (std::size_t i = 0; i < sealing.entries.size(); ++i) {
      VIBRATO_ASSIGN_OR_RETURN(sealing.entries[i].id, tables.segments.insert(sealing.entries[i]));
      VIBRATO_RETURN_IF_ERROR(
          save_bitmap(tables, sealing.entries[i].id, *sealing.parts[i]->deletes(), sealing.frozen_at));
    }
    for (const auto& part : sealing.collection->read_view().version->sealed) {
      VIBRATO_RETURN_IF_ERROR(save_bitmap(tables, part->entry().id, *part->deletes(), sealing.frozen_at));
    }
    return tables.applied.set("vector", sealing.collection->identity().number, sealing.frozen_at);
  }
  Status publish(const Sealing& sealing) {
    std::vector<std::shared_ptr<const vector::SealedPart>> sealed;
    for (std::size_t i = 0; i < sealing.entries.size(); ++i) {
      VIBRATO_ASSIGN_OR_RETURN(
          auto part, vector::SealedPart::open(fs_, kFolder, sealing.entries[i], sealing.collection->settings(),
                                              sealing.parts[i]->deletes()));
      sealed.push_back(std::move(part));
    }
    sealing.collection->publish_sealed(sealing.parts, sealed);
    sealing.collection->set_durable_lsn(sealing.frozen_at);
    return ok_status();
  }

  io::FileSystem& fs_;
  const Clock& clock_;
  commit::RoundTime round_time_{clock_};
  std::unique_ptr<sqlite::Vfs> vfs_;  // A new one in each life: it remembers syncs that failed.
  commit::SequencerOptions options_;
  commit::VisibleLsn visible_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<wal::LocalLog> log_;
  std::unique_ptr<vector::VectorModel> model_;
  std::vector<commit::Model*> list_;
  std::unique_ptr<commit::ModelSet> models_;
  std::unique_ptr<commit::Sequencer> sequencer_;
  std::shared_ptr<vector::CreateOutcome> outcome_ = std::make_shared<vector::CreateOutcome>();
};

}  // namespace vibrato::test
