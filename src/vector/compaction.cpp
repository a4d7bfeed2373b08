#include "vector/compaction.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "vector/archive.hpp"
#include "vector/damage_marks.hpp"

namespace vibrato::vector {
Result<CompactionReport> Compaction::run_due(const KeepGoing& keep_going) {
  VIBRATO_ASSIGN_OR_RETURN(const std::vector<CompactionTask> due, tasks_.due());
  return run(due, keep_going);
}

Result<CompactionReport> Compaction::run_full(const CollectionPtr& collection, const KeepGoing& keep_going) {
  VIBRATO_RETURN_IF_ERROR(collection->check_writable());
  const std::optional<CompactionTask> task = tasks_.full(collection);
  return task ? run({*task}, keep_going) : CompactionReport{};
}

Result<CompactionReport> Compaction::run(const std::vector<CompactionTask>& tasks, const KeepGoing& keep_going) {
  if (tasks.empty()) {
    return CompactionReport{};
  }
  bool stopped = false;
  bool dropped = false;
  const KeepGoing go_on = [&]() -> Status {
    if (Status status = may_go_on(keep_going); !status.ok()) {
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
    tasks_.note_success(tasks);
  } else if (dropped) {
    return CompactionReport{};  // There is nothing to merge any more.
  } else if (!stopped) {
    tasks_.note_failure(tasks);
  }
  return done;
}

Result<CompactionReport> Compaction::try_run(const std::vector<CompactionTask>& tasks, const KeepGoing& keep_going) {
  VIBRATO_RETURN_IF_ERROR(verify(tasks, keep_going));
  Merges merges;
  for (const CompactionTask& task : tasks) {
    // Of now: what sealed parts hold is visible.
    const Lsn at = task.collection->read_view().visible;
    merges.push_back({task.collection, MergedRows(order_inputs(task.inputs, at), at), {}, nullptr, false});
  }
  WrittenFiles written(context_.files);
  const bool to_pack = tasks.size() > 1 || tasks_.is_small(tasks.front());
  const Status wrote = to_pack ? write_pack(merges, written, keep_going)
                               : write_file(merges.front(), tasks.front().archive, written, keep_going);
  VIBRATO_RETURN_IF_ERROR(wrote);
  VIBRATO_RETURN_IF_ERROR(open_outputs(merges));
  VIBRATO_RETURN_IF_ERROR(may_go_on(keep_going));
  VIBRATO_RETURN_IF_ERROR(commit(merges, written));
  return report_of(merges);
}

Status Compaction::verify(const std::vector<CompactionTask>& tasks, const KeepGoing& keep_going) {
  for (const CompactionTask& task : tasks) {
    for (const SealedPartPtr& part : task.inputs) {
      VIBRATO_RETURN_IF_ERROR(may_go_on(keep_going));
      const Status whole = verify_part(*part, keep_going);
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
    VIBRATO_RETURN_IF_ERROR(may_go_on(keep_going));
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
      merge.collection->adopt(*merge.output);
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

}  // namespace vibrato::vector
