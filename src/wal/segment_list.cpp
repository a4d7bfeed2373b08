#include "wal/segment_list.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "wal/segment_name.hpp"

namespace vibrato::wal {

SegmentList::SegmentList(io::FileSystem& fs, std::string folder, std::vector<Segment> segments)
    : fs_(fs), folder_(std::move(folder)), segments_(std::move(segments)) {}

SegmentList::Look SegmentList::look(Lsn first_lsn) const {
  const std::lock_guard lock(mutex_);
  Look look;
  for (const Segment& segment : segments_) {
    if (segment.header.first_lsn == first_lsn) {
      look.segment = segment;
    } else if (segment.header.first_lsn > first_lsn) {
      look.next = segment;
      break;
    }
  }
  return look;
}

Result<std::optional<Segment>> SegmentList::find(Lsn lsn) const {
  const std::lock_guard lock(mutex_);
  if (segments_.empty()) {
    return std::optional<Segment>();
  }
  if (const Lsn trimmed = segments_.front().header.previous_last_lsn; trimmed.value() != 0 && lsn <= trimmed) {
    return Status(ErrorCode::kGone, fmt::format("LSN {} is no longer in the log; it starts at {}", lsn.value(),
                                                segments_.front().header.first_lsn.value()));
  }
  const auto above = std::upper_bound(segments_.begin(), segments_.end(), lsn, [](Lsn value, const Segment& segment) {
    return value < segment.header.first_lsn;
  });
  return std::optional(above == segments_.begin() ? segments_.front() : *(above - 1));
}

std::vector<Segment> SegmentList::all() const {
  const std::lock_guard lock(mutex_);
  return segments_;
}

void SegmentList::set_newest_end(const SegmentPosition& durable_end) {
  const std::lock_guard lock(mutex_);
  segments_.back().end = durable_end;
}

void SegmentList::add(const Segment& segment) {
  const std::lock_guard lock(mutex_);
  segments_.push_back(segment);
}

void SegmentList::remove_oldest() {
  const std::lock_guard lock(mutex_);
  VIBRATO_CHECK(segments_.size() > 1);
  segments_.erase(segments_.begin());
}

void SegmentList::report_damage(const Status& damage) {
  const std::lock_guard lock(mutex_);
  if (damage_.ok()) {
    damage_ = damage;
  }
}

Status SegmentList::damage() const {
  const std::lock_guard lock(mutex_);
  return damage_;
}

std::string SegmentList::path_of(Lsn first_lsn) const {
  return folder_ + "/" + segment_name(first_lsn);
}

}  // namespace vibrato::wal
