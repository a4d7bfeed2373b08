// The work that nobody asked for: indexing, checkpoints, compaction, the scrub, trimming the log, and what is due once
// a second. Threads of low priority; each kind of work is one loop, so none waits for another.
//
// Invariant: a failure here loses nothing: it is logged, counted and tried again later.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>
#include <vibrato/status.hpp>

#include "base/clock.hpp"
#include "base/logging.hpp"
#include "base/metrics.hpp"
#include "commit/model_set.hpp"
#include "commit/visible_lsn.hpp"
#include "engine/database_options.hpp"
#include "engine/disk_space.hpp"
#include "engine/io_throttle.hpp"
#include "engine/log_retention.hpp"
#include "engine/model_files.hpp"
#include "engine/visibility_waiters.hpp"
#include "engine/write_budgets.hpp"
#include "io/sync_watch.hpp"
#include "vector/maintenance.hpp"

namespace vibrato::engine {

// Thread-safety: wake_* and the getters from any thread; start and stop from one.
class Background {
 public:
  // What it works on; all outlive it.
  struct Parts {
    vector::Maintenance& maintenance;
    const ModelFiles& files;
    LogRetention* retention;  // Null with read_only.
    const commit::ModelSet& models;
    const commit::VisibleLsn& visible;
    WriteBudgets& budgets;
    DiskSpace& disk;
    const io::SyncWatch& syncs;
    IoThrottle& throttle;
    VisibilityWaiters& waiters;
    const Clock& clock;
    const Logger& logger;
    MetricsRegistry& metrics;
    std::function<void()> each_second;  // Flushes the audit, and the like.
    // Deletes keys whose time is over; answers in how many milliseconds it may be called again, at the latest.
    std::function<std::int64_t()> expire_due = {};
  };

  Background(const Parts& parts, const DatabaseOptions& options);
  ~Background();  // As stop().

  // `read_only`: the files must stay as they are; only what is in memory is worked on.
  void start(bool read_only);
  // Ends the work early where it can, and the throttle's sleeps. Idempotent.
  void stop();

  // New rows are visible. Cheap enough for every commit.
  void wake_indexing();
  // After every commit: models may have so much in memory that it should go into their files.
  void wake_saving_if_due();
  // Somebody waits with a deadline before the one that the timer knows.
  void wake_timer();
  // Not ok once the work should end: the database stops, or a sync has failed, which is never tried again.
  [[nodiscard]] Status keep_going() const;

  // For whoever runs the same work on request: counts it while it lives.
  class Running {
   public:
    explicit Running(std::atomic<std::uint64_t>& count) : count_(count) { ++count_; }
    ~Running() { --count_; }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    std::atomic<std::uint64_t>& count_;
  };
  [[nodiscard]] std::atomic<std::uint64_t>& checkpoints_running() { return checkpoints_running_; }
  [[nodiscard]] std::atomic<std::uint64_t>& compactions_running() { return compactions_running_; }
  // Counts what was done, and lets the compaction look at new segments.
  void note_checkpoint(const vector::CheckpointReport& report);
  void note_compaction(const vector::CompactionReport& report);

 private:
  // A thread's sleep that others end.
  struct Sleep {
    std::mutex mutex;
    std::condition_variable woken;
    bool wake = false;
  };
  // False if the whole time has passed.
  bool sleep_for(Sleep& sleep, std::int64_t duration_ms);
  static void end_sleep(Sleep& sleep);

  void run_indexing();
  void run_checkpoints();
  void run_saves();
  void run_compaction();
  void run_scrub();
  // One pass over everything. Gives way to checkpoints and compaction.
  // False if the disk did not give something.
  bool scrub_pass();
  void run_timer();
  [[nodiscard]] Status checkpoint_now();
  // On a full disk: whether something has changed since room was made, and making it.
  [[nodiscard]] bool needs_room() const;
  [[nodiscard]] Status make_room();
  [[nodiscard]] Status shrink_log();
  [[nodiscard]] Status checkpoint(Lsn up_to);
  // Files that a checkpoint or a merge left without readers.
  void remove_unused();
  // Gives memory that large drops freed back to the system.
  void give_memory_back();
  // Logs it; a full disk is reported, so that the reserve is given up.
  void report(std::string_view what, const Status& status);

  Parts parts_;
  const DatabaseOptions& options_;
  Counter& checkpoints_;
  Counter& compactions_;
  Counter& scrub_passes_;
  Counter& scrub_bytes_;
  Counter& scrub_damage_;
  Counter& scrub_unreadable_;
  IoThrottle scrub_rate_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> has_new_rows_ = false;
  std::atomic<bool> saving_is_due_ = false;
  std::atomic<std::uint64_t> checkpoints_running_ = 0;
  std::atomic<std::uint64_t> compactions_running_ = 0;
  Lsn room_made_at_;  // These two are the checkpoint thread's own.
  std::uint64_t free_bytes_then_ = 0;
  std::uint64_t memory_peak_ = 0;  // The timer's own: since memory was given back.
  Sleep indexing_;
  Sleep checkpointing_;
  Sleep saving_;
  Sleep save_backoff_;  // After a failed save; only stop() ends it.
  Sleep compaction_;
  Sleep scrub_;
  Sleep timer_;
  Sleep backoff_;  // After a failed checkpoint or making room; only stop() ends it.
  std::vector<std::thread> threads_;
};

}  // namespace vibrato::engine
