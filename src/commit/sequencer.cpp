// The committer, step by step, and the reason for the order of the steps.
//
// One round takes what is queued (what came while the last round synced), and:
//   1. Time: max(clock, time of the last record). Record times so never go back, and nothing after this step reads a
//      clock. Readers do not get past it before step 7 is done (commit/round_time.hpp).
//   2. Validate each write, in order, against the models: what is applied plus what is staged. What is refused is never
//      logged. The effects of what is accepted get their LSNs and are staged, so that the next write in the same round
//      sees them.
//   3. Append the groups in one call; once more if the disk is full and somebody can make room. Still full, it refuses
//      the whole round, since later writes of it may rest on earlier ones: the staged records are taken back, the log
//      and the sequencer go on.
//   4. Answer relaxed writes: they asked not to wait for step 5.
//   5. Sync: one fdatasync for the round. Its failure ends all writing: what was staged is taken back, nobody gets a
//      yes. Relaxed writes of the round were never visible.
//   6. Apply, in LSN order. Only now: what a reader sees must not vanish in a power loss.
//   7. Publish visible_lsn, once for the round, behind its last whole group. Tell whoever waits for an LSN.
//   8. Answer. Not before 7: whoever got a yes reads his own write. Refusals and writes without effects are answered
//      here too, because what they were judged by was only staged.
//   9. With an empty queue, let the log prepare what later appends would else wait for.
#include "commit/sequencer.hpp"

#include <algorithm>
#include <future>
#include <utility>

namespace vibrato::commit {
namespace {

wal::StoredRecord stored(const Effect& effect, Lsn lsn, std::int64_t time_ms, bool last_of_group) {
  return {lsn, time_ms, effect.collection, effect.type, last_of_group, effect.body};
}

}  // namespace

Sequencer::Sequencer(wal::Log& log, const ModelSet& models, RoundTime& time, VisibleLsn& visible,
                     SequencerOptions options)
    : log_(log), models_(models), time_(time), options_(std::move(options)), visible_(visible) {
  visible_.publish(log_.end().last_lsn);
  time_.end(log_.end().last_time_ms);
}

Sequencer::~Sequencer() {
  stop();
}

void Sequencer::start() {
  VIBRATO_CHECK(!committer_.joinable());
  committer_ = std::thread([this] { run(); });
}

void Sequencer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (refuse_.ok()) {
      refuse_ = unavailable("the database is stopping");
    }
  }
  work_.notify_all();
  if (committer_.joinable()) {
    committer_.join();
  }
}

Status Sequencer::submit(std::unique_ptr<Write> write, Durability durability, Completion done) {
  const std::uint64_t bytes = write->bytes();
  {
    const std::lock_guard lock(mutex_);
    VIBRATO_RETURN_IF_ERROR(refuse_);
    const bool has_room = queued_bytes_ + bytes <= options_.queue_bytes_max || queue_.empty();
    if (queue_.size() >= options_.queue_writes_max || !has_room) {
      return {ErrorCode::kOverloaded, "too many writes are waiting; try again later"};
    }
    queue_.push_back({std::move(write), durability, std::move(done)});
    queued_bytes_ += bytes;
  }
  work_.notify_one();
  return ok_status();
}

Result<Committed> Sequencer::commit(std::unique_ptr<Write> write, Durability durability) {
  std::promise<Result<Committed>> promise;
  auto future = promise.get_future();
  VIBRATO_RETURN_IF_ERROR(submit(std::move(write), durability,
                                 [&promise](Result<Committed> result) { promise.set_value(std::move(result)); }));
  return future.get();
}

void Sequencer::run() {
  for (;;) {
    std::deque<Queued> queue = take();
    if (queue.empty()) {
      return;
    }
    while (!queue.empty()) {
      commit_some(queue);
    }
    const bool idle = [this] {
      const std::lock_guard lock(mutex_);
      return queue_.empty() && !stopping_;
    }();
    if (idle) {
      // A failure shows in the log's health, and so at the next append.
      static_cast<void>(log_.prepare());
    }
  }
}

std::deque<Sequencer::Queued> Sequencer::take() {
  std::unique_lock lock(mutex_);
  work_.wait(lock, [this] { return !queue_.empty() || stopping_; });
  queued_bytes_ = 0;
  return std::exchange(queue_, {});
}

void Sequencer::commit_some(std::deque<Queued>& queue) {
  const wal::LogEnd end = log_.end();
  const std::int64_t time_ms = time_.begin(end.last_time_ms);
  std::vector<Judged> batch = validate_some(queue, end.next_lsn, time_ms);
  const Status status = make_visible(batch, end.last_lsn, time_ms);
  time_.end(log_.end().last_time_ms);
  if (!status.ok()) {
    fail(batch, status);
    return;
  }
  answer(batch, time_ms);
}

std::vector<Sequencer::Judged> Sequencer::validate_some(std::deque<Queued>& queue, Lsn next_lsn, std::int64_t time_ms) {
  const Status usable = broken_.ok() ? log_.health() : broken_;
  std::vector<Judged> batch;
  batch.reserve(queue.size());
  std::uint64_t bytes = 0;
  while (!queue.empty() && bytes < options_.batch_bytes_max) {
    Judged& one = batch.emplace_back();
    one.queued = std::move(queue.front());
    queue.pop_front();
    one.first_lsn = next_lsn;
    one.refused = judge(one, usable, time_ms);
    bytes += bytes_of(one.effects);
    for (std::size_t i = 0; i < one.effects.size(); ++i) {
      Model* const model = models_.owner_of(one.effects[i].type);
      VIBRATO_CHECK(model != nullptr);
      model->stage(stored(one.effects[i], next_lsn, time_ms, i + 1 == one.effects.size()));
      next_lsn = next_lsn.next();
    }
  }
  return batch;
}

Status Sequencer::judge(Judged& one, const Status& usable, std::int64_t time_ms) const {
  VIBRATO_RETURN_IF_ERROR(usable);
  EffectList effects(one.first_lsn, time_ms);
  VIBRATO_RETURN_IF_ERROR(one.queued.write->validate(effects));
  one.effects = std::move(effects).take();
  if (bytes_of(one.effects) > options_.write_bytes_max) {
    one.effects.clear();
    return {ErrorCode::kPayloadTooLarge, "the write changes too much at once; split it"};
  }
  return ok_status();
}

Status Sequencer::make_visible(std::vector<Judged>& batch, Lsn expected_last_lsn, std::int64_t time_ms) {
  const auto last = std::find_if(batch.rbegin(), batch.rend(), [](const Judged& one) { return !one.effects.empty(); });
  if (last == batch.rend()) {
    return ok_status();
  }
  VIBRATO_RETURN_IF_ERROR(append(batch, expected_last_lsn, time_ms));
  answer_relaxed(batch, time_ms);
  VIBRATO_RETURN_IF_ERROR(log_.sync().status());
  if (Status applied = apply(batch, time_ms); !applied.ok()) {
    stop_taking(applied);
    return applied;
  }
  visible_.publish(last->last_lsn());
  if (options_.on_visible) {
    options_.on_visible(last->last_lsn());
  }
  return ok_status();
}

void Sequencer::answer(std::vector<Judged>& batch, std::int64_t time_ms) {
  for (Judged& one : batch) {
    if (!one.queued.done) {
      continue;  // Relaxed, and answered.
    }
    if (!one.refused.ok()) {
      one.queued.done(std::move(one.refused));
    } else if (one.effects.empty()) {
      one.queued.done(Committed{Lsn(), Lsn(), time_ms, true});
    } else {
      one.queued.done(Committed{one.first_lsn, one.last_lsn(), time_ms, true});
    }
  }
}

std::uint64_t Sequencer::bytes_of(const std::vector<Effect>& effects) {
  constexpr std::uint64_t kRecordBytes = 64;  // More than the log adds to a body.
  std::uint64_t bytes = 0;
  for (const Effect& effect : effects) {
    bytes += effect.body.size() + kRecordBytes;
  }
  return bytes;
}

Status Sequencer::append(const std::vector<Judged>& batch, Lsn expected_last_lsn, std::int64_t time_ms) {
  records_.clear();
  groups_.clear();
  std::size_t count = 0;
  for (const Judged& one : batch) {
    count += one.effects.size();
  }
  records_.reserve(count);  // The groups point into it.
  Lsn first_lsn;
  for (const Judged& one : batch) {
    if (one.effects.empty()) {
      continue;
    }
    first_lsn = groups_.empty() ? one.first_lsn : first_lsn;
    const std::size_t begin = records_.size();
    for (const Effect& effect : one.effects) {
      records_.push_back({effect.type, effect.collection, time_ms, effect.body});
    }
    groups_.push_back(wal::RecordGroup(records_).subspan(begin));
  }
  auto range = log_.append(groups_, expected_last_lsn);
  if (range.status().code() == ErrorCode::kDiskFull && options_.on_disk_full && options_.on_disk_full()) {
    range = log_.append(groups_, expected_last_lsn);
  }
  VIBRATO_RETURN_IF_ERROR(range.status());
  VIBRATO_CHECK(range->first == first_lsn);  // The models were told so.
  return ok_status();
}

void Sequencer::answer_relaxed(std::vector<Judged>& batch, std::int64_t time_ms) {
  for (Judged& one : batch) {
    if (one.queued.durability == Durability::kRelaxed && !one.effects.empty()) {
      const Completion done = std::exchange(one.queued.done, nullptr);
      done(Committed{one.first_lsn, one.last_lsn(), time_ms, false});
    }
  }
}

Status Sequencer::apply(const std::vector<Judged>& batch, std::int64_t time_ms) {
  for (const Judged& one : batch) {
    Lsn lsn = one.first_lsn;
    for (std::size_t i = 0; i < one.effects.size(); ++i) {
      Model* const model = models_.owner_of(one.effects[i].type);
      const bool last_of_group = i + 1 == one.effects.size();
      if (Status applied = model->apply(stored(one.effects[i], lsn, time_ms, last_of_group)); !applied.ok()) {
        return {ErrorCode::kInternal,
                std::string(model->name()) + ": cannot apply what was logged: " + applied.message()};
      }
      lsn = lsn.next();
    }
  }
  return ok_status();
}

// Nothing of the batch becomes visible. What was judged by staged records is answered with the failure as well.
void Sequencer::fail(std::vector<Judged>& batch, const Status& reason) {
  models_.unstage_from(batch.front().first_lsn);
  for (Judged& one : batch) {
    if (one.queued.done) {
      one.queued.done(reason);
    }
  }
}

void Sequencer::stop_taking(const Status& reason) {
  broken_ = unavailable("the database takes no more writes until a restart: " + reason.message());
  const std::lock_guard lock(mutex_);
  if (refuse_.ok()) {
    refuse_ = broken_;
  }
}

}  // namespace vibrato::commit
