#include "vector/maintenance.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "vector/checkpoint.hpp"
#include "vector/compaction.hpp"
#include "vector/damage_marks.hpp"
#include "vector/maintenance_context.hpp"
#include "vector/scrub.hpp"

namespace vibrato::vector {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;

// The part whose waiting row is the oldest; null if none waits (with `all`: not even a single row). Those without a
// living row wait for nothing but the checkpoint that gives them up.
std::shared_ptr<HotPart> longest_waiting(const std::vector<CollectionPtr>& collections, bool all) {
  std::shared_ptr<HotPart> oldest;
  Lsn oldest_lsn = Lsn::max();
  const auto look_at = [&](const std::shared_ptr<HotPart>& part) {
    if (part == nullptr || !part->needs_indexing(all)) {
      return;
    }
    if (part->is_frozen() && part->deletes()->count() == part->row_count()) {
      return;
    }
    const std::uint32_t waiting = part->indexed_count();
    if (waiting < part->row_count() && part->row_lsn(waiting) <= oldest_lsn) {
      oldest = part;
      oldest_lsn = part->row_lsn(waiting);
    }
  };
  for (const CollectionPtr& collection : collections) {
    const VersionPtr version = collection->latest_version();
    for (const std::shared_ptr<HotPart>& part : version->frozen) {
      look_at(part);
    }
    look_at(version->hot);
  }
  return oldest;
}

}  // namespace

class Maintenance::Impl {
 public:
  Impl(io::FileSystem& fs, catalog::Catalog& catalog, VectorModel& model, const Clock& clock, const Logger& logger,
       MaintenanceOptions options)
      : context_(fs, catalog, model, clock, logger, std::move(options)), compaction_(context_), scrub_(context_) {}

  bool index_step(bool all) {
    const std::lock_guard lock(index_mutex_);
    const std::shared_ptr<HotPart> part = longest_waiting(context_.model.all(), all);
    // Rows that still wait after a step without effect lack memory: no reason to try again at once.
    return part != nullptr && (part->index_step(context_.options.index_batch_rows, all) || !part->needs_indexing(all));
  }

  Result<CheckpointReport> checkpoint_due(const KeepGoing& keep_going) {
    const std::lock_guard lock(checkpoint_mutex_);
    const std::int64_t now_ns = context_.clock.monotonic_ns();
    const std::vector<CheckpointWish> due = due_collections(now_ns);
    if (now_ns < retry_at_ns_) {
      return CheckpointReport{};
    }
    if (due.empty() && !is_creation_due(now_ns)) {
      return CheckpointReport{};
    }
    return run(due, keep_going);
  }

  Result<CheckpointReport> checkpoint(Lsn up_to, const KeepGoing& keep_going) {
    const std::lock_guard lock(checkpoint_mutex_);
    std::vector<CheckpointWish> wanted;
    for (const CollectionPtr& collection : context_.model.all()) {
      const auto oldest = collection->oldest_unsaved_lsn();
      if (oldest && *oldest <= up_to) {
        wanted.push_back({collection});
      }
    }
    return run(wanted, keep_going);
  }

  Result<CheckpointReport> save(const CollectionPtr& collection, const KeepGoing& keep_going) {
    const std::lock_guard lock(checkpoint_mutex_);
    return collection->oldest_unsaved_lsn() ? run({{collection}}, keep_going) : CheckpointReport{};
  }

  Result<CompactionReport> compact_due(const KeepGoing& keep_going) {
    const std::lock_guard lock(merge_mutex_);
    return compaction_.run_due(keep_going);
  }

  Result<CompactionReport> compact(const CollectionPtr& collection, const KeepGoing& keep_going) {
    const std::lock_guard lock(merge_mutex_);
    return compaction_.run_full(collection, keep_going);
  }

  Result<ScrubStep> scrub_step() {
    const std::lock_guard lock(scrub_mutex_);
    return scrub_.step();
  }

  std::vector<std::string> mark_found_damage() {
    std::vector<std::string> reasons;
    for (const CollectionPtr& collection : context_.model.all()) {
      for (const CollectionDamage::Found& found : collection->damage()->take_found()) {
        if (mark_damaged(context_, collection, found.part, found.reason)) {
          reasons.push_back(found.reason);
        }
      }
    }
    return reasons;
  }

  MaintenanceContext& context() { return context_; }

 private:
  struct Waiting {
    Lsn oldest;
    std::int64_t since_ns = 0;
  };

  Result<CheckpointReport> run(const std::vector<CheckpointWish>& wishes, const KeepGoing& keep_going) {
    Result<CheckpointReport> done = Checkpoint(context_, keep_going).run(wishes);
    note_outcome(done.status());
    if (done.ok()) {
      // The space of dropped collections; what fails is tried again by the next call.
      static_cast<void>(context_.files.remove_unused());
    }
    return done;
  }

  // Collections with a full part or an old row, and with them the small ones that would be due soon.
  std::vector<CheckpointWish> due_collections(std::int64_t now_ns) {
    const std::int64_t age_ns = context_.options.checkpoint_age_ms * kNsPerMs;
    std::vector<CheckpointWish> due;
    std::vector<CheckpointWish> soon;
    std::map<CollectionNumber, Waiting> waiting;
    bool any_old = false;
    for (const CollectionPtr& collection : context_.model.all()) {
      const auto oldest = collection->oldest_unsaved_lsn();
      if (!oldest || !collection->check_writable().ok()) {
        continue;
      }
      const CollectionNumber number = collection->identity().number;
      const auto known = waiting_.find(number);
      const bool is_new = known == waiting_.end() || known->second.oldest != *oldest;
      const Waiting now{*oldest, is_new ? now_ns : known->second.since_ns};
      waiting.emplace(number, now);
      const bool is_old = now_ns - now.since_ns >= age_ns;
      const VersionPtr version = collection->latest_version();
      if (is_old || !version->frozen.empty() || !version->imported.empty()) {
        due.push_back({collection, is_old});
      } else if (now_ns - now.since_ns >= age_ns / 2 && collection->hot_bytes() < context_.options.small_bytes) {
        soon.push_back({collection});
      }
      any_old = any_old || is_old;
    }
    waiting_ = std::move(waiting);
    if (any_old) {
      due.insert(due.end(), soon.begin(), soon.end());
    }
    return due;
  }

  // Creates wait as long as rows do. Drops do not: they give memory and space back. Without any, the model's durable
  // LSN moves on at once.
  bool is_creation_due(std::int64_t now_ns) {
    const VectorModel::Unsaved unsaved = context_.model.unsaved();
    if (unsaved.created.empty() || !unsaved.dropped.empty()) {
      unsaved_since_ns_ = -1;
      return true;
    }
    if (unsaved_since_ns_ < 0) {
      unsaved_since_ns_ = now_ns;
    }
    return now_ns - unsaved_since_ns_ >= context_.options.checkpoint_age_ms * kNsPerMs;
  }

  void note_outcome(const Status& status) {
    constexpr std::int64_t kFirstMs = 1000;
    constexpr std::int64_t kLastMs = 60'000;
    if (status.ok()) {
      failures_ = 0;
      retry_at_ns_ = 0;
      return;
    }
    const std::int64_t wait_ms = std::min(kLastMs, kFirstMs << std::min(failures_, 10U));
    ++failures_;
    retry_at_ns_ = context_.clock.monotonic_ns() + wait_ms * kNsPerMs;
  }

  MaintenanceContext context_;

  std::mutex index_mutex_;

  std::mutex checkpoint_mutex_;  // One checkpoint at a time. Guards the members below, up to the empty line.
  std::map<CollectionNumber, Waiting> waiting_;
  std::int64_t unsaved_since_ns_ = -1;
  std::uint32_t failures_ = 0;
  std::int64_t retry_at_ns_ = 0;

  std::mutex merge_mutex_;  // One merge at a time. Guards compaction_.
  Compaction compaction_;

  std::mutex scrub_mutex_;  // Guards scrub_.
  Scrub scrub_;
};

Maintenance::Maintenance(io::FileSystem& fs, catalog::Catalog& catalog, VectorModel& model, const Clock& clock,
                         const Logger& logger, MaintenanceOptions options)
    : impl_(std::make_unique<Impl>(fs, catalog, model, clock, logger, std::move(options))) {}

Maintenance::~Maintenance() = default;

bool Maintenance::index_step(bool all) {
  return impl_->index_step(all);
}

Result<CheckpointReport> Maintenance::checkpoint_due(const KeepGoing& keep_going) {
  return impl_->checkpoint_due(keep_going);
}

Result<CheckpointReport> Maintenance::checkpoint(Lsn up_to, const KeepGoing& keep_going) {
  return impl_->checkpoint(up_to, keep_going);
}

std::unique_ptr<Import> Maintenance::begin_import(const CollectionPtr& collection, ImportOptions options) {
  return std::make_unique<Import>(impl_->context(), collection, std::move(options));
}

Result<CheckpointReport> Maintenance::save(const CollectionPtr& collection, const KeepGoing& keep_going) {
  return impl_->save(collection, keep_going);
}

Result<CompactionReport> Maintenance::compact_due(const KeepGoing& keep_going) {
  return impl_->compact_due(keep_going);
}

Result<CompactionReport> Maintenance::compact(const CollectionPtr& collection, const KeepGoing& keep_going) {
  return impl_->compact(collection, keep_going);
}

Result<ScrubStep> Maintenance::scrub_step() {
  return impl_->scrub_step();
}

std::vector<std::string> Maintenance::mark_found_damage() {
  return impl_->mark_found_damage();
}

Status Maintenance::remove_unused() {
  return impl_->context().files.remove_unused();
}

std::uint64_t Maintenance::retired_files() const {
  return impl_->context().files.retired_files();
}

Result<std::uint64_t> Maintenance::quarantine_orphans() {
  std::set<std::string> imported;
  for (const CollectionPtr& collection : impl_->context().model.all()) {
    for (const SealedPartPtr& part : collection->latest_version()->imported) {
      imported.insert(part->entry().file);
    }
  }
  return impl_->context().files.quarantine_orphans(impl_->context().clock.now_ms(), std::move(imported));
}

}  // namespace vibrato::vector
