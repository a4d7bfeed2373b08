#include "events/event_stream.hpp"

namespace vibrato::events {
namespace {

constexpr std::string_view kComment = ": keepalive\n\n";

}  // namespace

EventStream::EventStream(AdmissionPtr admission, StreamPosition position, EventFilter filter,
                         std::unique_ptr<EventSink> sink, std::function<void()> on_room, std::int64_t now_ns)
    : admission_(std::move(admission)),
      position_(position),
      filter_(std::move(filter)),
      sink_(std::move(sink)),
      room_(std::make_shared<Room>()),
      last_write_ns_(now_ns) {
  room_->on_room = std::move(on_room);
}

void EventStream::write(std::string&& text, bool has_more, std::int64_t now_ns) {
  last_write_ns_ = now_ns;
  room_->has_more.store(has_more);
  room_->has_room.store(false);
  is_open_ = sink_->write(std::move(text));
  sink_->when_room([room = room_] {
    room->has_room.store(true);
    if (room->has_more.exchange(false)) room->on_room();
  });
}

std::uint64_t EventStream::take_from(const EventRing& ring, std::size_t bytes_max, std::int64_t now_ns) {
  std::string text;
  std::uint64_t events = 0;
  auto next = ring.above(position_.after);
  for (; next != ring.last(); ++next) {
    const EventFrame& frame = **next;
    if (filter_.passes(frame)) {
      if (!text.empty() && text.size() + frame.text.size() > bytes_max) {
        break;
      }
      text += frame.text;
      ++events;
    }
    position_.after = frame.lsn;
  }
  const bool has_more = next != ring.last();
  if (!has_more && position_.after < ring.end()) {
    position_.after = ring.end();
  }
  if (!text.empty()) {
    write(std::move(text), has_more, now_ns);
  }
  return events;
}

void EventStream::tend(std::int64_t now_ns, std::int64_t heartbeat_ns) {
  if (!has_room()) {
    return;
  }
  if (now_ns - last_write_ns_ >= heartbeat_ns) {
    write(std::string(kComment), false, now_ns);
  } else {
    is_open_ = sink_->write({});
  }
}

}  // namespace vibrato::events
