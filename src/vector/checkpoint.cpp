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
// Of one pack: so that its space comes back in portions.
constexpr std::size_t kPackPartsMax = 4096;
constexpr std::uint64_t kPackBytesMax = std::uint64_t{64} * 1024 * 1024;

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

// Nobody sees a row of it, and no replay brings one back: `at` is durable in the log by the time of the commit.
bool is_dead(const HotPart& part, Lsn at) {
  return part.deletes()->count() == part.row_count() && part.deletes()->last_mark() <= at;
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
  for (const CheckpointWish& wish : wishes) {
    (is_small(*wish.collection) ? small : large).push_back(wish);
  }
  // Drops first and by themselves: they give space back to what follows, and no lack of space for rows holds them up.
  if (!context_.model.unsaved().dropped.empty()) {
    VIBRATO_RETURN_IF_ERROR(save({}));
    static_cast<void>(context_.files.remove_unused());
  }
  // Creates go with the small ones, which may be none.
  Status full = save(small);
  if (!full.ok() && full.code() != ErrorCode::kDiskFull) {
    return full;
  }
  for (const CheckpointWish& wish : large) {
    VIBRATO_RETURN_IF_ERROR(check());
    // One that does not fit does not hold up the others, which may have nothing to write but deletes.
    if (Status saved = save({wish}); saved.code() == ErrorCode::kDiskFull) {
      full = std::move(saved);
    } else {
      VIBRATO_RETURN_IF_ERROR(saved);
    }
  }
  VIBRATO_RETURN_IF_ERROR(full);
  return report_;
}

bool Checkpoint::is_small(const HotPart& part) const {
  return part.row_count() < context_.options.small_rows && part.data_bytes() < context_.options.small_bytes;
}

bool Checkpoint::is_small(const Collection& collection) const {
  const VersionPtr version = collection.read_view().version;
  return (version->hot == nullptr || is_small(*version->hot)) &&
         std::all_of(version->frozen.begin(), version->frozen.end(),
                     [this](const auto& part) { return is_small(*part); });
}

Status Checkpoint::save(const std::vector<CheckpointWish>& wishes) {
  // In this order, so that nothing at or below taken.applied escapes both.
  const VectorModel::Unsaved taken = context_.model.unsaved();
  Group group = freeze(wishes, taken);
  WrittenFiles written(context_.files);
  VIBRATO_RETURN_IF_ERROR(write_files(group, written));
  VIBRATO_RETURN_IF_ERROR(open_files(group));
  VIBRATO_RETURN_IF_ERROR(wait_until_visible(group));
  return commit(group, taken, written);
}

Checkpoint::Group Checkpoint::freeze(const std::vector<CheckpointWish>& wishes,
                                     const VectorModel::Unsaved& taken) const {
  const std::unordered_set<CollectionPtr> created(taken.created.begin(), taken.created.end());
  std::unordered_set<CollectionPtr> dropped;
  for (const VectorModel::Unsaved::Dropped& one : taken.dropped) {
    dropped.insert(one.collection);
  }
  Group group;
  for (const CheckpointWish& wish : wishes) {
    // Neither in the catalog nor about to be, if it was created since; no longer, if it was dropped.
    const bool is_known = created.contains(wish.collection) || wish.collection->identity().created_lsn <= taken.applied;
    // A drop may have been saved since the wish was made, by an earlier group of this checkpoint.
    const auto present = context_.model.find(wish.collection->identity().name);
    const bool is_there = present.ok() && *present == wish.collection;
    // A damaged one may lack a part, whose deletes no bitmap would hold: its records stay in the log, so that they are
    // replayed when the part is back.
    if (is_known && is_there && !dropped.contains(wish.collection) && wish.collection->check_writable().ok()) {
      Work work = freeze(wish);
      // A record that passed over a part which proved damaged meanwhile has to stay in the log.
      if (wish.collection->check_writable().ok()) {
        group.push_back(std::move(work));
      }
    }
  }
  return group;
}

Checkpoint::Work Checkpoint::freeze(const CheckpointWish& wish) {
  Work work;
  work.collection = wish.collection;
  work.from = wish.collection->oldest_unsaved_lsn().value_or(Lsn());
  const VersionPtr before = wish.collection->read_view().version;
  work.with_hot = wish.with_hot || before->frozen.empty();
  work.up_to = work.with_hot ? wish.collection->freeze_hot() : before->frozen.back()->last_lsn();
  const ReadView view = wish.collection->read_view();
  const VersionPtr& after = view.version;
  const Lsn dead_at = std::max(view.visible, work.up_to);  // The commit waits until the latter is visible.
  for (const std::shared_ptr<HotPart>& part : after->frozen) {
    if (part->last_lsn() > work.up_to) {
      continue;
    }
    part->freeze();
    if (is_dead(*part, dead_at)) {
      work.dead.push_back(part);
    } else {
      work.parts.push_back({part, {}, nullptr});
    }
  }
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
                                    work.collection->settings(), *part.hot, context_.options.throttle));
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
    for (; end < small.size() && items.size() < kPackPartsMax && bytes < kPackBytesMax; ++end) {
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
      part.sealed->set_damage(work.collection->damage());
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
  std::vector<CollectionPtr> checkpointed;
  for (const Work& work : group) {
    if (work.with_hot) {
      checkpointed.push_back(work.collection);
    }
  }
  const Lsn saved_lsn = context_.model.saved_lsn(taken, checkpointed);
  if (group.empty() && taken.created.empty() && taken.dropped.empty()) {
    // Nothing to save: all up to here is durable already.
    context_.model.set_saved(taken, saved_lsn);
    return ok_status();
  }
  std::set<std::string> dropped_files;
  const auto body = [&](catalog::Tables& tables) -> Status {
    dropped_files.clear();
    VIBRATO_RETURN_IF_ERROR(VectorModel::save_in(tables, taken, saved_lsn));
    VIBRATO_RETURN_IF_ERROR(forget_dropped(tables, taken, dropped_files));
    return save_segments(tables, group);
  };
  const Status committed = commit_files(context_.catalog, written, body);
  VIBRATO_RETURN_IF_ERROR(committed);
  publish(group);
  context_.model.set_saved(taken, saved_lsn);
  for (const VectorModel::Unsaved::Dropped& dropped : taken.dropped) {
    const VersionPtr version = dropped.collection->read_view().version;
    for (const SealedPartPtr& part : version->sealed) {
      context_.saved_deletes.erase(part->entry().id);
      context_.files.retire(part);
    }
  }
  for (const std::string& file : dropped_files) {
    context_.files.retire_file(file);
  }
  return ok_status();
}

Status Checkpoint::save_segments(catalog::Tables& tables, Group& group) const {
  for (Work& work : group) {
    const VersionPtr version = work.collection->read_view().version;
    for (const SealedPartPtr& part : version->sealed) {
      const auto saved = context_.saved_deletes.find(part->entry().id);
      const Lsn saved_up_to = saved == context_.saved_deletes.end() ? Lsn(1) : saved->second;
      if (part->deletes()->last_mark() > saved_up_to) {
        VIBRATO_RETURN_IF_ERROR(put_bitmap(tables, part->entry().id, *part, work.up_to));
      }
    }
    for (NewPart& part : work.parts) {
      VIBRATO_ASSIGN_OR_RETURN(part.entry.id, tables.segments.insert(part.entry));
      if (part.hot->deletes()->count() > 0) {
        VIBRATO_RETURN_IF_ERROR(put_bitmap(tables, part.entry.id, *part.hot, work.up_to));
      }
    }
    VIBRATO_RETURN_IF_ERROR(save_applied(tables, *work.collection, work.up_to));
  }
  return ok_status();
}

void Checkpoint::publish(Group& group) {
  for (Work& work : group) {
    const VersionPtr version = work.collection->read_view().version;
    for (const SealedPartPtr& part : version->sealed) {
      context_.saved_deletes[part->entry().id] = work.up_to;
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
    work.collection->set_durable_lsn(work.up_to);
    count(work);
  }
}

void Checkpoint::count(const Work& work) {
  if (work.from == Lsn() && work.parts.empty() && work.dead.empty()) {
    return;
  }
  ++report_.collections;
  report_.segments += work.parts.size();
  for (const NewPart& part : work.parts) {
    report_.rows += part.hot->row_count();
  }
  const Lsn from = work.from == Lsn() ? work.up_to : work.from;
  report_.first_lsn = report_.first_lsn == Lsn() ? from : std::min(report_.first_lsn, from);
  report_.last_lsn = std::max(report_.last_lsn, work.up_to);
}

}  // namespace vibrato::vector
