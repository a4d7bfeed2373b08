#include "wal/retention.hpp"

namespace vibrato::wal {

Lsn trimmable_lsn(std::span<const SegmentInfo> segments, const Retention& retention, Lsn covered_lsn,
                  std::int64_t now_ms) {
  std::uint64_t newer_bytes = 0;
  for (const SegmentInfo& segment : segments) {
    newer_bytes += segment.bytes;
  }
  Lsn trimmable;
  for (std::size_t i = 0; i + 1 < segments.size(); ++i) {
    const SegmentInfo& segment = segments[i];
    newer_bytes -= segment.bytes;
    const bool too_old = now_ms > retention.retain_ms && segment.last_time_ms < now_ms - retention.retain_ms;
    const bool too_much = newer_bytes >= retention.retain_bytes;
    if (segment.last_lsn > covered_lsn || (!too_old && !too_much)) {
      break;
    }
    trimmable = segment.last_lsn;
  }
  return trimmable;
}

}  // namespace vibrato::wal
