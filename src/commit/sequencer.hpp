// The one place where writes get their order. Writers of all models submit; one committer thread validates, logs,
// syncs, applies, publishes and answers, a batch at a time. The steps and their order: sequencer.cpp.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>
#include <vibrato/result.hpp>

#include "commit/model_set.hpp"
#include "commit/round_time.hpp"
#include "commit/visible_lsn.hpp"
#include "commit/write.hpp"
#include "wal/log.hpp"

namespace vibrato::commit {

enum class Durability : std::uint8_t {
  kSynced,   // Answered when the write is on stable storage and visible.
  kRelaxed,  // Answered when it is in the log; it may be lost in a power loss, and is visible only once synced.
};

struct Committed {
  Lsn first_lsn;  // 0, as the next, for a write without effects.
  Lsn last_lsn;
  std::int64_t time_ms = 0;
  bool durable = false;
};

// Called once a write, on the committer thread: short, and never back into the sequencer but for submit().
using Completion = std::function<void(Result<Committed>)>;

struct SequencerOptions {
  std::size_t queue_writes_max = 4096;
  std::uint64_t queue_bytes_max = std::uint64_t{64} * 1024 * 1024;
  std::uint64_t batch_bytes_max = std::uint64_t{8} * 1024 * 1024;   // Of effects; one write may be larger.
  std::uint64_t write_bytes_max = std::uint64_t{64} * 1024 * 1024;  // Of the effects of one write.
  // Called on the committer thread after each publication, before the writes are answered: short.
  std::function<void(Lsn)> on_visible = {};
  // Called on the committer thread when the disk is full: true if it made room, so that trying once more may do.
  std::function<bool()> on_disk_full = {};
};

class Sequencer {
 public:
  // All of them outlive it; nobody else appends to the log, begins rounds of `time` or publishes `visible`. Requires:
  // the models hold what the log has, up to its last LSN (ModelSet::load_and_replay), which is published here. start()
  // starts the committer.
  Sequencer(wal::Log& log, const ModelSet& models, RoundTime& time, VisibleLsn& visible, SequencerOptions options);
  // As stop().
  ~Sequencer();
  Sequencer(const Sequencer&) = delete;
  Sequencer& operator=(const Sequencer&) = delete;

  void start();
  // Commits what was submitted, then ends the committer. Idempotent.
  void stop();

  // Thread-safety: from any thread. When this answers ok, `done` is called exactly once; otherwise never.
  // Errors: kOverloaded (the queue is full), kUnavailable (stopped, or the log takes no more writes).
  // `done` gets: what Write::validate refused with; kPayloadTooLarge; kDiskFull; kUnavailable after a failed sync, when
  // it is unknown until the next start whether the write is kept.
  [[nodiscard]] Status submit(std::unique_ptr<Write> write, Durability durability, Completion done);

  // As submit(), and waits. Not on the committer thread.
  [[nodiscard]] Result<Committed> commit(std::unique_ptr<Write> write, Durability durability = Durability::kSynced);

  // All records up to here are applied, and whole groups only. A read takes it once, and ignores what is above.
  [[nodiscard]] Lsn visible_lsn() const { return visible_.get(); }

 private:
  struct Queued {
    std::unique_ptr<Write> write;
    Durability durability = Durability::kSynced;
    Completion done;
  };
  // A write of the batch after validation.
  struct Judged {
    Queued queued;
    Status refused;
    std::vector<Effect> effects;
    Lsn first_lsn;

    // Requires: there are effects.
    [[nodiscard]] Lsn last_lsn() const { return Lsn(first_lsn.value() + effects.size() - 1); }
  };

  void run();
  // Waits for writes; empty when it is time to end.
  [[nodiscard]] std::deque<Queued> take();
  void commit_some(std::deque<Queued>& queue);
  [[nodiscard]] std::vector<Judged> validate_some(std::deque<Queued>& queue, Lsn next_lsn, std::int64_t time_ms);
  // Logs, syncs, applies and publishes the effects, if there are any.
  [[nodiscard]] Status make_visible(std::vector<Judged>& batch, Lsn expected_last_lsn, std::int64_t time_ms);
  [[nodiscard]] Status append(const std::vector<Judged>& batch, Lsn expected_last_lsn, std::int64_t time_ms);
  static void answer_relaxed(std::vector<Judged>& batch, std::int64_t time_ms);
  static void answer(std::vector<Judged>& batch, std::int64_t time_ms);
  [[nodiscard]] Status apply(const std::vector<Judged>& batch, std::int64_t time_ms);
  void fail(std::vector<Judged>& batch, const Status& reason);
  void stop_taking(const Status& reason);
  // The committer's: asks the write, if writes are still taken.
  // `usable`: whether the log and the models are.
  [[nodiscard]] Status judge(Judged& one, const Status& usable, std::int64_t time_ms) const;
  [[nodiscard]] static std::uint64_t bytes_of(const std::vector<Effect>& effects);

  wal::Log& log_;
  const ModelSet& models_;
  RoundTime& time_;
  const SequencerOptions options_;
  VisibleLsn& visible_;

  std::mutex mutex_;  // Guards the members below, up to the thread.
  std::condition_variable work_;
  std::deque<Queued> queue_;
  std::uint64_t queued_bytes_ = 0;
  bool stopping_ = false;
  Status refuse_;  // Why no more writes are taken; ok while they are.

  // The committer's own.
  Status broken_;                     // Why it applies nothing any more.
  std::vector<wal::Record> records_;  // Of one append, kept for their memory.
  std::vector<wal::RecordGroup> groups_;
  std::thread committer_;
};

}  // namespace vibrato::commit
