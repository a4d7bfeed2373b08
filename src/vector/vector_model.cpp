#include "vector/vector_model.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <fmt/format.h>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <unordered_set>
#include <utility>

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
};

Status no_collection(std::string_view name) {
  return not_found(fmt::format("there is no collection \"{}\"", name));
}

}  // namespace

// What exists is changed by the committer's thread alone, under mutex_; that thread reads it without.
class VectorModel::Impl {
 public:
  Impl(io::FileSystem& fs, catalog::Catalog& catalog, const commit::VisibleLsn& visible, Options options)
      : fs_(fs), catalog_(catalog), visible_(visible), options_(std::move(options)) {}

  [[nodiscard]] Status load();
  void stage(const wal::StoredRecord& record);
  void unstage_from(Lsn lsn);
  [[nodiscard]] Status apply(const wal::StoredRecord& record);

  [[nodiscard]] CollectionPtr find_for_write(std::string_view name) const;
  [[nodiscard]] bool exists(const Collection& collection) const;
  [[nodiscard]] CollectionNumber highest_number() const;
  void raise_applied(Lsn lsn);

  io::FileSystem& fs_;
  catalog::Catalog& catalog_;
  const commit::VisibleLsn& visible_;
  const Options options_;
  std::function<Status(Lsn)> saver_;

  mutable std::shared_mutex mutex_;  // Guards the members below, up to the empty line.
  std::map<std::string, CollectionPtr, std::less<>> by_name_;
  std::vector<CollectionPtr> created_;  // Not in the catalog yet.
  std::vector<Unsaved::Dropped> dropped_;
  std::unordered_map<CollectionNumber, CollectionPtr> by_number_;

  std::atomic<std::uint64_t> applied_{0};
  std::atomic<std::uint64_t> durable_{0};

  // The committer's own.
  struct StagedCollection {
    Lsn lsn;
    CollectionPtr collection;
    bool dropped = false;
  };
  std::vector<StagedCollection> staged_collections_;  // By LSN; nearly always empty.
  mutable StagedPoints staged_points_;                // Makes its table when it is asked.
  CollectionNumber highest_number_;                   // Ever given, by an applied record.

 private:
  [[nodiscard]] Status apply_created(const wal::StoredRecord& record);
  [[nodiscard]] Status apply_dropped(const wal::StoredRecord& record);
  [[nodiscard]] Status apply_put(const wal::StoredRecord& record);
  [[nodiscard]] Status apply_delete(const wal::StoredRecord& record);
  // Null for one that was dropped: a replay meets records that came before its drop.
  [[nodiscard]] Result<CollectionPtr> find_applied(CollectionNumber number) const;
  [[nodiscard]] Result<CollectionPtr> make_collection(const wal::StoredRecord& record) const;
  void forget_staged(Lsn lsn);
  // In place where the log's buffer allows it.
  [[nodiscard]] std::span<const float> floats(std::span<const std::byte> bytes);

  std::vector<float> aligned_;
};

Status VectorModel::Impl::load() {
  const LoadContext context = {fs_, catalog_, visible_, options_.data_folder, options_.collection};
  VIBRATO_ASSIGN_OR_RETURN(LoadedCollections loaded, load_collections(context));
  const std::unique_lock lock(mutex_);
  for (const CollectionPtr& collection : loaded.collections) {
    by_name_.emplace(collection->identity().name, collection);
    by_number_.emplace(collection->identity().number, collection);
  }
  highest_number_ = loaded.highest_number;
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
    case VectorRecord::kCollectionCreated: {
      auto made = make_collection(record);
      VIBRATO_CHECK(made.ok());  // Our own write encoded it.
      staged_collections_.push_back({record.lsn, std::move(made).value(), false});
      return;
    }
    case VectorRecord::kCollectionDropped: {
      const auto staged = std::find_if(staged_collections_.rbegin(), staged_collections_.rend(), [&](const auto& one) {
        return one.collection->identity().number == record.collection;
      });
      const CollectionPtr collection =
          staged != staged_collections_.rend() ? staged->collection : by_number_.at(record.collection);
      staged_collections_.push_back({record.lsn, collection, true});
      return;
    }
  }
}

void VectorModel::Impl::unstage_from(Lsn lsn) {
  staged_points_.unstage_from(lsn);
  std::erase_if(staged_collections_, [lsn](const StagedCollection& one) { return one.lsn >= lsn; });
}

Status VectorModel::Impl::apply(const wal::StoredRecord& record) {
  const Status applied = [&] {
    switch (static_cast<VectorRecord>(record.type)) {
      case VectorRecord::kPointPut:
        return apply_put(record);
      case VectorRecord::kPointDeleted:
        return apply_delete(record);
      case VectorRecord::kCollectionCreated:
        return apply_created(record);
      case VectorRecord::kCollectionDropped:
        return apply_dropped(record);
    }
    return invalid_argument(fmt::format("{} is no type of the vector model", record.type));
  }();
  VIBRATO_RETURN_IF_ERROR(applied);
  forget_staged(record.lsn);
  raise_applied(record.lsn);
  return ok_status();
}

void VectorModel::Impl::forget_staged(Lsn lsn) {
  staged_points_.set_applied(lsn);
  if (!staged_collections_.empty()) {
    std::erase_if(staged_collections_, [lsn](const StagedCollection& one) { return one.lsn <= lsn; });
  }
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
  VIBRATO_ASSIGN_OR_RETURN(CollectionPtr collection, make_collection(record));
  for (const StagedCollection& staged : staged_collections_) {
    if (staged.lsn == record.lsn) {
      collection = staged.collection;  // Writes that were validated since hold it.
    }
  }
  const CollectionIdentity& identity = collection->identity();
  if (const auto present = by_number_.find(identity.number); present != by_number_.end()) {
    const CollectionIdentity& known = present->second->identity();
    return known.name == identity.name && known.settings == identity.settings
               ? ok_status()
               : invalid_argument(fmt::format("collection {} was created as \"{}\" before, with other settings",
                                              identity.number.value(), known.name));
  }
  if (identity.number <= highest_number_) {
    return ok_status();  // It was dropped since, and that is saved.
  }
  if (by_name_.contains(identity.name)) {
    return invalid_argument(fmt::format("there is a collection \"{}\" already", identity.name));
  }
  const std::unique_lock lock(mutex_);
  highest_number_ = identity.number;
  by_name_.emplace(identity.name, collection);
  by_number_.emplace(identity.number, collection);
  created_.push_back(collection);
  return ok_status();
}

Status VectorModel::Impl::apply_dropped(const wal::StoredRecord& record) {
  VIBRATO_ASSIGN_OR_RETURN(const CollectionPtr collection, find_applied(record.collection));
  if (collection == nullptr) {
    return ok_status();
  }
  const std::unique_lock lock(mutex_);
  by_name_.erase(collection->identity().name);
  by_number_.erase(record.collection);
  dropped_.push_back({collection, record.lsn});
  return ok_status();
}

Status VectorModel::Impl::apply_put(const wal::StoredRecord& record) {
  VIBRATO_ASSIGN_OR_RETURN(const format::PointPut put, format::decode_point_put(record.body));
  VIBRATO_ASSIGN_OR_RETURN(const CollectionPtr collection, find_applied(record.collection));
  if (collection == nullptr) {
    return ok_status();
  }
  const std::span<const float> vector = floats(put.vector);
  if (vector.size() != collection->settings().dim) {
    return invalid_argument(fmt::format("a vector of {} dimensions for collection \"{}\" of {}", vector.size(),
                                        collection->identity().name, collection->settings().dim));
  }
  return collection->apply_put(put.id, vector, put.meta_json, record.lsn, record.time_ms);
}

Status VectorModel::Impl::apply_delete(const wal::StoredRecord& record) {
  VIBRATO_ASSIGN_OR_RETURN(const PointIdView id, format::decode_point_deleted(record.body));
  VIBRATO_ASSIGN_OR_RETURN(const CollectionPtr collection, find_applied(record.collection));
  return collection == nullptr ? ok_status() : collection->apply_delete(id, record.lsn, record.time_ms);
}

Result<CollectionPtr> VectorModel::Impl::find_applied(CollectionNumber number) const {
  const auto found = by_number_.find(number);
  if (found != by_number_.end()) {
    return found->second;
  }
  if (number > highest_number_) {
    return invalid_argument(fmt::format("there never was a collection with the number {}", number.value()));
  }
  return CollectionPtr();
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

CollectionPtr VectorModel::Impl::find_for_write(std::string_view name) const {
  const auto staged = std::find_if(staged_collections_.rbegin(), staged_collections_.rend(),
                                   [name](const auto& one) { return one.collection->identity().name == name; });
  if (staged != staged_collections_.rend()) {
    return staged->dropped ? nullptr : staged->collection;
  }
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

bool VectorModel::Impl::exists(const Collection& collection) const {
  const auto staged = std::find_if(staged_collections_.rbegin(), staged_collections_.rend(),
                                   [&](const auto& one) { return one.collection.get() == &collection; });
  if (staged != staged_collections_.rend()) {
    return !staged->dropped;
  }
  const auto found = by_number_.find(collection.identity().number);
  return found != by_number_.end() && found->second.get() == &collection;
}

CollectionNumber VectorModel::Impl::highest_number() const {
  CollectionNumber highest = highest_number_;
  for (const StagedCollection& staged : staged_collections_) {
    highest = std::max(highest, staged.collection->identity().number);
  }
  return highest;
}

VectorModel::VectorModel(io::FileSystem& fs, catalog::Catalog& catalog, const commit::VisibleLsn& visible,
                         Options options)
    : impl_(std::make_unique<Impl>(fs, catalog, visible, std::move(options))) {}

VectorModel::~VectorModel() = default;

Result<CollectionPtr> VectorModel::find(std::string_view name) const {
  const std::shared_lock lock(impl_->mutex_);
  const auto found = impl_->by_name_.find(name);
  if (found == impl_->by_name_.end()) {
    return no_collection(name);
  }
  return found->second;
}

std::vector<CollectionPtr> VectorModel::all() const {
  const std::shared_lock lock(impl_->mutex_);
  std::vector<CollectionPtr> collections;
  collections.reserve(impl_->by_name_.size());
  for (const auto& [name, collection] : impl_->by_name_) {
    collections.push_back(collection);
  }
  return collections;
}

Result<CollectionPtr> VectorModel::find_for_write(std::string_view name) const {
  CollectionPtr collection = impl_->find_for_write(name);
  if (collection == nullptr) {
    return no_collection(name);
  }
  return collection;
}

Status VectorModel::check_exists(const Collection& collection) const {
  return impl_->exists(collection) ? ok_status() : no_collection(collection.identity().name);
}

Status VectorModel::check_takes_writes(const Collection& collection) const {
  VIBRATO_RETURN_IF_ERROR(check_exists(collection));
  return collection.check_writable();
}

Result<bool> VectorModel::point_exists(const Collection& collection, const PointIdView& id) const {
  if (const auto* staged = impl_->staged_points_.find(collection.identity().number, id); staged != nullptr) {
    return staged->type == static_cast<std::uint16_t>(VectorRecord::kPointPut);
  }
  VIBRATO_ASSIGN_OR_RETURN(const auto point, collection.find_applied(id));
  return point.has_value();
}

Result<std::optional<VectorModel::PointNow>> VectorModel::point_now(const Collection& collection,
                                                                    const PointIdView& id) const {
  if (const auto* staged = impl_->staged_points_.find(collection.identity().number, id); staged != nullptr) {
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

std::size_t VectorModel::count_for_write() const {
  std::size_t count = impl_->by_number_.size();
  for (const auto& staged : impl_->staged_collections_) {
    count = staged.dropped ? count - 1 : count + 1;
  }
  return count;
}

CollectionNumber VectorModel::next_number() const {
  const CollectionNumber highest = impl_->highest_number();
  return highest == CollectionNumber::max() ? highest : highest.next();
}

std::span<const std::uint16_t> VectorModel::record_types() const {
  return kRecordTypes;
}

void VectorModel::stage(const wal::StoredRecord& record) {
  impl_->stage(record);
}

void VectorModel::unstage_from(Lsn lsn) {
  impl_->unstage_from(lsn);
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

VectorModel::Unsaved VectorModel::unsaved() const {
  const Lsn applied = applied_lsn();  // Before the lists: what they lack then lies above.
  const std::shared_lock lock(impl_->mutex_);
  return {impl_->created_, impl_->dropped_, applied};
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
  const std::unique_lock lock(impl_->mutex_);
  // Both lists only grow at their end.
  if (!saved.created.empty()) {
    const CollectionNumber last = saved.created.back()->identity().number;
    std::erase_if(impl_->created_, [last](const CollectionPtr& one) { return one->identity().number <= last; });
  }
  if (!saved.dropped.empty()) {
    const Lsn last = saved.dropped.back().lsn;
    std::erase_if(impl_->dropped_, [last](const Unsaved::Dropped& one) { return one.lsn <= last; });
  }
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
  collection.set_damaged(reason);
  return impl_->catalog_.write([segment](catalog::Tables& tables) {
    return tables.segments.set_state(segment, catalog::SegmentState::kDamaged);
  });
}

}  // namespace vibrato::vector
