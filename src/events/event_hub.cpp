#include "events/event_hub.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <fmt/format.h>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/thread_priority.hpp"
#include "events/event_ring.hpp"
#include "events/event_stream.hpp"
#include "events/log_replay.hpp"

namespace vibrato::events {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
// Of one round of the pump: then what it read goes out.
constexpr std::size_t kRoundBytesMax = 4 * 1024 * 1024;
// How often streams without news are looked after.
constexpr auto kTendPeriod = std::chrono::milliseconds(250);

using Streams = std::vector<EventStreamPtr>;

void append(Streams& from, Streams& to) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  from.clear();
}

// What wakes the two threads. Connections may still hold it when the hub is gone.
struct Signals {
  std::mutex mutex;  // Guards the members below, and what is handed from thread to thread.
  std::condition_variable pump;
  std::condition_variable replay;
  bool is_stopping = false;
  bool has_news = false;     // For the pump: the log went on.
  bool pump_called = false;  // For the pump: a stream came, or has room.
  bool replay_called = false;

  void call_both() {
    {
      const std::lock_guard lock(mutex);
      pump_called = replay_called = true;
    }
    pump.notify_one();
    replay.notify_one();
  }
};

}  // namespace

class EventHub::Impl {
 public:
  Impl(wal::Log* log, const commit::VisibleLsn& visible, NameSource names, const Clock& clock, const Logger& logger,
       Options options)
      : log_(log),
        visible_(visible),
        names_(std::move(names)),
        clock_(clock),
        logger_(logger),
        options_(options),
        name_([this](CollectionNumber number) { return names_.find(number); }),
        ring_(options.ring_bytes_max) {}

  void on_visible() {
    if (!pump_sleeps_.exchange(false, std::memory_order_acq_rel)) {
      return;
    }
    {
      const std::lock_guard lock(signals_->mutex);
      signals_->has_news = true;
    }
    signals_->pump.notify_one();
  }

  Result<AdmissionPtr> admit() {
    {
      const std::lock_guard lock(signals_->mutex);
      if (log_ == nullptr || signals_->is_stopping) {
        return unavailable(log_ == nullptr ? "there is no log to follow" : "the server stops");
      }
    }
    if (admitted_->fetch_add(1) >= options_.subscribers_max) {
      admitted_->fetch_sub(1);
      return Status(
          ErrorCode::kOverloaded,
          fmt::format("{} streams of events are open, which is all there may be; try again when one has ended",
                      options_.subscribers_max));
    }
    return std::make_shared<Admission>(admitted_);
  }

  void subscribe(AdmissionPtr admission, Lsn since, EventFilter filter, std::unique_ptr<EventSink> sink) {
    auto stream = std::make_unique<EventStream>(
        std::move(admission), StreamPosition{since, false}, std::move(filter), std::move(sink),
        [signals = signals_] { signals->call_both(); }, clock_.monotonic_ns());
    if (hand_to_pump(stream)) {
      signals_->pump.notify_one();
    } else {
      stream->finish();
    }
  }

  Stats stats() const {
    return {admitted_->load(), ring_.bytes(), events_sent_.load(), replayed_.load(), gaps_.load()};
  }

  void stop() {
    {
      const std::lock_guard lock(signals_->mutex);
      signals_->is_stopping = true;
    }
    signals_->pump.notify_one();
    signals_->replay.notify_one();
    if (pump_.joinable()) {
      pump_.join();
      replay_.join();
    }
    for (Streams* streams : {&to_pump_, &to_replay_, &arrived_, &live_, &leaving_, &behind_, &returning_}) {
      for (const EventStreamPtr& stream : *streams) {
        stream->finish();
      }
      streams->clear();
    }
  }

 private:
  // False, and the stream is left as it is, once the hub ends.
  bool hand_to_pump(std::unique_ptr<EventStream>& stream) {
    const std::lock_guard lock(signals_->mutex);
    if (signals_->is_stopping) {
      return false;
    }
    to_pump_.push_back(std::move(stream));
    signals_->pump_called = true;
    if (!pump_.joinable()) {
      pump_ = std::thread([this] { run_pump(); });
      replay_ = std::thread([this] { run_replay(); });
    }
    return true;
  }

  // ---- The pump ----

  void run_pump() {
    while (wait_for_news()) {
      adopt();
      const bool has_more = read_log();
      deliver();
      tend_when_due(live_, live_tended_ns_);
      hand_over();
      if (live_.empty()) {
        ring_.clear();
        forget_cursor();
      }
      if (!has_more && !pace()) {
        return;
      }
    }
  }

  // False when it is time to end.
  bool wait_for_news() {
    std::unique_lock lock(signals_->mutex);
    const auto is_called = [this] { return signals_->is_stopping || signals_->pump_called || signals_->has_news; };
    if (live_.empty()) {
      signals_->pump.wait(lock, is_called);
    } else {
      pump_sleeps_.exchange(true, std::memory_order_acq_rel);
      if (visible_.get() <= ring_.end()) {
        signals_->pump.wait_for(lock, kTendPeriod, is_called);
      }
      pump_sleeps_.store(false, std::memory_order_relaxed);
    }
    signals_->has_news = signals_->pump_called = false;
    append(to_pump_, arrived_);
    return !signals_->is_stopping;
  }

  // What comes in the next moment goes out together. False when it is time to end.
  bool pace() {
    if (live_.empty()) {
      return true;
    }
    std::unique_lock lock(signals_->mutex);
    signals_->pump.wait_for(lock, std::chrono::milliseconds(options_.round_ms),
                            [this] { return signals_->is_stopping || signals_->pump_called; });
    return !signals_->is_stopping;
  }

  // Streams that came: those which the ring can serve stay, the others go to the replay.
  void adopt() {
    const Lsn visible = visible_.get();
    for (EventStreamPtr& stream : arrived_) {
      StreamPosition& at = stream->position();
      at.is_checked = at.is_checked || at.after == visible || ring_.knows(at.after);
      const bool is_near = at.is_checked && (ring_.is_active() ? at.after >= ring_.floor() : at.after == visible);
      // One that came back from the replay is near; of the first of them the ring begins.
      const bool returned = at.is_checked && !ring_.is_active() && stream->was_replayed;
      const bool waits = !at.is_checked && at.after > visible;
      (is_near || returned || waits ? live_ : leaving_).push_back(std::move(stream));
    }
    arrived_.clear();
    if (!live_.empty() && !ring_.is_active()) {
      Lsn start = visible;
      for (const EventStreamPtr& stream : live_) {
        start = stream->position().is_checked ? std::min(start, stream->position().after) : start;
      }
      ring_.start(start);
      forget_cursor();
    }
  }

  void forget_cursor() {
    next_.reset();
    cursor_.reset();
  }

  // Fills the ring. Whether there is more to read at once.
  bool read_log() {
    if (live_.empty()) {
      return false;
    }
    const Lsn visible = visible_.get();
    std::size_t bytes = 0;
    while (ring_.end() < visible && bytes < kRoundBytesMax) {
      const Status status = read_record(visible, bytes);
      if (status.code() == ErrorCode::kGone) {
        append(live_, leaving_);
        return false;
      }
      if (!status.ok()) {
        logger_.error("streams of events end: {}", status.message());
        deliver();
        cut_off(live_);
        return false;
      }
    }
    return ring_.end() < visible;
  }

  Status read_record(Lsn visible, std::size_t& bytes) {
    if (cursor_ == nullptr) {
      VIBRATO_ASSIGN_OR_RETURN(cursor_, log_->read_from(ring_.end().next()));
    }
    if (!next_.has_value()) {
      VIBRATO_ASSIGN_OR_RETURN(next_, cursor_->next());
    }
    if (!next_.has_value() || next_->lsn > visible) {
      ring_.set_end(visible);
      return ok_status();
    }
    VIBRATO_ASSIGN_OR_RETURN(auto frame, make_frame(*next_, name_));
    const Lsn lsn = next_->lsn;
    next_.reset();
    if (frame.has_value()) {
      bytes += frame->text.size();
      ring_.add(std::make_shared<const EventFrame>(*std::move(frame)));
    }
    ring_.set_end(lsn);
    return ok_status();
  }

  void deliver() {
    const std::int64_t now_ns = clock_.monotonic_ns();
    for (EventStreamPtr& stream : live_) {
      if (!stream->has_room()) {
        continue;
      }
      const StreamPosition& at = stream->position();
      if (at.is_checked ? at.after < ring_.floor() : at.after < ring_.end()) {
        leaving_.push_back(std::move(stream));
        continue;
      }
      if (at.is_checked && at.after < ring_.end()) {
        events_sent_ += stream->take_from(ring_, options_.piece_bytes_max, now_ns);
      }
    }
    std::erase_if(live_, [](const EventStreamPtr& stream) { return stream == nullptr || !stream->is_open(); });
  }

  void hand_over() {
    if (leaving_.empty()) {
      return;
    }
    {
      const std::lock_guard lock(signals_->mutex);
      append(leaving_, to_replay_);
      signals_->replay_called = true;
    }
    signals_->replay.notify_one();
  }

  // ---- The replay ----

  void run_replay() {
    lower_thread_priority();
    bool goes_on = false;
    while (wait_for_streams(goes_on)) {
      goes_on = false;
      for (EventStreamPtr& stream : behind_) {
        if (stream->has_room()) {
          goes_on = replay_piece(stream) || goes_on;
        }
      }
      tend_when_due(behind_, behind_tended_ns_);
      std::erase_if(behind_, [](const EventStreamPtr& stream) { return stream == nullptr || !stream->is_open(); });
    }
  }

  // Gives back those that have caught up. False when it is time to end.
  bool wait_for_streams(bool goes_on) {
    std::unique_lock lock(signals_->mutex);
    if (!returning_.empty()) {
      append(returning_, to_pump_);
      signals_->pump_called = true;
      signals_->pump.notify_one();
    }
    const auto is_called = [this] { return signals_->is_stopping || signals_->replay_called; };
    if (behind_.empty()) {
      signals_->replay.wait(lock, is_called);
    } else if (!goes_on) {
      signals_->replay.wait_for(lock, kTendPeriod, is_called);
    }
    signals_->replay_called = false;
    append(to_replay_, behind_);
    return !signals_->is_stopping;
  }

  // Whether the stream has more at once.
  bool replay_piece(EventStreamPtr& stream) {
    if (stream->replay == nullptr) {
      stream->replay = std::make_unique<LogReplay>(*log_, name_, stream->position());
    }
    auto piece = stream->replay->read(stream->filter(), visible_.get(), ring_.floor(), options_.piece_bytes_max);
    if (!piece.ok()) {
      logger_.error("a stream of events ends: {}", piece.status().message());
      stream->cut_off();
      stream.reset();
      return false;
    }
    stream->position() = stream->replay->position();
    replayed_ += piece->events;
    events_sent_ += piece->events;
    gaps_ += piece->gaps;
    const bool is_silent = piece->text.empty();
    if (!is_silent) {
      stream->write(std::move(piece->text), !piece->is_at_end, clock_.monotonic_ns());
    }
    if (piece->is_at_end && stream->is_open()) {
      stream->replay.reset();
      stream->was_replayed = true;
      returning_.push_back(std::move(stream));
      return false;
    }
    return is_silent || stream->has_room();
  }

  // ---- Both ----

  void tend_when_due(Streams& streams, std::int64_t& tended_ns) {
    const std::int64_t now_ns = clock_.monotonic_ns();
    const std::int64_t heartbeat_ns = options_.heartbeat_ms * kNsPerMs;
    const std::int64_t period_ns = std::min(heartbeat_ns, std::chrono::nanoseconds(kTendPeriod).count());
    if (now_ns - tended_ns < period_ns) {
      return;
    }
    tended_ns = now_ns;
    for (const EventStreamPtr& stream : streams) {
      if (stream != nullptr) stream->tend(now_ns, heartbeat_ns);
    }
    std::erase_if(streams, [](const EventStreamPtr& stream) { return stream == nullptr || !stream->is_open(); });
  }

  static void cut_off(Streams& streams) {
    for (const EventStreamPtr& stream : streams) {
      stream->cut_off();
    }
    streams.clear();
  }

  wal::Log* const log_;
  const commit::VisibleLsn& visible_;
  CollectionNames names_;
  const Clock& clock_;
  const Logger& logger_;
  const Options options_;
  const CollectionName name_;
  const std::shared_ptr<Signals> signals_ = std::make_shared<Signals>();
  const std::shared_ptr<std::atomic<std::uint64_t>> admitted_ = std::make_shared<std::atomic<std::uint64_t>>(0);
  std::atomic<bool> pump_sleeps_{false};
  std::atomic<std::uint64_t> events_sent_{0};
  std::atomic<std::uint64_t> replayed_{0};
  std::atomic<std::uint64_t> gaps_{0};

  // From thread to thread, under the mutex of the signals.
  Streams to_pump_;
  Streams to_replay_;

  // The pump's own, but for the floor of the ring.
  EventRing ring_;
  std::unique_ptr<wal::LogCursor> cursor_;  // At ring_.end(), or beyond records that are no events.
  std::optional<wal::StoredRecord> next_;   // Read, and not visible then.
  Streams arrived_;
  Streams live_;
  Streams leaving_;
  std::int64_t live_tended_ns_ = 0;

  // The replay's own.
  Streams behind_;
  Streams returning_;
  std::int64_t behind_tended_ns_ = 0;

  std::thread pump_;
  std::thread replay_;
};

EventHub::EventHub(wal::Log* log, const commit::VisibleLsn& visible, NameSource names, const Clock& clock,
                   const Logger& logger)
    : EventHub(log, visible, std::move(names), clock, logger, Options()) {}

EventHub::EventHub(wal::Log* log, const commit::VisibleLsn& visible, NameSource names, const Clock& clock,
                   const Logger& logger, Options options)
    : impl_(std::make_unique<Impl>(log, visible, std::move(names), clock, logger, options)) {}

EventHub::~EventHub() {
  stop();
}

void EventHub::on_visible(Lsn /*lsn*/) {
  impl_->on_visible();
}

Result<AdmissionPtr> EventHub::admit() {
  return impl_->admit();
}

void EventHub::subscribe(AdmissionPtr admission, Lsn since, EventFilter filter, std::unique_ptr<EventSink> sink) {
  impl_->subscribe(std::move(admission), since, std::move(filter), std::move(sink));
}

EventHub::Stats EventHub::stats() const {
  return impl_->stats();
}

void EventHub::stop() {
  impl_->stop();
}

}  // namespace vibrato::events
