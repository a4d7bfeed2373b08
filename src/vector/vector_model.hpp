// All collections of a database, as a model of the log: creates, drops, applies, and tells what exists.
//
// Staged records: validations look at what is in flight first, then at what is applied. Only the committer's thread
// stages, validates and applies; lookups by name come from everywhere beside it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "catalog/catalog.hpp"
#include "commit/model.hpp"
#include "commit/visible_lsn.hpp"
#include "io/file_system.hpp"
#include "vector/collection_registry.hpp"
#include "vector/staged_imports.hpp"

namespace vibrato::vector {

class VectorModel final : public commit::Model {
 public:
  struct Options {
    std::string data_folder;
    Collection::Options collection;  // Without a filter cache the model makes one.
    VectorAccess vector_access = VectorAccess::kRandom;
  };

  // All of it outlives the model.
  VectorModel(io::FileSystem& fs, catalog::Catalog& catalog, const commit::VisibleLsn& visible, Options options);
  ~VectorModel() override;

  // ---- Lookups; from any thread ----
  // Applied collections. kNotFound names the collection.
  [[nodiscard]] Result<CollectionPtr> find(std::string_view name) const;
  // By name, bytewise.
  [[nodiscard]] std::vector<CollectionPtr> all() const;

  // ---- For validation, on the committer's thread ----
  // A collection that was created or dropped by a record in flight counts as such.
  [[nodiscard]] Result<CollectionPtr> find_for_write(std::string_view name) const;
  // kNotFound if the collection was dropped, also by a record in flight.
  [[nodiscard]] Status check_exists(const Collection& collection) const;
  // As check_exists(); then the collection's damage.
  [[nodiscard]] Status check_takes_writes(const Collection& collection) const;
  struct PointNow {
    std::vector<float> vector;
    std::string meta_json;
  };
  [[nodiscard]] Result<bool> point_exists(const Collection& collection, const PointIdView& id) const;
  // The same, and no write of it is newer than `since` or in flight.
  [[nodiscard]] Result<bool> point_is_unchanged(const Collection& collection, const PointIdView& id, Lsn since) const;
  [[nodiscard]] Result<std::optional<PointNow>> point_now(const Collection& collection, const PointIdView& id) const;
  // The number that the next point without an id gets (vector/point_numbers.hpp), puts in flight included.
  [[nodiscard]] std::uint64_t next_point_number(const Collection& collection) const;
  // What was prepared for an import whose record will name this file first, until it is forgotten; from any thread.
  [[nodiscard]] StagedImports& imports();
  // Collections, those in flight included.
  [[nodiscard]] std::size_t count_for_write() const;
  // CollectionNumber::max() once all are used up.
  [[nodiscard]] CollectionNumber next_number() const;

  // ---- commit::Model ----
  [[nodiscard]] std::string_view name() const override { return "vector"; }
  [[nodiscard]] std::span<const std::uint16_t> record_types() const override;
  void stage(const wal::StoredRecord& record) override;
  void unstage_from(Lsn lsn) override;
  [[nodiscard]] Status apply(const wal::StoredRecord& record) override;
  [[nodiscard]] Lsn durable_lsn() const override;
  // Checkpoints through the function that set_saver() was given (Maintenance::checkpoint).
  [[nodiscard]] Status save(Lsn up_to) override;
  void set_saver(std::function<Status(Lsn up_to)> saver);
  // Collections and their sealed parts from the catalog. A part that does not open is marked as damaged there; one that
  // is so marked keeps its collection read-only, unless all of its file proves whole: then the mark goes.
  [[nodiscard]] Status load() override;
  // The files of parts whose marks load() took back.
  [[nodiscard]] const std::vector<std::string>& whole_again() const;

  // ---- For Maintenance; from any thread ----
  // Created or dropped, and not in the catalog yet.
  struct Unsaved {
    using Dropped = DroppedCollection;
    std::vector<CollectionPtr> created;  // By number.
    std::vector<Dropped> dropped;        // By LSN. May be in `created` as well.
    Lsn applied;                         // All effects up to here were applied when this was taken.
  };
  // A checkpoint takes this first, then freezes, so that nothing at or below `applied` escapes both.
  [[nodiscard]] Unsaved unsaved() const;
  // Up to where everything is durable once `taken` is saved and each of `checkpointed` is, up to where it was frozen
  // after `taken`: the model's applied LSN in the catalog.
  [[nodiscard]] Lsn saved_lsn(const Unsaved& taken, std::span<const CollectionPtr> checkpointed) const;
  // In the checkpoint's transaction: the rows of collections that were created or dropped, and the applied LSN. One
  // that was created and dropped gets both marks, so that its number is never given again.
  [[nodiscard]] static Status save_in(catalog::Tables& tables, const Unsaved& saved, Lsn saved_lsn);
  // After the catalog's commit. One checkpoint at a time: `saved` was taken after the last one was set.
  void set_saved(const Unsaved& saved, Lsn saved_lsn);
  // The last LSN of which the model has seen the effects, of whatever collection.
  [[nodiscard]] Lsn applied_lsn() const;
  // Of a log whose tail belongs to other models: what lies up to `lsn` holds nothing more for this one. On the
  // committer's thread, or before there is one.
  void set_applied_lsn(Lsn lsn);

  // A segment was found damaged: marks it so in the catalog with the reason (file and offset named), where it stays
  // until an operator acts, and makes its collection read-only. The collection is read-only even if the catalog cannot
  // be written.
  [[nodiscard]] Status degrade(Collection& collection, catalog::SegmentId segment, const std::string& reason);
  // It proved whole: takes the mark back, in the catalog first.
  [[nodiscard]] Status reinstate(Collection& collection, catalog::SegmentId segment);

 private:
  // The newest record in flight of the point; null if there is none, or if a row of an import in flight is newer, which
  // is in `imported` then.
  [[nodiscard]] Result<const wal::StoredRecord*> staged_point(const Collection& collection, const PointIdView& id,
                                                              std::optional<ImportedRow>& imported) const;

  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vibrato::vector
