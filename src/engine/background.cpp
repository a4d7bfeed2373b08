#include "engine/background.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "base/limits.hpp"
#include "base/thread_priority.hpp"

namespace vibrato::engine {
namespace {

constexpr std::int64_t kSecondMs = 1000;
constexpr std::int64_t kExpiryPauseMs = 20;  // Between two writes that delete keys whose time is over.
constexpr std::int64_t kSecondNs = 1'000'000'000;
// How long new rows may wait for somebody to look whether a hot part is full.
constexpr std::int64_t kLookMs = 50;
// After so long without a write, rows that are too few for a batch are indexed too; and after so many times as long as
// that took the last time.
constexpr std::int64_t kQuietMs = 50;
constexpr std::int64_t kQuietTimes = 20;
// A model with so much in memory is saved before its second is over.
constexpr std::uint64_t kSaveAtBytes = std::uint64_t{8} * 1024 * 1024;
// What memory use must have fallen by before the allocator is asked to give pages back.
constexpr std::uint64_t kGiveBackBytes = std::uint64_t{64} * 1024 * 1024;
// Between two steps of the scrub while a checkpoint or a compaction runs.
constexpr std::int64_t kGiveWayMs = 200;
// Until the next scrub after one that could not read everything: its collections take no writes meanwhile.
constexpr std::int64_t kUnreadableRetryMs = 600'000;

}  // namespace

Background::Background(const Parts& parts, const DatabaseOptions& options)
    : parts_(parts),
      options_(options),
      checkpoints_(parts.metrics.counter("vibrato_checkpoint_total", "Checkpoints that made something durable")),
      compactions_(parts.metrics.counter("vibrato_compaction_total", "Merges of segments")),
      scrub_passes_(parts.metrics.counter("vibrato_scrub_total", "Times that all segments were read and checked")),
      scrub_bytes_(parts.metrics.counter("vibrato_scrub_bytes_total", "Bytes of segments that were found whole")),
      scrub_damage_(parts.metrics.counter("vibrato_scrub_damaged_segments_total", "Segments found damaged on disk")),
      scrub_unreadable_(parts.metrics.counter("vibrato_scrub_unreadable_segments_total",
                                              "Times that the disk did not give a segment's bytes")),
      scrub_rate_(options.scrub_mb_per_sec * limits::kMiB, parts.clock) {}

Background::~Background() {
  stop();
}

void Background::start(bool read_only) {
  const auto add = [this](void (Background::*loop)()) {
    threads_.emplace_back([this, loop] {
      lower_thread_priority();
      (this->*loop)();
    });
  };
  try {
    add(&Background::run_timer);
    add(&Background::run_indexing);
    if (!read_only && parts_.retention != nullptr) {
      add(&Background::run_saves);
      add(&Background::run_checkpoints);
      add(&Background::run_compaction);
      if (options_.scrub_interval_secs > 0) {
        add(&Background::run_scrub);
      }
    }
  } catch (const std::system_error& error) {
    parts_.logger.error("a thread for background work could not be made: {}", error.what());
  }
}

void Background::stop() {
  stopping_ = true;
  parts_.throttle.stop();
  scrub_rate_.stop();
  for (Sleep* const sleep :
       {&indexing_, &checkpointing_, &compaction_, &scrub_, &timer_, &backoff_, &saving_, &save_backoff_}) {
    end_sleep(*sleep);
  }
  for (std::thread& thread : threads_) {
    thread.join();
  }
  threads_.clear();
}

void Background::wake_indexing() {
  if (!has_new_rows_.exchange(true)) {
    end_sleep(indexing_);
  }
}

void Background::wake_saving_if_due() {
  if (parts_.files.most_unsaved_bytes() >= kSaveAtBytes && !saving_is_due_.exchange(true)) {
    end_sleep(saving_);
  }
}

void Background::wake_timer() {
  end_sleep(timer_);
}

Status Background::keep_going() const {
  return stopping_ ? unavailable("the server stops") : parts_.syncs.check();
}

void Background::note_checkpoint(const vector::CheckpointReport& report) {
  if (report.collections == 0) {
    return;
  }
  checkpoints_.add();
  parts_.logger.info("checkpoint: {} collections, {} segments, {} rows, LSNs {} to {}", report.collections,
                     report.segments, report.rows, report.first_lsn.value(), report.last_lsn.value());
  end_sleep(compaction_);
}

void Background::note_compaction(const vector::CompactionReport& report) {
  if (report.inputs.empty()) {
    return;
  }
  compactions_.add();
  parts_.logger.info("compaction: {} segments became {} with {} rows", report.inputs.size(),
                     report.output.empty() ? "none" : report.output, report.rows);
}

bool Background::sleep_for(Sleep& sleep, std::int64_t duration_ms) {
  std::unique_lock lock(sleep.mutex);
  const bool was_woken =
      sleep.woken.wait_for(lock, std::chrono::milliseconds(duration_ms), [&] { return sleep.wake || stopping_; });
  sleep.wake = false;
  return was_woken;
}

void Background::end_sleep(Sleep& sleep) {
  {
    const std::lock_guard lock(sleep.mutex);
    sleep.wake = true;
  }
  sleep.woken.notify_one();
}

void Background::run_indexing() {
  std::int64_t looked_at_ns = 0;
  std::int64_t rest_took_ms = 0;
  const auto look = [&] {
    looked_at_ns = parts_.clock.monotonic_ns();
    parts_.budgets.refresh();
    end_sleep(checkpointing_);
  };
  while (!stopping_) {
    has_new_rows_ = false;  // Before the work: rows that come meanwhile end the next sleep at once.
    while (!stopping_ && parts_.maintenance.index_step()) {
      if (parts_.clock.monotonic_ns() - looked_at_ns >= kLookMs * 1'000'000) {
        look();
      }
    }
    look();
    if (sleep_for(indexing_, std::max(kQuietMs, rest_took_ms * kQuietTimes))) {
      continue;
    }
    const std::int64_t began_ns = parts_.clock.monotonic_ns();
    while (!stopping_ && !has_new_rows_ && parts_.maintenance.index_step(/*all=*/true)) {
    }
    rest_took_ms = (parts_.clock.monotonic_ns() - began_ns) / 1'000'000;
    sleep_for(indexing_, std::int64_t{options_.checkpoint_interval_secs} * kSecondMs);
  }
}

void Background::run_checkpoints() {
  if (parts_.retention->is_too_large()) {
    end_sleep(checkpointing_);
  }
  while (!stopping_) {
    sleep_for(checkpointing_, std::max<std::int64_t>(options_.checkpoint_interval_secs, 1) * kSecondMs);
    if (!keep_going().ok()) {
      continue;
    }
    const bool is_short = needs_room();
    const Status status = is_short ? make_room() : checkpoint_now();
    remove_unused();  // Also without a checkpoint: what a search still used the last time may be free by now.
    if (!status.ok()) {
      report("a checkpoint", status);
    }
    if (is_short || !status.ok()) {
      sleep_for(backoff_, kSecondMs);
    }
  }
}

// A try that fails would fail again: not before something was written, which on a full disk is a delete or a drop, or
// something else gave space back.
bool Background::needs_room() const {
  return parts_.disk.is_full() &&
         (parts_.visible.get() != room_made_at_ || parts_.disk.free_bytes() > free_bytes_then_ + limits::kMiB);
}

// Everything is saved, whatever its age, so that the log can be cut off. What does not fit does not hold up the rest.
Status Background::make_room() {
  room_made_at_ = parts_.visible.get();
  const Status saved = checkpoint(room_made_at_);
  Status trimmed = parts_.retention->trim(true);
  remove_unused();
  free_bytes_then_ = parts_.disk.free_bytes();
  parts_.disk.probe();
  VIBRATO_RETURN_IF_ERROR(saved);
  return trimmed;
}

Status Background::checkpoint_now() {
  if (parts_.budgets.is_tight()) {
    parts_.throttle.set_urgent(true);
    const Status relieved = checkpoint(parts_.visible.get());
    parts_.throttle.set_urgent(false);
    parts_.budgets.refresh();
    VIBRATO_RETURN_IF_ERROR(relieved);
  }
  // Before what is merely due, which may take long; but what it fails for does not hold that up.
  Status shrunk = shrink_log();
  {
    const Running running(checkpoints_running_);
    VIBRATO_ASSIGN_OR_RETURN(const auto done, parts_.maintenance.checkpoint_due([this] { return keep_going(); }));
    note_checkpoint(done);
    if (done.collections > 0) {
      VIBRATO_RETURN_IF_ERROR(parts_.files.save(parts_.visible.get()));
    }
  }
  VIBRATO_RETURN_IF_ERROR(parts_.retention->trim(parts_.disk.is_full()));
  return shrunk;
}

Status Background::checkpoint(Lsn up_to) {
  const Running running(checkpoints_running_);
  const auto done = parts_.maintenance.checkpoint(up_to, [this] { return keep_going(); });
  if (done.ok()) {
    note_checkpoint(*done);
  }
  // Whatever became of the vectors.
  const Status kept = parts_.files.save(parts_.visible.get());
  return done.ok() ? kept : done.status();
}

// Whoever holds the log back is checkpointed, those with the oldest unsaved effects first: a quarter of what is unsaved
// at a time, so that many small collections go together.
Status Background::shrink_log() {
  if (parts_.retention->is_too_large()) {
    VIBRATO_RETURN_IF_ERROR(parts_.retention->trim(parts_.disk.is_full()));
  }
  while (!stopping_) {
    const Lsn durable = parts_.models.durable_lsn();
    const Lsn visible = parts_.visible.get();
    if (durable >= visible || !parts_.retention->can_shrink(visible, parts_.disk.is_full())) {
      return ok_status();
    }
    VIBRATO_RETURN_IF_ERROR(checkpoint(Lsn(durable.value() + 1 + (visible.value() - durable.value() - 1) / 4)));
    VIBRATO_RETURN_IF_ERROR(parts_.retention->trim(parts_.disk.is_full()));
    if (parts_.models.durable_lsn() <= durable) {
      return ok_status();  // A damaged collection keeps its records until an operator acts.
    }
  }
  return ok_status();
}

// What state, documents and SQL have in memory goes into their files soon, so that a start has little to replay. Now
// and then all of them are saved, so that those without writes do not hold the log back.
void Background::run_saves() {
  const std::int64_t interval_ns = std::max<std::int64_t>(options_.checkpoint_interval_secs, 1) * kSecondNs;
  std::int64_t all_saved_ns = parts_.clock.monotonic_ns();
  while (!stopping_) {
    saving_is_due_ = false;
    sleep_for(saving_, kSecondMs);
    if (!keep_going().ok()) {
      continue;
    }
    const Lsn visible = parts_.visible.get();
    const bool all_are_due = parts_.clock.monotonic_ns() - all_saved_ns >= interval_ns;
    const Status saved = all_are_due ? parts_.files.save(visible) : parts_.files.save_unsaved(visible);
    if (!saved.ok()) {
      report("saving state, documents and SQL", saved);
      sleep_for(save_backoff_, kSecondMs);
    } else if (all_are_due) {
      all_saved_ns = parts_.clock.monotonic_ns();
    }
  }
}

void Background::run_compaction() {
  while (!stopping_) {
    sleep_for(compaction_, std::max<std::int64_t>(options_.compaction_interval_secs, 1) * kSecondMs);
    bool is_due = true;
    while (is_due && keep_going().ok()) {
      const auto merged = [&] {
        const Running running(compactions_running_);
        return parts_.maintenance.compact_due([this] { return keep_going(); });
      }();
      is_due = merged.ok() && !merged->inputs.empty();
      if (merged.ok()) {
        note_compaction(*merged);
      } else if (!stopping_) {
        report("a compaction", merged.status());
      }
      remove_unused();
    }
  }
}

void Background::remove_unused() {
  if (const Status removed = parts_.maintenance.remove_unused(); !removed.ok()) {
    report("removing files that nobody needs", removed);
  }
}

void Background::run_scrub() {
  while (!stopping_) {
    const bool all_were_read = scrub_pass();
    const std::int64_t interval_ms = std::int64_t{options_.scrub_interval_secs} * kSecondMs;
    sleep_for(scrub_, all_were_read ? interval_ms : std::min(interval_ms, kUnreadableRetryMs));
  }
}

bool Background::scrub_pass() {
  bool all_were_read = true;
  std::uint64_t bytes = 0;
  std::uint64_t parts = 0;
  while (!stopping_) {
    const auto step = parts_.maintenance.scrub_step();
    if (!step.ok()) {
      report("a step of the scrub", step.status());
      sleep_for(scrub_, kSecondMs);
      continue;
    }
    if (step->has_ended) {
      scrub_passes_.add();
      parts_.logger.info("scrub: {} bytes of {} segments are whole", bytes, parts);
      break;
    }
    if (!step->damage.empty()) {
      scrub_damage_.add();
      parts_.logger.error("a segment is damaged, its collection takes no more writes: {}", step->damage);
    }
    if (!step->unreadable.empty()) {
      all_were_read = false;
      scrub_unreadable_.add();
      parts_.logger.error("a segment cannot be read, its collection takes no writes until it can: {}",
                          step->unreadable);
    }
    if (!step->readable_again.empty()) {
      parts_.logger.info("{} can be read again, and is whole", step->readable_again);
    }
    bytes += step->bytes;
    parts += step->parts;
    scrub_bytes_.add(step->bytes);
    scrub_rate_.take(step->bytes);
    parts_.throttle.take(step->bytes);
    if (checkpoints_running_ > 0 || compactions_running_ > 0) {
      sleep_for(scrub_, kGiveWayMs);
    }
  }
  return all_were_read;
}

void Background::run_timer() {
  std::int64_t second_ns = parts_.clock.monotonic_ns();
  std::int64_t until_expiry_ms = kSecondMs;
  while (!stopping_) {
    const std::int64_t deadline_ns = parts_.waiters.next_deadline_ns().value_or(INT64_MAX);
    const std::int64_t now_ns = parts_.clock.monotonic_ns();
    const std::int64_t wait_ns = std::clamp<std::int64_t>(deadline_ns - std::min(now_ns, deadline_ns), 0, kSecondNs);
    sleep_for(timer_, std::min((wait_ns + 999'999) / 1'000'000, until_expiry_ms));
    parts_.waiters.expire(parts_.clock.monotonic_ns());
    until_expiry_ms = parts_.expire_due ? std::max(parts_.expire_due(), kExpiryPauseMs) : kSecondMs;
    if (parts_.clock.monotonic_ns() - second_ns < kSecondNs || stopping_) {
      continue;
    }
    second_ns = parts_.clock.monotonic_ns();
    for (const std::string& damage : parts_.maintenance.mark_found_damage()) {
      parts_.logger.error("a request found a segment damaged, its collection takes no more writes: {}", damage);
    }
    parts_.disk.probe();
    if (parts_.disk.is_full()) {
      end_sleep(checkpointing_);
      end_sleep(compaction_);
    }
    parts_.budgets.refresh();
    give_memory_back();
    if (parts_.each_second) {
      parts_.each_second();
    }
  }
}

void Background::give_memory_back() {
  const std::uint64_t used = parts_.budgets.used_bytes();
  memory_peak_ = std::max(memory_peak_, used);
  if (memory_peak_ - used >= kGiveBackBytes) {
    memory_peak_ = used;
#ifdef __GLIBC__
    ::malloc_trim(0);
#endif
  }
}

void Background::report(std::string_view what, const Status& status) {
  if (stopping_) {
    return;
  }
  if (status.code() == ErrorCode::kDiskFull) {
    parts_.disk.report_full();
  }
  parts_.logger.error("{} failed: {}", what, status.message());
}

}  // namespace vibrato::engine
