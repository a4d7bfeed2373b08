// All collections of a database, as a model of the log: creates, drops, applies, and tells what exists.
//
// Staged records: validations ask find_staged_or_applied(), which looks at what is in flight first. Only the committer
// thread stages, validates and applies.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "catalog/catalog.hpp"
#include "commit/model.hpp"
#include "commit/visible_lsn.hpp"
#include "io/file_system.hpp"
#include "vector/collection.hpp"

namespace vibrato::vector {

using CollectionPtr = std::shared_ptr<Collection>;

class VectorModel final : public commit::Model {
 public:
  struct Options {
    std::string data_folder;
    Collection::Options collection;
  };

  // All of it outlives the model.
  VectorModel(io::FileSystem& fs, catalog::Catalog& catalog, const commit::VisibleLsn& visible, Options options);
  ~VectorModel() override;

  // ---- Lookups; from any thread ----
  // Applied collections. kNotFound names the collection.
  [[nodiscard]] Result<CollectionPtr> find(std::string_view name) const;
  // By name.
  [[nodiscard]] std::vector<CollectionPtr> all() const;

  // ---- For validation, on the committer's thread ----
  // A collection that was created or dropped by a record in flight counts as such.
  [[nodiscard]] Result<CollectionPtr> find_for_write(std::string_view name) const;
  struct PointNow {
    std::vector<float> vector;
    std::string meta_json;
  };
  [[nodiscard]] Result<bool> point_exists(const Collection& collection, const PointIdView& id) const;
  [[nodiscard]] Result<std::optional<PointNow>> point_now(const Collection& collection, const PointIdView& id) const;
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
  // Collections and their sealed parts from the catalog. A part that does not open makes its collection read-only.
  [[nodiscard]] Status load() override;

  // ---- For Maintenance ----
  // Created or dropped, and not in the catalog yet.
  struct Unsaved {
    std::vector<CollectionPtr> created;
    struct Dropped {
      CollectionPtr collection;  // Never saved if it is in `created` too.
      Lsn lsn;
    };
    std::vector<Dropped> dropped;
    Lsn applied;  // Of the whole model, when this was taken.
  };
  [[nodiscard]] Unsaved unsaved() const;
  // After the catalog's commit.
  void set_saved(const Unsaved& saved);
  // The last LSN of which the model has seen the effects, of whatever collection.
  [[nodiscard]] Lsn applied_lsn() const;
  // Of a log whose tail belongs to other models: what lies up to `lsn` holds nothing for this one.
  void set_applied_lsn(Lsn lsn);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vibrato::vector
