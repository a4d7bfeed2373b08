// The streams of events: everyone who follows the log, from any place in it.
//
//   log -> pump thread -> ring of frames -+-> streams that are at the end of the log
//   log -> replay thread, a piece at a time -+-> streams that are behind the ring
//
// A stream is a position in the log and a filter. What it gets next is what follows its position: from the ring if that
// reaches back so far, else from the log. So nothing is left out or doubled where one passes into the other, and a
// reader that is too slow for the ring goes on from the disk.
//
// Invariants:
//   - a stream gets events up to the visible LSN only, in order, each once;
//   - of a stream at most limits::kSubscriberBytesMax of text is on its way, or one event if that is longer;
//   - where the log no longer has what follows a position, the stream gets one gap event that names the missing offsets
//     and goes on with the oldest record that is kept. Offsets jump where no event was, too: a jump is no gap.
//   - after limits::kHeartbeatMs of silence a stream gets a comment.
// The threads sleep while nobody follows, and nothing is read then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vibrato/result.hpp>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/limits.hpp"
#include "base/logging.hpp"
#include "commit/visible_lsn.hpp"
#include "events/collection_names.hpp"
#include "events/event_filter.hpp"
#include "events/event_frame.hpp"
#include "wal/log.hpp"

namespace vibrato::events {

// Where the text of a stream goes. As api::ReplyStream.
// Thread-safety: all methods may be called from any thread, one at a time.
class EventSink {
 public:
  virtual ~EventSink() = default;
  // False once nobody reads any more; an empty text asks just that.
  virtual bool write(std::string&& text) = 0;
  // Calls `then` once, when what was written is on its way or nobody reads any more; perhaps at once.
  virtual void when_room(std::function<void()> then) = 0;
  // The stream ends in order.
  virtual void finish() = 0;
  // It ends because of an error.
  virtual void cut_off() = 0;
};

// A place among the limits::kSubscribersMax, given back when the last copy goes.
class Admission;
using AdmissionPtr = std::shared_ptr<Admission>;

// Thread-safety: all methods may be called from any thread; stop() from one.
class EventHub {
 public:
  struct Options {
    std::size_t subscribers_max = limits::kSubscribersMax;
    std::size_t ring_bytes_max = limits::kEventRingBytesMax;
    std::size_t piece_bytes_max = limits::kSubscriberBytesMax / 2;  // One is on its way, another waits.
    std::int64_t heartbeat_ms = limits::kHeartbeatMs;
    std::int64_t round_ms = 25;  // Streams are told of new events at most once in this time.
  };

  // All of it outlives the hub. `log` is null for a database without one: nobody is admitted then.
  EventHub(wal::Log* log, const commit::VisibleLsn& visible, NameSource names, const Clock& clock,
           const Logger& logger);
  EventHub(wal::Log* log, const commit::VisibleLsn& visible, NameSource names, const Clock& clock, const Logger& logger,
           Options options);
  // As stop().
  ~EventHub();
  EventHub(const EventHub&) = delete;
  EventHub& operator=(const EventHub&) = delete;

  // For SequencerOptions::on_visible, after `visible` was published: costs a load unless the pump sleeps.
  void on_visible(Lsn lsn);

  // Errors: kOverloaded past subscribers_max, kUnavailable (stopped, no log).
  [[nodiscard]] Result<AdmissionPtr> admit();
  // From here on `sink` gets the events behind `since` that pass the filter. `since` may be above the end of the log:
  // the stream waits until the log has passed it.
  void subscribe(AdmissionPtr admission, Lsn since, EventFilter filter, std::unique_ptr<EventSink> sink);

  struct Stats {
    std::uint64_t subscribers = 0;  // Admitted.
    std::uint64_t ring_bytes = 0;
    std::uint64_t events_sent = 0;
    std::uint64_t replayed = 0;  // Of them those that came from the log.
    std::uint64_t gaps = 0;
  };
  [[nodiscard]] Stats stats() const;

  // Ends all streams in order, and the threads. Idempotent. Must be called before `log` goes.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vibrato::events
