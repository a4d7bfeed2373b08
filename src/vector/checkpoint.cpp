#include "vector/checkpoint.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>
#include <unordered_set>
#include <utility>

#include "vector/catalog_rows.hpp"

namespace vibrato::vector {
namespace {

// What is applied becomes visible a moment later; if not, the sequencer has ended in the middle of a batch.
constexpr int kVisibleTries = 5000;
constexpr std::chrono::milliseconds kVisibleWait{1};
// Of one pack, as well as MaintenanceOptions::commit_bytes: so that its space comes back in portions.
constexpr std::size_t kPackPartsMax = 4096;

std::uint64_t count_deleted(const DeleteLsns& deletes, std::uint32_t rows, Lsn at) {
  if (deletes.last_mark() <= at) {
    return deletes.count();
  }
  std::uint64_t deleted = 0;
  for (std::uint32_t row = 0; row < rows; ++row) {
    deleted += deletes.is_deleted(row, at) ? 1 : 0;
  }
  return deleted;
}

// Nobody sees a row of it, and no replay brings one back: what is visible is durable in the log.
bool is_dead(const HotPart& part, Lsn visible) {
  return part.deletes()->count() == part.row_count() && part.deletes()->last_mark() <= visible;
}

// Whoever holds the log back comes first.
std::vector<CheckpointWish> oldest_first(const std::vector<CheckpointWish>& wishes) {
  std::vector<std::pair<Lsn, CheckpointWish>> by_lsn;
  by_lsn.reserve(wishes.size());
  for (const CheckpointWish& wish : wishes) {
    by_lsn.emplace_back(wish.collection->oldest_unsaved_lsn().value_or(Lsn::max()), wish);
  }
  std::stable_sort(by_lsn.begin(), by_lsn.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<CheckpointWish> sorted;
  sorted.reserve(by_lsn.size());
  for (auto& [lsn, wish] : by_lsn) {
    sorted.push_back(std::move(wish));
  }
  return sorted;
}

Status put_bitmap(catalog::Tables& tables, catalog::SegmentId segment, const Segment& part, Lsn at) {
  catalog::DeleteBitmap bitmap;
  bitmap.segment = segment;
  bitmap.lsn = at;
  bitmap.deleted_count = count_deleted(*part.deletes(), part.row_count(), at);
  bitmap.bitmap = part.deletes()->encode(at);
  return tables.segments.put_bitmap(bitmap);
}

// Segments and rows of what was dropped. Adds the files to `files`.
Status forget_dropped(catalog::Tables& tables, const VectorModel::Unsaved& taken, std::set<std::string>& files) {
  for (const VectorModel::Unsaved::Dropped& dropped : taken.dropped) {
    const CollectionNumber number = dropped.collection->identity().number;
    VIBRATO_ASSIGN_OR_RETURN(const auto segments, tables.segments.of_collection(number));
    for (const catalog::Segment& segment : segments) {
      VIBRATO_RETURN_IF_ERROR(tables.segments.remove(segment.id));
      files.insert(segment.file);
    }
    VIBRATO_RETURN_IF_ERROR(tables.collections.erase(number));
  }
  return ok_status();
}

}  // namespace

Result<CheckpointReport> Checkpoint::run(const std::vector<CheckpointWish>& wishes) {
  std::vector<CheckpointWish> small;
  std::vector<CheckpointWish> large;
  for (const CheckpointWish& wish : oldest_first(wishes)) {
    (is_small(*wish.collection) ? small : large).push_back(wish);
  }
  // Drops first and by themselves: they give space back to what follows, and no lack of space for rows holds them up.
  if (!context_.model.unsaved().dropped.empty()) {
    VIBRATO_RETURN_IF_ERROR(save({}));
    static_cast<void>(context_.files.remove_unused());
  }
  std::vector<Errands> all = small_errands(small);
  for (const CheckpointWish& wish : large) {
    all.push_back({{wish, {}, true}});
  }
  Status full;
  for (Errands& errands : all) {
    VIBRATO_RETURN_IF_ERROR(check());
    // What does not fit does not hold up the others, which may have nothing to write but deletes.
    if (Status saved = save(std::move(errands)); saved.code() == ErrorCode::kDiskFull) {
      full = std::move(saved);
    } else {
      VIBRATO_RETURN_IF_ERROR(saved);
    }
  }
  VIBRATO_RETURN_IF_ERROR(full);
  return report_;
}

// Each for one pack, but for what is written meanwhile. Creates go with the first, which may be empty.
std::vector<Checkpoint::Errands> Checkpoint::small_errands(const std::vector<CheckpointWish>& wishes) const {
  std::vector<Errands> packs(1);
  std::uint64_t bytes = 0;
  for (const CheckpointWish& wish : wishes) {
    if (packs.back().size() >= kPackPartsMax || bytes >= context_.options.commit_bytes) {
      packs.emplace_back();
      bytes = 0;
    }
    packs.back().push_back({wish, {}, true});
    bytes += wish.collection->hot_bytes();
  }
  return packs;
}

bool Checkpoint::is_small(const HotPart& part) const {
  return part.row_count() < context_.options.small_rows && part.data_bytes() < context_.options.small_bytes;
}

bool Checkpoint::is_small(const Collection& collection) const {
  const VersionPtr version = collection.latest_version();
  return (version->hot == nullptr || is_small(*version->hot)) &&
         std::all_of(version->frozen.begin(), version->frozen.end(),
                     [this](const auto& part) { return is_small(*part); });
}

Status Checkpoint::save(Errands errands) {
  do {
    VIBRATO_RETURN_IF_ERROR(check());
    VIBRATO_RETURN_IF_ERROR(save_next(errands));
    if (context_.options.committed) {
      context_.options.committed();
    }
    std::erase_if(errands, [](const Errand& errand) { return errand.is_done; });
  } while (!errands.empty());
  return ok_status();
}

Status Checkpoint::save_next(Errands& errands) {
  // In this order, so that nothing at or below taken.applied escapes both.
  const VectorModel::Unsaved taken = context_.model.unsaved();
  Group group = freeze(errands, taken);
  WrittenFiles written(context_.files);
  VIBRATO_RETURN_IF_ERROR(write_files(group, written));
  VIBRATO_RETURN_IF_ERROR(open_files(group));
  VIBRATO_RETURN_IF_ERROR(wait_until_visible(group));
  return commit(group, taken, written);
}

Checkpoint::Group Checkpoint::freeze(Errands& errands, const VectorModel::Unsaved& taken) const {
  const std::unordered_set<CollectionPtr> created(taken.created.begin(), taken.created.end());
  std::unordered_set<CollectionPtr> dropped;
  for (const VectorModel::Unsaved::Dropped& one : taken.dropped) {
    dropped.insert(one.collection);
  }
  Group group;
  for (Errand& errand : errands) {
    const CollectionPtr& collection = errand.wish.collection;
    errand.is_done = true;
    // Neither in the catalog nor about to be, if it was created since; no longer, if it was dropped.
    const bool is_known = created.contains(collection) || collection->identity().created_lsn <= taken.applied;
    // A drop may have been saved since the wish was made, by an earlier group of this checkpoint.
    const auto present = context_.model.find(collection->identity().name);
    const bool is_there = present.ok() && *present == collection;
    // A damaged one may lack a part, whose deletes no bitmap would hold: its records stay in the log, so that they are
    // replayed when the part is back.
    if (is_known && is_there && !dropped.contains(collection) && collection->check_writable().ok()) {
      Work work = freeze(errand);
      // A record that passed over a part which proved damaged meanwhile has to stay in the log.
      if (collection->check_writable().ok()) {
        group.push_back(std::move(work));
      } else {
        errand.is_done = true;
      }
    }
  }
  return group;
}

// The oldest frozen parts, as many as one commit takes; at least one that gets a file.
Checkpoint::Work Checkpoint::freeze(Errand& errand) const {
  Work work;
  work.collection = errand.wish.collection;
  work.from = work.collection->oldest_unsaved_lsn().value_or(Lsn());
  bool is_frozen_now = false;
  if (errand.goal == Lsn()) {
    const VersionPtr before = work.collection->latest_version();
    // What an import is saved with: all that came before it.
    is_frozen_now = errand.wish.with_hot || before->frozen.empty() || !before->imported.empty();
    errand.goal = is_frozen_now ? work.collection->freeze_hot() : before->frozen.back()->last_lsn();
  }
  work.up_to = errand.goal;
  const Lsn visible = work.collection->read_view().visible;
  const VersionPtr version = work.collection->latest_version();
  std::uint64_t bytes = 0;
  for (const std::shared_ptr<HotPart>& part : version->frozen) {
    if (part->last_lsn() > errand.goal) {
      break;
    }
    part->freeze();
    if (is_dead(*part, visible)) {
      work.dead.push_back(part);
      continue;
    }
    if (bytes > 0 && bytes + part->data_bytes() > context_.options.commit_bytes) {
      work.up_to = Lsn(part->first_lsn().value() - 1);
      break;
    }
    bytes += part->data_bytes();
    work.parts.push_back({part, {}, nullptr});
  }
  for (const SealedPartPtr& part : version->imported) {
    if (part->last_lsn() <= work.up_to) {
      work.imported.push_back({part, part->entry(), nullptr});
    }
  }
  errand.is_done = work.up_to == errand.goal;
  work.is_whole = is_frozen_now && errand.is_done;
  return work;
}

Status Checkpoint::write_files(Group& group, WrittenFiles& written) const {
  VIBRATO_RETURN_IF_ERROR(check_room(group));
  std::vector<std::pair<Work*, NewPart*>> small;
  for (Work& work : group) {
    for (NewPart& part : work.parts) {
      if (is_small(*part.hot)) {
        small.emplace_back(&work, &part);
        continue;
      }
      VIBRATO_RETURN_IF_ERROR(index(*part.hot));
      VIBRATO_ASSIGN_OR_RETURN(const std::string file, written.add(SegmentFileKind::kSegment));
      VIBRATO_ASSIGN_OR_RETURN(
          part.entry, seal_hot_part(context_.fs, context_.options.data_folder, file, work.collection->identity().number,
                                    work.collection->settings(), *part.hot, context_.options.throttle, keep_going_));
    }
  }
  return write_packs(small, written);
}

// Files that cannot fit are not begun: they would take the space that deletes need meanwhile.
Status Checkpoint::check_room(const Group& group) const {
  std::uint64_t bytes = 0;  // Codes and graphs come on top.
  for (const Work& work : group) {
    for (const NewPart& part : work.parts) {
      bytes += part.hot->data_bytes();
    }
  }
  const auto free = context_.fs.free_bytes(context_.options.data_folder);
  return !free.ok() || bytes <= *free
             ? ok_status()
             : Status(ErrorCode::kDiskFull, "the disk has " + std::to_string(*free) +
                                                " bytes left, and segments take more than " + std::to_string(bytes));
}

Status Checkpoint::index(HotPart& part) const {
  while (part.index_step(context_.options.index_batch_rows)) {
    VIBRATO_RETURN_IF_ERROR(check());
  }
  return check();
}

Status Checkpoint::write_packs(const std::vector<std::pair<Work*, NewPart*>>& small, WrittenFiles& written) const {
  for (std::size_t first = 0; first < small.size();) {
    std::vector<PackItem> items;
    std::uint64_t bytes = 0;
    std::size_t end = first;
    for (; end < small.size() && items.size() < kPackPartsMax && bytes < context_.options.commit_bytes; ++end) {
      const auto& [work, part] = small[end];
      items.push_back(pack_item(work->collection->identity().number, work->collection->settings(), part->hot));
      bytes += part->hot->data_bytes();
    }
    VIBRATO_RETURN_IF_ERROR(check());
    if (context_.options.throttle) {
      context_.options.throttle(bytes);
    }
    VIBRATO_ASSIGN_OR_RETURN(const std::string file, written.add(SegmentFileKind::kPack));
    VIBRATO_ASSIGN_OR_RETURN(const std::vector<catalog::Segment> entries,
                             seal_small_parts(context_.fs, context_.options.data_folder, file, items));
    for (std::size_t i = 0; i < entries.size(); ++i) {
      small[first + i].second->entry = entries[i];
    }
    first = end;
  }
  return ok_status();
}

// Before the commit: a part that does not open must not be named.
Status Checkpoint::open_files(Group& group) const {
  for (Work& work : group) {
    for (NewPart& part : work.parts) {
      VIBRATO_ASSIGN_OR_RETURN(part.sealed,
                               context_.files.open(part.entry, work.collection->settings(), part.hot->deletes()));
      work.collection->adopt(*part.sealed);
    }
    for (ImportedPart& part : work.imported) {
      VIBRATO_ASSIGN_OR_RETURN(part.sealed,
                               context_.files.open(part.entry, work.collection->settings(), part.applied->deletes()));
      work.collection->adopt(*part.sealed);
    }
  }
  return ok_status();
}

// Sealed parts hold visible rows only; see Collection.
Status Checkpoint::wait_until_visible(const Group& group) const {
  for (const Work& work : group) {
    for (int tries = 0; work.collection->read_view().visible < work.up_to; ++tries) {
      if (tries == kVisibleTries) {
        return unavailable("records that were applied do not become visible");
      }
      VIBRATO_RETURN_IF_ERROR(check());
      std::this_thread::sleep_for(kVisibleWait);
    }
  }
  return ok_status();
}

Status Checkpoint::commit(Group& group, const VectorModel::Unsaved& taken, WrittenFiles& written) {
  const std::lock_guard lock(context_.commit_mutex);
  const Lsn saved = saved_lsn(group, taken);
  if (group.empty() && taken.created.empty() && taken.dropped.empty()) {
    // Nothing to save: all up to here is durable already.
    context_.model.set_saved(taken, saved);
    return ok_status();
  }
  std::set<std::string> dropped_files;
  const auto body = [&](catalog::Tables& tables) -> Status {
    dropped_files.clear();
    VIBRATO_RETURN_IF_ERROR(VectorModel::save_in(tables, taken, saved));
    VIBRATO_RETURN_IF_ERROR(forget_dropped(tables, taken, dropped_files));
    return save_segments(tables, group);
  };
  const Status committed = commit_files(context_.catalog, written, body);
  VIBRATO_RETURN_IF_ERROR(committed);
  publish(group);
  context_.model.set_saved(taken, saved);
  for (const VectorModel::Unsaved::Dropped& dropped : taken.dropped) {
    const VersionPtr version = dropped.collection->latest_version();
    for (const SealedPartPtr& part : version->sealed) {
      context_.saved_deletes.erase(part->entry().id);
      context_.files.retire(part);
    }
    for (const SealedPartPtr& part : version->imported) {
      context_.files.retire(part);
    }
  }
  for (const std::string& file : dropped_files) {
    context_.files.retire_file(file);
  }
  return ok_status();
}

// Of a collection of which only a part is saved, the rest is missing from there on; if there is any by now.
Lsn Checkpoint::saved_lsn(const Group& group, const VectorModel::Unsaved& taken) const {
  std::vector<CollectionPtr> collections;
  Lsn partly = Lsn::max();
  for (const Work& work : group) {
    collections.push_back(work.collection);
    if (!work.is_whole && work.collection->info().applied_lsn > work.up_to) {
      partly = std::min(partly, work.up_to);
    }
  }
  return std::max(std::min(context_.model.saved_lsn(taken, collections), partly), context_.model.durable_lsn());
}

// Up to where the catalog has the deletes of a segment. Those of one that was loaded may reach beyond the durable LSN
// of its collection: a restored snapshot is made so, and replaying them again changes nothing.
Result<Lsn> Checkpoint::saved_deletes(const catalog::Tables& tables, catalog::SegmentId id) const {
  const auto known = context_.saved_deletes.find(id);
  if (known != context_.saved_deletes.end()) {
    return known->second;
  }
  VIBRATO_ASSIGN_OR_RETURN(const auto bitmap, tables.segments.bitmap(id));
  return context_.saved_deletes[id] = bitmap ? bitmap->lsn : Lsn(1);
}

Status Checkpoint::save_segments(catalog::Tables& tables, Group& group) const {
  for (Work& work : group) {
    const VersionPtr version = work.collection->latest_version();
    for (const SealedPartPtr& part : version->sealed) {
      const catalog::SegmentId id = part->entry().id;
      const Lsn last_mark = part->deletes()->last_mark();
      if (last_mark <= Lsn(1)) {
        continue;  // As it was loaded.
      }
      VIBRATO_ASSIGN_OR_RETURN(const Lsn saved, saved_deletes(tables, id));
      if (last_mark > saved && work.up_to > saved) {
        VIBRATO_RETURN_IF_ERROR(put_bitmap(tables, id, *part, work.up_to));
      }
    }
    for (NewPart& part : work.parts) {
      VIBRATO_ASSIGN_OR_RETURN(part.entry.id, tables.segments.insert(part.entry));
      if (part.hot->deletes()->count() > 0) {
        VIBRATO_RETURN_IF_ERROR(put_bitmap(tables, part.entry.id, *part.hot, work.up_to));
      }
    }
    for (ImportedPart& part : work.imported) {
      VIBRATO_ASSIGN_OR_RETURN(part.entry.id, tables.segments.insert(part.entry));
      if (part.applied->deletes()->count() > 0) {
        VIBRATO_RETURN_IF_ERROR(put_bitmap(tables, part.entry.id, *part.applied, work.up_to));
      }
    }
    VIBRATO_RETURN_IF_ERROR(save_applied(tables, *work.collection, work.up_to));
  }
  return ok_status();
}

void Checkpoint::publish(Group& group) {
  for (Work& work : group) {
    const VersionPtr version = work.collection->latest_version();
    for (const SealedPartPtr& part : version->sealed) {
      const auto saved = context_.saved_deletes.find(part->entry().id);
      if (saved != context_.saved_deletes.end()) {
        saved->second = std::max(saved->second, work.up_to);
      }
    }
    std::vector<std::shared_ptr<HotPart>> frozen = work.dead;
    std::vector<SealedPartPtr> sealed;
    for (NewPart& part : work.parts) {
      part.sealed->set_segment_id(part.entry.id);
      context_.saved_deletes[part.entry.id] = work.up_to;
      frozen.push_back(part.hot);
      sealed.push_back(part.sealed);
    }
    if (!frozen.empty()) {
      work.collection->publish_sealed(frozen, sealed);
    }
    publish_imported(work);
    work.collection->set_durable_lsn(work.up_to);
    count(work);
  }
}

void Checkpoint::publish_imported(Work& work) {
  if (work.imported.empty()) {
    return;
  }
  std::vector<SealedPartPtr> applied;
  std::vector<SealedPartPtr> sealed;
  for (ImportedPart& part : work.imported) {
    part.sealed->set_segment_id(part.entry.id);
    context_.saved_deletes[part.entry.id] = work.up_to;
    applied.push_back(part.applied);
    sealed.push_back(part.sealed);
  }
  work.collection->publish_saved_import(applied, sealed);
}

void Checkpoint::count(const Work& work) {
  if (work.from == Lsn() && work.parts.empty() && work.imported.empty() && work.dead.empty()) {
    return;
  }
  report_.collections += work.collection == counted_ ? 0 : 1;
  counted_ = work.collection;
  report_.segments += work.parts.size() + work.imported.size();
  for (const ImportedPart& part : work.imported) {
    report_.rows += part.entry.row_count;
  }
  for (const NewPart& part : work.parts) {
    report_.rows += part.hot->row_count();
  }
  const Lsn from = work.from == Lsn() ? work.up_to : work.from;
  report_.first_lsn = report_.first_lsn == Lsn() ? from : std::min(report_.first_lsn, from);
  report_.last_lsn = std::max(report_.last_lsn, work.up_to);
}

}  // namespace vibrato::vector
