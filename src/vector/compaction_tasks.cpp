#include "vector/compaction_tasks.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "base/limits.hpp"
#include "vector/archive.hpp"
#include "vector/merge_plan.hpp"

namespace vibrato::vector {
namespace {

constexpr std::size_t kTasksMax = 4096;  // Of one pack.
constexpr std::int64_t kNsAMs = 1'000'000;

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
  sizes.reserve(parts.size());
  for (const SealedPartPtr& part : parts) {
    const std::uint64_t rows = part->row_count();
    sizes.push_back({rows, std::min<std::uint64_t>(part->deletes()->count(), rows), part->bytes_on_disk()});
  }
  return sizes;
}

std::vector<SealedPartPtr> take(const std::vector<SealedPartPtr>& parts, const std::vector<std::size_t>& positions) {
  std::vector<SealedPartPtr> taken;
  taken.reserve(positions.size());
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

MergePolicy CompactionTasks::policy() const {
  MergePolicy policy;
  policy.width = context_.options.merge_width;
  policy.tombstone_ratio = context_.options.tombstone_ratio;
  policy.bytes_max = context_.options.bytes_per_pass;
  policy.rows_max = limits::kRowsPerSegmentMax;
  policy.smallest_tier = context_.options.small_rows;
  return policy;
}

bool CompactionTasks::is_small(const CompactionTask& task) const {
  return !task.archive && alive_rows(task.inputs) < context_.options.small_rows &&
         bytes_of(task.inputs) < context_.options.small_bytes;
}

bool CompactionTasks::is_idle(const Collection& collection) const {
  return context_.clock.now_ms() - collection.info().updated_at_ms >= context_.options.idle_ms;
}

bool CompactionTasks::may_run(const Collection& collection) const {
  if (!collection.check_writable().ok()) {
    return false;
  }
  const auto failed = failures_.find(collection.identity().number);
  return failed == failures_.end() || context_.clock.monotonic_ns() >= failed->second.not_before_ns;
}

std::optional<CompactionTask> CompactionTasks::plan(const CollectionPtr& collection) const {
  const VersionPtr version = collection->latest_version();
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
  return CompactionTask{collection, take(parts, due), false};
}

// An archive without vectors of which enough is dead; of which anything is, where it is forced.
std::optional<CompactionTask> CompactionTasks::plan_rewrite(const CollectionPtr& collection,
                                                            const CollectionVersion& version, bool forced) const {
  for (const SealedPartPtr& part : parts_with_vectors(version, false)) {
    const std::vector<PartSize> size = sizes_of({part});
    const bool is_due = !(forced ? plan_full_merge(size, policy()) : plan_merge(size, policy(), false)).empty();
    if (is_due) {
      return CompactionTask{collection, {part}, true};
    }
  }
  return std::nullopt;
}

// Merged parts of some size are archived: those that more merges will hardly touch.
std::optional<CompactionTask> CompactionTasks::plan_archive(const CollectionPtr& collection,
                                                            const std::vector<SealedPartPtr>& parts,
                                                            bool forced) const {
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
      return CompactionTask{collection, {part}, true};
    }
  }
  return std::nullopt;
}

// The parts of the first pack of which less than half is in use.
Result<std::vector<CompactionTask>> CompactionTasks::plan_sparse_pack() const {
  constexpr std::uint64_t kSlackBytes = std::uint64_t{64} * 1024;
  std::map<std::string, std::pair<std::uint64_t, std::vector<CompactionTask>>> packs;
  std::set<std::string> kept;
  for (const CollectionPtr& collection : context_.model.all()) {
    const VersionPtr version = collection->latest_version();
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
  return std::vector<CompactionTask>();
}

// Small ones together, or one large one; in turn, so that neither waits for ever.
std::vector<CompactionTask> CompactionTasks::choose(std::vector<CompactionTask> small,
                                                    std::vector<CompactionTask> large) {
  if (small.empty() && large.empty()) {
    return {};
  }
  const bool takes_large = small.empty() || (large_is_next_ && !large.empty());
  large_is_next_ = !takes_large;
  if (!takes_large) {
    return small;
  }
  const auto most_parts =
      std::max_element(large.begin(), large.end(), [](const CompactionTask& a, const CompactionTask& b) {
        return a.collection->latest_version()->sealed.size() < b.collection->latest_version()->sealed.size();
      });
  return {*most_parts};
}

Result<std::vector<CompactionTask>> CompactionTasks::due() {
  std::vector<CompactionTask> small;
  std::vector<CompactionTask> large;
  std::uint64_t small_bytes = 0;
  for (const CollectionPtr& collection : context_.model.all()) {
    if (!may_run(*collection)) {
      continue;
    }
    std::optional<CompactionTask> task = plan(collection);
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
  std::vector<CompactionTask> chosen = choose(std::move(small), std::move(large));
  return chosen.empty() ? plan_sparse_pack() : std::move(chosen);
}

std::optional<CompactionTask> CompactionTasks::full(const CollectionPtr& collection) const {
  const VersionPtr version = collection->latest_version();
  if (auto rewrite = plan_rewrite(collection, *version, true)) {
    return rewrite;
  }
  const std::vector<SealedPartPtr> parts = parts_with_vectors(*version);
  const std::vector<std::size_t> positions = plan_full_merge(sizes_of(parts), policy());
  if (!positions.empty()) {
    return CompactionTask{collection, take(parts, positions), false};
  }
  return plan_archive(collection, parts, true);
}

void CompactionTasks::note_failure(const std::vector<CompactionTask>& tasks) {
  constexpr std::int64_t kFirstMs = 1000;
  constexpr std::int64_t kLastMs = 60'000;
  for (const CompactionTask& task : tasks) {
    Failures& failures = failures_[task.collection->identity().number];
    const std::int64_t wait_ms = std::min(kLastMs, kFirstMs << std::min(failures.count, 10U));
    ++failures.count;
    failures.not_before_ns = context_.clock.monotonic_ns() + wait_ms * kNsAMs;
  }
}

void CompactionTasks::note_success(const std::vector<CompactionTask>& tasks) {
  for (const CompactionTask& task : tasks) {
    failures_.erase(task.collection->identity().number);
  }
}

}  // namespace vibrato::vector
