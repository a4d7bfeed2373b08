// One stream: where it is, what it asks for, where its text goes. For the hub.
//
// It belongs to one thread at a time, the pump's or the replay's; both only exchange streams under the hub's mutex.
// What other threads touch is the room, which a connection tells of.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "events/event_filter.hpp"
#include "events/event_hub.hpp"
#include "events/event_ring.hpp"
#include "events/log_replay.hpp"

namespace vibrato::events {

class Admission {
 public:
  explicit Admission(std::shared_ptr<std::atomic<std::uint64_t>> count) : count_(std::move(count)) {}
  ~Admission() { count_->fetch_sub(1); }
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

 private:
  const std::shared_ptr<std::atomic<std::uint64_t>> count_;
};

class EventStream {
 public:
  // `on_room` is called, on any thread, when there is room again for a stream that was found to have more: it must
  // outlive nothing, and be quick.
  EventStream(AdmissionPtr admission, StreamPosition position, EventFilter filter, std::unique_ptr<EventSink> sink,
              std::function<void()> on_room, std::int64_t now_ns);

  [[nodiscard]] StreamPosition& position() { return position_; }
  [[nodiscard]] const EventFilter& filter() const { return filter_; }
  [[nodiscard]] bool has_room() const { return room_->has_room.load(); }
  // False once nobody reads any more.
  [[nodiscard]] bool is_open() const { return is_open_; }

  // Requires: has_room(). `has_more`: on_room is called when this is on its way.
  void write(std::string&& text, bool has_more, std::int64_t now_ns);
  // What the ring has for it, up to `bytes_max` of text or one event; the position moves on. Answers the events.
  // Requires: has_room(), and the position is checked and at or above the floor of the ring.
  std::uint64_t take_from(const EventRing& ring, std::size_t bytes_max, std::int64_t now_ns);
  // Writes a comment after so much silence, else finds out whether somebody still reads.
  void tend(std::int64_t now_ns, std::int64_t heartbeat_ns);
  void finish() { sink_->finish(); }
  void cut_off() { sink_->cut_off(); }

  // The replay thread's, while it has the stream.
  std::unique_ptr<LogReplay> replay;
  bool was_replayed = false;

 private:
  struct Room {
    std::atomic<bool> has_room{true};
    std::atomic<bool> has_more{false};
    std::function<void()> on_room;
  };

  const AdmissionPtr admission_;
  StreamPosition position_;
  const EventFilter filter_;
  const std::unique_ptr<EventSink> sink_;
  const std::shared_ptr<Room> room_;  // The connection holds it too, and nothing else of the stream.
  std::int64_t last_write_ns_;
  bool is_open_ = true;
};
using EventStreamPtr = std::unique_ptr<EventStream>;

}  // namespace vibrato::events
