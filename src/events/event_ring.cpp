#include "events/event_ring.hpp"

#include <algorithm>
#include <utility>

namespace vibrato::events {
namespace {

// Of the frame's own members, about.
constexpr std::size_t kFrameBytes = 192;

std::size_t bytes_of(const EventFrame& frame) {
  return kFrameBytes + frame.text.size();
}

}  // namespace

void EventRing::start(Lsn lsn) {
  clear();
  end_ = lsn;
  floor_.store(lsn.value());
}

void EventRing::clear() {
  floor_.store(kInactive);
  bytes_.store(0);
  end_ = Lsn();
  frames_.clear();
}

void EventRing::add(EventFramePtr frame) {
  std::size_t bytes = bytes_.load() + bytes_of(*frame);
  end_ = frame->lsn;
  frames_.push_back(std::move(frame));
  while (bytes > bytes_max_ && !frames_.empty()) {
    bytes -= bytes_of(*frames_.front());
    floor_.store(frames_.front()->lsn.value());
    frames_.pop_front();
  }
  bytes_.store(bytes);
}

EventRing::Frames::const_iterator EventRing::above(Lsn after) const {
  return std::upper_bound(frames_.begin(), frames_.end(), after,
                          [](Lsn lsn, const EventFramePtr& frame) { return lsn < frame->lsn; });
}

bool EventRing::knows(Lsn lsn) const {
  if (!is_active() || lsn < floor() || lsn > end_) {
    return false;
  }
  if (lsn == floor() || lsn == end_) {
    return true;
  }
  const auto next = above(lsn);
  return next != frames_.begin() && (*(next - 1))->lsn == lsn;
}

}  // namespace vibrato::events
