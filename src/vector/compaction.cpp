#include "vector/compaction.hpp"

#include <algorithm>
#include <set>
#include <utility>
#include <vibrato/check.hpp>

#include "base/limits.hpp"
#include "vector/archive.hpp"
#include "vector/damage_marks.hpp"

namespace vibrato::vector {
namespace {

constexpr std::size_t kTasksMax = 4096;  // Of one pack.
constexpr std::int64_t kNsAMs = 1'000'000;

Status check(const KeepGoing& keep_going) {
  return keep_going ? keep_going() : ok_status();
}

// Parts whose vectors are there, or those of archives that dropped them, which are written anew one by one.
std::vector<SealedPartPtr> parts_with_vectors(const CollectionVersion& version, bool has_vectors = true) {
  std::vector<SealedPartPtr> parts;
  for (const SealedPartPtr& part : version.sealed) {
    if (part->rows().file().has_vectors() == has_vectors) {
      parts.push_back(part);
    }
  }
  return parts;
}

std::vector<PartSize> sizes_of(const std::vector<SealedPartPtr>& parts) {
  std::vector<PartSize> sizes;
  for (const SealedPartPtr& part : parts) {
    const std::uint64_t rows = part->row_count();
    sizes.push_back({rows, std::min<std::uint64_t>(part->deletes()->count(), rows), part->bytes_on_disk()});
  }
  return sizes;
}

std::vector<SealedPartPtr> take(const std::vector<SealedPartPtr>& parts, const std::vector<std::size_t>& positions) {
  std::vector<SealedPartPtr> taken;
  for (const std::size_t position : positions) {
    taken.push_back(parts[position]);
  }
  return taken;
}

std::uint64_t alive_rows(const std::vector<SealedPartPtr>& parts) {
  std::uint64_t alive = 0;
  for (const PartSize& size : sizes_of(parts)) {
    alive += size.alive();
  }
  return alive;
}

std::uint64_t bytes_of(const std::vector<SealedPartPtr>& parts) {
  std::uint64_t bytes = 0;
  for (const SealedPartPtr& part : parts) {
    bytes += part->bytes_on_disk();
  }
  return bytes;
}

}  // namespace

// ---- What is due ----

MergePolicy Compaction::policy() const {
  MergePolicy policy;
  policy.width = context_.options.merge_width;
  policy.tombstone_ratio = context_.options.tombstone_ratio;
  policy.bytes_max = context_.options.bytes_per_pass;
  policy.rows_max = limits::kRowsPerSegmentMax;
  policy.smallest_tier = context_.options.small_rows;
  return policy;
}

bool Compaction::is_small(const Task& task) const {
  return !task.archive && alive_rows(task.inputs) < context_.options.small_rows &&
         bytes_of(task.inputs) < context_.options.small_bytes;
}

bool Compaction::is_idle(const Collection& collection) const {
  return context_.clock.now_ms() - collection.info().updated_at_ms >= context_.options.idle_ms;
}

bool Compaction::may_run(const Collection& collection) const {
  if (!collection.check_writable().ok()) {
    return false;
  }
  const auto failed = failures_.find(collection.identity().number);
  return failed == failures_.end() || context_.clock.monotonic_ns() >= failed->second.not_before_ns;
}

std::optional<Compaction::Task> Compaction::plan(const CollectionPtr& collection) const {
  const VersionPtr version = collection->read_view().version;
  if (version->sealed.empty()) {
    return std::nullopt;
  }
  if (auto rewrite = plan_rewrite(collection, *version, false)) {
    return rewrite;
  }
  const std::vector<SealedPartPtr> parts = parts_with_vectors(*version);
  const std::vector<std::size_t> due = plan_merge(sizes_of(parts), policy(), is_idle(*collection));
  if (due.empty()) {
    return plan_archive(collection, parts, false);
  }
  return Task{collection, take(parts, due), false};
}

// An archive without vectors of which enough is dead; of which anything is, where it is forced.
std::optional<Compaction::Task> Compaction::plan_rewrite(const CollectionPtr& collection,
                                                         const CollectionVersion& version, bool forced) const {
  for (const SealedPartPtr& part : parts_with_vectors(version, false)) {
    const std::vector<PartSize> size = sizes_of({part});
    const bool is_due = !(forced ? plan_full_merge(size, policy()) : plan_merge(size, policy(), false)).empty();
    if (is_due) {
      return Task{collection, {part}, true};
    }
  }
  return std::nullopt;
}

// Merged parts of some size are archived: those that more merges will hardly touch.
std::optional<Compaction::Task> Compaction::plan_archive(const CollectionPtr& collection,
                                                         const std::vector<SealedPartPtr>& parts, bool forced) const {
  if (!collection->settings().archive) {
    return std::nullopt;
  }
  const std::uint64_t width = context_.options.merge_width;
  const std::uint64_t wanted =
      forced || is_idle(*collection) ? kArchivedRowsMin : context_.options.small_rows * width * width;
  for (const SealedPartPtr& part : parts) {
    const bool is_old = part->entry().level == 1 || (forced && part->entry().level == 0);
    const SealedSegment& rows = part->rows();
    if (is_old && rows.has_graph() && part->row_count() >= wanted &&
        may_be_archived(rows.file(), rows.space().norm_max)) {
      return Task{collection, {part}, true};
    }
  }
  return std::nullopt;
}

// The parts of the first pack of which less than half is in use.
Result<std::vector<Compaction::Task>> Compaction::plan_sparse_pack() const {
  constexpr std::uint64_t kSlackBytes = std::uint64_t{64} * 1024;
  std::map<std::string, std::pair<std::uint64_t, std::vector<Task>>> packs;
  std::set<std::string> kept;
  for (const CollectionPtr& collection : context_.model.all()) {
    const VersionPtr version = collection->read_view().version;
    for (const SealedPartPtr& part : version->sealed) {
      const std::string& file = part->entry().file;
      if (!SegmentFiles::is_pack(file)) {
        continue;
      }
      if (!may_run(*collection)) {
        kept.insert(file);  // Its space would not come back.
        continue;
      }
      auto& [used, tasks] = packs[file];
      used += SegmentFiles::bytes_in_pack(part->bytes_on_disk());
      if (tasks.empty() || tasks.back().collection != collection) {
        tasks.push_back({collection, {}, false});
      }
      tasks.back().inputs.push_back(part);
    }
  }
  for (auto& [file, pack] : packs) {
    if (kept.contains(file)) {
      continue;
    }
    VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t bytes, context_.files.file_bytes(file));
    if (2 * pack.first + kSlackBytes < bytes) {
      return std::move(pack.second);
    }
  }
  return std::vector<Task>();
}

// Small ones together, or one large one; in turn, so that neither waits for ever.
std::vector<Compaction::Task> Compaction::choose(std::vector<Task> small, std::vector<Task> large) {
  if (small.empty() && large.empty()) {
    return {};
  }
  const bool takes_large = small.empty() || (large_is_next_ && !large.empty());
  large_is_next_ = !takes_large;
  if (!takes_large) {
    return small;
  }
  const auto most_parts = std::max_element(large.begin(), large.end(), [](const Task& a, const Task& b) {
    return a.collection->read_view().version->sealed.size() < b.collection->read_view().version->sealed.size();
  });
  return {*most_parts};
}

Result<CompactionReport> Compaction::run_due(const KeepGoing& keep_going) {
  std::vector<Task> small;
  std::vector<Task> large;
  std::uint64_t small_bytes = 0;
  for (const CollectionPtr& collection : context_.model.all()) {
    if (!may_run(*collection)) {
      continue;
    }
    std::optional<Task> task = plan(collection);
    if (!task) {
      continue;
    }
    if (!is_small(*task)) {
      large.push_back(*std::move(task));
    } else if (small.size() < kTasksMax && small_bytes < context_.options.bytes_per_pass) {
      small_bytes += bytes_of(task->inputs);
      small.push_back(*std::move(task));
    }
  }
  std::vector<Task> chosen = choose(std::move(small), std::move(large));
  if (chosen.empty()) {
    VIBRATO_ASSIGN_OR_RETURN(chosen, plan_sparse_pack());
  }
  return run(chosen, keep_going);
}

Result<CompactionReport> Compaction::run_full(const CollectionPtr& collection, const KeepGoing& keep_going) {
  VIBRATO_RETURN_IF_ERROR(collection->check_writable());
  const VersionPtr version = collection->read_view().version;
  const std::vector<SealedPartPtr> parts = parts_with_vectors(*version);
  const std::vector<std::size_t> positions = plan_full_merge(sizes_of(parts), policy());
  std::optional<Task> task = plan_rewrite(collection, *version, true);
  if (!task && !positions.empty()) {
    task = Task{collection, take(parts, positions), false};
  } else if (!task) {
    task = plan_archive(collection, parts, true);
  }
  return task ? run({*task}, keep_going) : CompactionReport{};
}

// ---- Carrying it out ----

Result<CompactionReport> Compaction::run(const std::vector<Task>& tasks, const KeepGoing& keep_going) {
  if (tasks.empty()) {
    return CompactionReport{};
  }
  bool stopped = false;
  bool dropped = false;
  const KeepGoing go_on = [&]() -> Status {
    if (Status status = check(keep_going); !status.ok()) {
      stopped = true;
      return status;
    }
    if (tasks.size() == 1) {
      const CollectionPtr& collection = tasks.front().collection;
      const auto present = context_.model.find(collection->identity().name);
      dropped = !present.ok() || *present != collection;
    }
    return dropped ? not_found("the collection was dropped") : ok_status();
  };
  Result<CompactionReport> done = try_run(tasks, go_on);
  if (done.ok()) {
    note_success(tasks);
  } else if (dropped) {
    return CompactionReport{};  // There is nothing to merge any more.
  } else if (!stopped) {
    note_failure(tasks);
  }
  return done;
}

Result<CompactionReport> Compaction::try_run(const std::vector<Task>& tasks, const KeepGoing& keep_going) {
  VIBRATO_RETURN_IF_ERROR(verify(tasks, keep_going));
  Merges merges;
  for (const Task& task : tasks) {
    // Of now: what sealed parts hold is visible.
    const Lsn at = task.collection->read_view().visible;
    merges.push_back({task.collection, MergedRows(order_inputs(task.inputs, at), at), {}, nullptr, false});
  }
  WrittenFiles written(context_.files);
  const bool to_pack = tasks.size() > 1 || is_small(tasks.front());
  const Status wrote = to_pack ? write_pack(merges, written, keep_going)
                               : write_file(merges.front(), tasks.front().archive, written, keep_going);
  VIBRATO_RETURN_IF_ERROR(wrote);
  VIBRATO_RETURN_IF_ERROR(open_outputs(merges));
  VIBRATO_RETURN_IF_ERROR(check(keep_going));
  VIBRATO_RETURN_IF_ERROR(commit(merges, written));
  return report_of(merges);
}

Status Compaction::verify(const std::vector<Task>& tasks, const KeepGoing& keep_going) {
  for (const Task& task : tasks) {
    for (const SealedPartPtr& part : task.inputs) {
      VIBRATO_RETURN_IF_ERROR(check(keep_going));
      const Status whole = verify_part(*part);
      if (whole.code() == ErrorCode::kCorruption) {
        mark_damaged(context_, task.collection, part->entry().id, whole.message());
      }
      VIBRATO_RETURN_IF_ERROR(whole);
    }
  }
  return ok_status();
}

Status Compaction::write_file(Merge& merge, bool archive, WrittenFiles& written, const KeepGoing& keep_going) {
  if (merge.rows.count() == 0) {
    return ok_status();
  }
  const bool was_archived = std::any_of(merge.rows.inputs().begin(), merge.rows.inputs().end(),
                                        [](const auto& part) { return part->entry().level == kArchiveLevel; });
  VIBRATO_ASSIGN_OR_RETURN(const std::string file, written.add(SegmentFileKind::kSegment));
  const MergeTarget target{context_.fs,
                           context_.options.data_folder,
                           file,
                           merge.collection->identity().number,
                           merge.collection->settings(),
                           archive || was_archived,
                           context_.options.throttle};
  VIBRATO_ASSIGN_OR_RETURN(merge.entry, write_merged(merge.rows, target, keep_going));
  return ok_status();
}

Status Compaction::write_pack(Merges& merges, WrittenFiles& written, const KeepGoing& keep_going) {
  std::vector<PackItem> items;
  std::vector<Merge*> merge_of_item;
  std::vector<std::vector<SegmentRow>> rows(merges.size());
  for (std::size_t i = 0; i < merges.size(); ++i) {
    Merge& merge = merges[i];
    VIBRATO_RETURN_IF_ERROR(check(keep_going));
    const auto keep_row = [&](const SegmentRow& row) {
      rows[i].push_back(row);
      return ok_status();
    };
    VIBRATO_RETURN_IF_ERROR(merge.rows.for_each(keep_row));
    if (!rows[i].empty()) {
      const auto row = [&part = rows[i]](std::uint32_t number) -> Result<SegmentRow> { return part[number]; };
      items.push_back({merge.collection->identity().number, merge.collection->settings(), merge.rows.count(), row, 1});
      merge_of_item.push_back(&merge);
    }
  }
  if (items.empty()) {
    return ok_status();
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::string file, written.add(SegmentFileKind::kPack));
  VIBRATO_ASSIGN_OR_RETURN(const std::vector<catalog::Segment> entries,
                           seal_small_parts(context_.fs, context_.options.data_folder, file, items));
  for (std::size_t i = 0; i < entries.size(); ++i) {
    merge_of_item[i]->entry = entries[i];
  }
  return ok_status();
}

Status Compaction::open_outputs(Merges& merges) {
  for (Merge& merge : merges) {
    if (merge.rows.count() > 0) {
      VIBRATO_ASSIGN_OR_RETURN(merge.output, context_.files.open(merge.entry, merge.collection->settings(), nullptr));
      merge.output->set_damage(merge.collection->damage());
    }
  }
  return ok_status();
}

// The lock is held until the versions are those of the catalog.
Status Compaction::commit(Merges& merges, WrittenFiles& written) {
  const std::lock_guard lock(context_.commit_mutex);
  const auto body = [&merges](catalog::Tables& tables) -> Status {
    for (Merge& merge : merges) {
      VIBRATO_RETURN_IF_ERROR(replace_segments(tables, merge));
    }
    return ok_status();
  };
  VIBRATO_RETURN_IF_ERROR(commit_files(context_.catalog, written, body));
  for (Merge& merge : merges) {
    publish(merge);
  }
  return ok_status();
}

Status Compaction::replace_segments(catalog::Tables& tables, Merge& merge) {
  const CollectionNumber number = merge.collection->identity().number;
  VIBRATO_ASSIGN_OR_RETURN(const auto row, tables.collections.find(number));
  merge.dropped = !row || row->dropped_lsn;
  if (merge.dropped) {
    return ok_status();
  }
  for (const SealedPartPtr& input : merge.rows.inputs()) {
    VIBRATO_RETURN_IF_ERROR(tables.segments.remove(input->entry().id));
  }
  if (merge.output == nullptr) {
    return ok_status();
  }
  VIBRATO_ASSIGN_OR_RETURN(merge.entry.id, tables.segments.insert(merge.entry));
  // Replay begins behind the durable LSN: the deletes up to there have to be in the catalog.
  const Lsn durable = merge.collection->durable_lsn();
  VIBRATO_ASSIGN_OR_RETURN(MergedRows::Deleted deleted, merge.rows.deleted_since(durable));
  if (deleted.count > 0) {
    return tables.segments.put_bitmap({merge.entry.id, durable, deleted.count, std::move(deleted.bitmap)});
  }
  return ok_status();
}

void Compaction::publish(Merge& merge) {
  if (merge.dropped) {
    if (merge.output != nullptr) {
      context_.files.retire(merge.output);
    }
    return;
  }
  if (merge.output != nullptr) {
    merge.output->set_segment_id(merge.entry.id);
    context_.saved_deletes[merge.entry.id] = merge.collection->durable_lsn();
  }
  const auto new_row = [&merge](std::size_t part, std::uint32_t row) { return merge.rows.new_row(part, row); };
  const Status published =
      merge.collection->publish_merged(merge.rows.inputs(), merge.output, merge.rows.at(), new_row);
  if (!published.ok()) {
    // Only memory for the deletes can be missing. The files are right: a restart finds them so.
    merge.collection->set_damaged("a merge could not be published, restart the server: " + published.message());
    context_.logger.error("collection {}: a merge could not be published: {}", merge.collection->identity().name,
                          published.message());
  }
  for (const SealedPartPtr& input : merge.rows.inputs()) {
    context_.saved_deletes.erase(input->entry().id);
    context_.files.retire(input);
  }
}

CompactionReport Compaction::report_of(const Merges& merges) const {
  CompactionReport report;
  std::set<std::string> inputs;
  for (const Merge& merge : merges) {
    for (const SealedPartPtr& input : merge.rows.inputs()) {
      inputs.insert(input->entry().file);
    }
    if (merge.output != nullptr && !merge.dropped) {
      report.output = merge.entry.file;
      report.level = std::max(report.level, merge.entry.level);
      report.rows += merge.rows.count();
    }
  }
  report.inputs.assign(inputs.begin(), inputs.end());
  report.archived = report.level == kArchiveLevel;
  return report;
}

void Compaction::note_failure(const std::vector<Task>& tasks) {
  constexpr std::int64_t kFirstMs = 1000;
  constexpr std::int64_t kLastMs = 60'000;
  for (const Task& task : tasks) {
    Failures& failures = failures_[task.collection->identity().number];
    const std::int64_t wait_ms = std::min(kLastMs, kFirstMs << std::min(failures.count, 10U));
    ++failures.count;
    failures.not_before_ns = context_.clock.monotonic_ns() + wait_ms * kNsAMs;
  }
}

void Compaction::note_success(const std::vector<Task>& tasks) {
  for (const Task& task : tasks) {
    failures_.erase(task.collection->identity().number);
  }
}

}  // namespace vibrato::vector
