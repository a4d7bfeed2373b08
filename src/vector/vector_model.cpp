#include "vector/vector_model.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <fmt/format.h>
#include <unordered_set>
#include <utility>

#include "base/limits.hpp"
#include "format/vector_records.hpp"
#include "vector/catalog_rows.hpp"
#include "vector/load_collections.hpp"
#include "vector/staged_points.hpp"

namespace vibrato::vector {
namespace {

using format::VectorRecord;

constexpr std::array kRecordTypes = {
    static_cast<std::uint16_t>(VectorRecord::kCollectionCreated),
    static_cast<std::uint16_t>(VectorRecord::kCollectionDropped),
    static_cast<std::uint16_t>(VectorRecord::kPointPut),
    static_cast<std::uint16_t>(VectorRecord::kPointDeleted),
    static_cast<std::uint16_t>(VectorRecord::kVectorsImported),
};

Status no_collection(std::string_view name) {
  return not_found(fmt::format("there is no collection \"{}\"", name));
}

VectorModel::Options with_filter_cache(VectorModel::Options options) {
  if (options.collection.filter_cache == nullptr) {
    options.collection.filter_cache = std::make_shared<FilterCache>(limits::kFilterCacheBytesMax);
  }
  return options;
}

}  // namespace

class VectorModel::Impl {
 public:
  Impl(io::FileSystem& fs, catalog::Catalog& catalog, const commit::VisibleLsn& visible, Options options)
      : fs_(fs), catalog_(catalog), visible_(visible), options_(std::move(options)) {}

  [[nodiscard]] Status load();
  void stage(const wal::StoredRecord& record);
  [[nodiscard]] Status apply(const wal::StoredRecord& record);
  void raise_applied(Lsn lsn);

  io::FileSystem& fs_;
  catalog::Catalog& catalog_;
  const commit::VisibleLsn& visible_;
  const Options options_;
  std::function<Status(Lsn)> saver_;

  CollectionRegistry registry_;
  StagedPoints staged_points_;  // The committer's own.
  StagedImports imports_;
  std::atomic<std::uint64_t> applied_{0};
  std::atomic<std::uint64_t> durable_{0};
  std::vector<std::string> whole_again_;  // Set by load().

 private:
  [[nodiscard]] Status apply_effect(const wal::StoredRecord& record);
  [[nodiscard]] Status apply_created(const wal::StoredRecord& record);
  [[nodiscard]] Status apply_put(const wal::StoredRecord& record);
  [[nodiscard]] Status apply_delete(const wal::StoredRecord& record);
  [[nodiscard]] Status apply_imported(const wal::StoredRecord& record);
  [[nodiscard]] Result<NewImport> open_imported(const Collection& collection,
                                                const format::VectorsImported& imported) const;
  [[nodiscard]] Result<CollectionPtr> make_collection(const wal::StoredRecord& record) const;
  // In place where the log's buffer allows it.
  [[nodiscard]] std::span<const float> floats(std::span<const std::byte> bytes);

  std::vector<float> aligned_;
};

Status VectorModel::Impl::load() {
  const LoadContext context = {
      fs_, catalog_, visible_, options_.data_folder, options_.collection, options_.vector_access};
  VIBRATO_ASSIGN_OR_RETURN(LoadedCollections loaded, load_collections(context));
  registry_.load(loaded);
  whole_again_ = std::move(loaded.whole_again);
  durable_.store(loaded.applied.value(), std::memory_order_release);
  raise_applied(loaded.applied);
  return ok_status();
}

void VectorModel::Impl::stage(const wal::StoredRecord& record) {
  switch (static_cast<VectorRecord>(record.type)) {
    case VectorRecord::kPointPut:
    case VectorRecord::kPointDeleted:
      staged_points_.stage(record);
      return;
    case VectorRecord::kVectorsImported: {
      const auto imported = format::decode_vectors_imported(record.body);
      VIBRATO_CHECK(imported.ok());  // Our own write encoded it.
      PreparedImportPtr prepared = imports_.prepared(imported->files.front().file);
      VIBRATO_CHECK(prepared != nullptr);
      imports_.stage(record.lsn, record.collection, std::move(prepared));
      return;
    }
    case VectorRecord::kCollectionCreated: {
      auto made = make_collection(record);
      VIBRATO_CHECK(made.ok());  // Our own write encoded it.
      registry_.stage_created(record.lsn, std::move(made).value());
      return;
    }
    case VectorRecord::kCollectionDropped:
      registry_.stage_dropped(record.lsn, record.collection);
      return;
  }
}

Status VectorModel::Impl::apply(const wal::StoredRecord& record) {
  VIBRATO_RETURN_IF_ERROR(apply_effect(record));
  staged_points_.set_applied(record.lsn);
  imports_.set_applied(record.lsn);
  registry_.forget_staged(record.lsn);
  raise_applied(record.lsn);
  return ok_status();
}

Status VectorModel::Impl::apply_effect(const wal::StoredRecord& record) {
  switch (static_cast<VectorRecord>(record.type)) {
    case VectorRecord::kPointPut:
      return apply_put(record);
    case VectorRecord::kPointDeleted:
      return apply_delete(record);
    case VectorRecord::kVectorsImported:
      return apply_imported(record);
    case VectorRecord::kCollectionCreated:
      return apply_created(record);
    case VectorRecord::kCollectionDropped:
      return registry_.apply_dropped(record.collection, record.lsn);
  }
  return invalid_argument(fmt::format("{} is no type of the vector model", record.type));
}

// After the effects, so that whoever reads it finds them.
void VectorModel::Impl::raise_applied(Lsn lsn) {
  if (lsn.value() > applied_.load(std::memory_order_relaxed)) {
    applied_.store(lsn.value(), std::memory_order_release);
  }
}

Result<CollectionPtr> VectorModel::Impl::make_collection(const wal::StoredRecord& record) const {
  VIBRATO_ASSIGN_OR_RETURN(format::CollectionCreated created, format::decode_collection_created(record.body));
  VIBRATO_ASSIGN_OR_RETURN(const CollectionSettings settings, parse_settings(created.settings));
  CollectionIdentity identity = {record.collection, std::move(created.name), settings, record.time_ms, record.lsn};
  return std::make_shared<Collection>(std::move(identity), visible_, options_.collection);
}

Status VectorModel::Impl::apply_created(const wal::StoredRecord& record) {
  // The staged object, if there is one: writes that were validated since hold it.
  CollectionPtr collection = registry_.staged_at(record.lsn);
  if (collection == nullptr) {
    VIBRATO_ASSIGN_OR_RETURN(collection, make_collection(record));
  }
  return registry_.apply_created(collection);
}

Status VectorModel::Impl::apply_put(const wal::StoredRecord& record) {
  VIBRATO_ASSIGN_OR_RETURN(const format::PointPut put, format::decode_point_put(record.body));
  VIBRATO_ASSIGN_OR_RETURN(const CollectionPtr collection, registry_.find_applied(record.collection));
  return collection == nullptr
             ? ok_status()
             : collection->apply_put(put.id, floats(put.vector), put.meta_json, record.lsn, record.time_ms);
}

Status VectorModel::Impl::apply_delete(const wal::StoredRecord& record) {
  VIBRATO_ASSIGN_OR_RETURN(const PointIdView id, format::decode_point_deleted(record.body));
  VIBRATO_ASSIGN_OR_RETURN(const CollectionPtr collection, registry_.find_applied(record.collection));
  return collection == nullptr ? ok_status() : collection->apply_delete(id, record.lsn, record.time_ms);
}

// Live, what was prepared; in a replay, what the record names. A file that cannot be had is damage of the collection
// and does not end the replay.
Status VectorModel::Impl::apply_imported(const wal::StoredRecord& record) {
  VIBRATO_ASSIGN_OR_RETURN(const format::VectorsImported imported, format::decode_vectors_imported(record.body));
  VIBRATO_ASSIGN_OR_RETURN(const CollectionPtr collection, registry_.find_applied(record.collection));
  if (collection == nullptr || record.lsn <= collection->durable_lsn()) {
    return ok_status();
  }
  if (const PreparedImportPtr prepared = imports_.prepared(imported.files.front().file); prepared != nullptr) {
    return collection->apply_import(prepared->import, record.lsn, record.time_ms);
  }
  const auto opened = open_imported(*collection, imported);
  if (!opened.ok()) {
    const std::string reason =
        fmt::format("the import at LSN {} cannot be replayed, as a file of it is damaged or is not there any more: {}",
                    record.lsn.value(), opened.status().message());
    collection->apply_lost_import(reason, record.lsn, record.time_ms);
    return ok_status();
  }
  return collection->apply_import(*opened, record.lsn, record.time_ms);
}

Result<NewImport> VectorModel::Impl::open_imported(const Collection& collection,
                                                   const format::VectorsImported& imported) const {
  NewImport result;
  result.points = imported.points;
  result.next_point_number = imported.next_point_number;
  for (const format::ImportedFile& file : imported.files) {
    catalog::Segment entry;
    entry.collection = collection.identity().number;
    entry.file = std::string(file.file);
    entry.level = file.level;
    entry.row_count = file.rows;
    entry.bytes = file.bytes;
    entry.first_lsn = entry.last_lsn = SealedPart::kUnknownLsn;
    VIBRATO_ASSIGN_OR_RETURN(const std::shared_ptr<SealedPart> part,
                             SealedPart::open(fs_, options_.data_folder, entry, collection.settings(), nullptr, nullptr,
                                              options_.vector_access));
    if (part->rows().file().size_bytes() != file.bytes) {
      return corruption(fmt::format("{}: size: expected {} (the log's), found {}", entry.file, file.bytes,
                                    part->rows().file().size_bytes()));
    }
    if (!file.dead.empty()) {
      VIBRATO_RETURN_IF_ERROR(part->deletes()->load(file.dead));
    }
    result.parts.push_back(part);
  }
  return result;
}

std::span<const float> VectorModel::Impl::floats(std::span<const std::byte> bytes) {
  const std::size_t count = bytes.size() / sizeof(float);
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(float) == 0) {
    return {reinterpret_cast<const float*>(bytes.data()), count};
  }
  aligned_.resize(count);
  std::memcpy(aligned_.data(), bytes.data(), bytes.size());
  return aligned_;
}

VectorModel::VectorModel(io::FileSystem& fs, catalog::Catalog& catalog, const commit::VisibleLsn& visible,
                         Options options)
    : impl_(std::make_unique<Impl>(fs, catalog, visible, with_filter_cache(std::move(options)))) {}

VectorModel::~VectorModel() = default;

Result<CollectionPtr> VectorModel::find(std::string_view name) const {
  CollectionPtr collection = impl_->registry_.find(name);
  if (collection == nullptr) {
    return no_collection(name);
  }
  return collection;
}

std::vector<CollectionPtr> VectorModel::all() const {
  return impl_->registry_.all();
}

Result<CollectionPtr> VectorModel::find_for_write(std::string_view name) const {
  CollectionPtr collection = impl_->registry_.find_for_write(name);
  if (collection == nullptr) {
    return no_collection(name);
  }
  return collection;
}

Status VectorModel::check_exists(const Collection& collection) const {
  return impl_->registry_.exists(collection) ? ok_status() : no_collection(collection.identity().name);
}

Status VectorModel::check_takes_writes(const Collection& collection) const {
  VIBRATO_RETURN_IF_ERROR(check_exists(collection));
  return collection.check_writable();
}

Result<const wal::StoredRecord*> VectorModel::staged_point(const Collection& collection, const PointIdView& id,
                                                           std::optional<ImportedRow>& imported) const {
  const auto* staged = impl_->staged_points_.find(collection.identity().number, id);
  if (impl_->imports_.empty()) {
    return staged;
  }
  VIBRATO_ASSIGN_OR_RETURN(const auto found, impl_->imports_.find(collection.identity().number, id));
  if (found && (staged == nullptr || staged->lsn < found->lsn)) {
    imported = found->row;
    return nullptr;
  }
  return staged;
}

Result<bool> VectorModel::point_exists(const Collection& collection, const PointIdView& id) const {
  std::optional<ImportedRow> imported;
  VIBRATO_ASSIGN_OR_RETURN(const auto* staged, staged_point(collection, id, imported));
  if (staged != nullptr) {
    return staged->type == static_cast<std::uint16_t>(VectorRecord::kPointPut);
  }
  if (imported) {
    return true;
  }
  VIBRATO_ASSIGN_OR_RETURN(const auto point, collection.find_applied(id));
  return point.has_value();
}

Result<bool> VectorModel::point_is_unchanged(const Collection& collection, const PointIdView& id, Lsn since) const {
  std::optional<ImportedRow> imported;
  VIBRATO_ASSIGN_OR_RETURN(const auto* staged, staged_point(collection, id, imported));
  if (staged != nullptr || imported) {
    return false;
  }
  VIBRATO_ASSIGN_OR_RETURN(const auto point, collection.find_applied(id));
  return point.has_value() && point->segment->row_lsn(point->row) <= since;
}

Result<std::optional<VectorModel::PointNow>> VectorModel::point_now(const Collection& collection,
                                                                    const PointIdView& id) const {
  std::optional<ImportedRow> imported;
  VIBRATO_ASSIGN_OR_RETURN(const auto* staged, staged_point(collection, id, imported));
  if (imported) {
    VIBRATO_ASSIGN_OR_RETURN(const auto values, imported->part->vector(imported->row));
    VIBRATO_ASSIGN_OR_RETURN(const auto meta, imported->part->meta_json(imported->row));
    return std::optional(PointNow{{values.begin(), values.end()}, std::string(meta)});
  }
  if (staged != nullptr) {
    if (staged->type == static_cast<std::uint16_t>(VectorRecord::kPointDeleted)) {
      return std::optional<PointNow>();
    }
    VIBRATO_ASSIGN_OR_RETURN(const format::PointPut put, format::decode_point_put(staged->body));
    PointNow now;
    now.vector.resize(put.vector.size() / sizeof(float));
    std::memcpy(now.vector.data(), put.vector.data(), put.vector.size());
    now.meta_json = put.meta_json;
    return std::optional(std::move(now));
  }
  VIBRATO_ASSIGN_OR_RETURN(const auto point, collection.find_applied(id));
  if (!point) {
    return std::optional<PointNow>();
  }
  return std::optional(PointNow{{point->vector.begin(), point->vector.end()}, std::string(point->meta_json)});
}

std::uint64_t VectorModel::next_point_number(const Collection& collection) const {
  const CollectionNumber number = collection.identity().number;
  return std::max(
      {collection.next_point_number(), impl_->staged_points_.next_number(number), impl_->imports_.next_number(number)});
}

StagedImports& VectorModel::imports() {
  return impl_->imports_;
}

std::size_t VectorModel::count_for_write() const {
  return impl_->registry_.count_for_write();
}

CollectionNumber VectorModel::next_number() const {
  const CollectionNumber highest = impl_->registry_.highest_number_for_write();
  return highest == CollectionNumber::max() ? highest : highest.next();
}

std::span<const std::uint16_t> VectorModel::record_types() const {
  return kRecordTypes;
}

void VectorModel::stage(const wal::StoredRecord& record) {
  impl_->stage(record);
}

void VectorModel::unstage_from(Lsn lsn) {
  impl_->staged_points_.unstage_from(lsn);
  impl_->imports_.unstage_from(lsn);
  impl_->registry_.unstage_from(lsn);
}

Status VectorModel::apply(const wal::StoredRecord& record) {
  return impl_->apply(record);
}

Lsn VectorModel::durable_lsn() const {
  return Lsn(impl_->durable_.load(std::memory_order_acquire));
}

Status VectorModel::save(Lsn up_to) {
  VIBRATO_CHECK(impl_->saver_ != nullptr);
  return impl_->saver_(up_to);
}

void VectorModel::set_saver(std::function<Status(Lsn up_to)> saver) {
  impl_->saver_ = std::move(saver);
}

Status VectorModel::load() {
  return impl_->load();
}

const std::vector<std::string>& VectorModel::whole_again() const {
  return impl_->whole_again_;
}

VectorModel::Unsaved VectorModel::unsaved() const {
  const Lsn applied = applied_lsn();  // Before the lists: what they lack then lies above.
  CollectionRegistry::Unsaved lists = impl_->registry_.unsaved();
  return {std::move(lists.created), std::move(lists.dropped), applied};
}

Lsn VectorModel::saved_lsn(const Unsaved& taken, std::span<const CollectionPtr> checkpointed) const {
  const std::unordered_set<CollectionPtr> done(checkpointed.begin(), checkpointed.end());
  Lsn saved = taken.applied;
  for (const CollectionPtr& collection : all()) {
    if (done.contains(collection)) {
      continue;
    }
    if (const auto oldest = collection->oldest_unsaved_lsn()) {
      saved = std::min(saved, Lsn(oldest->value() - 1));
    }
  }
  return std::max(saved, durable_lsn());
}

// In the order of the LSNs: a name may have been dropped and given again.
Status VectorModel::save_in(catalog::Tables& tables, const Unsaved& saved, Lsn saved_lsn) {
  auto dropped = saved.dropped.begin();
  const auto drop_before = [&](Lsn lsn) -> Status {
    for (; dropped != saved.dropped.end() && dropped->lsn < lsn; ++dropped) {
      const CollectionNumber number = dropped->collection->identity().number;
      VIBRATO_RETURN_IF_ERROR(tables.collections.drop(number, dropped->lsn));
      VIBRATO_RETURN_IF_ERROR(tables.applied.forget(kModelName, number));
    }
    return ok_status();
  };
  for (const CollectionPtr& created : saved.created) {
    VIBRATO_RETURN_IF_ERROR(drop_before(created->identity().created_lsn));
    VIBRATO_RETURN_IF_ERROR(tables.collections.insert(catalog_row(created->identity())));
  }
  VIBRATO_RETURN_IF_ERROR(drop_before(Lsn::max()));
  return tables.applied.set(kModelName, CollectionNumber(), saved_lsn);
}

void VectorModel::set_saved(const Unsaved& saved, Lsn saved_lsn) {
  impl_->registry_.set_saved(saved.created.size(), saved.dropped.size());
  if (saved_lsn > durable_lsn()) {
    impl_->durable_.store(saved_lsn.value(), std::memory_order_release);
  }
}

Lsn VectorModel::applied_lsn() const {
  return Lsn(impl_->applied_.load(std::memory_order_acquire));
}

void VectorModel::set_applied_lsn(Lsn lsn) {
  impl_->raise_applied(lsn);
}

Status VectorModel::degrade(Collection& collection, catalog::SegmentId segment, const std::string& reason) {
  collection.damage()->add(segment, reason);
  Status marked = impl_->catalog_.write([&](catalog::Tables& tables) {
    return tables.segments.set_state(segment, catalog::SegmentState::kDamaged, reason);
  });
  if (marked.ok()) {
    collection.damage()->set_marked(segment);
  }
  return marked;
}

Status VectorModel::reinstate(Collection& collection, catalog::SegmentId segment) {
  const Status written = impl_->catalog_.write(
      [&](catalog::Tables& tables) { return tables.segments.set_state(segment, catalog::SegmentState::kLive); });
  VIBRATO_RETURN_IF_ERROR(written);
  collection.damage()->forget(segment);
  return ok_status();
}

}  // namespace vibrato::vector
