// What the files of the event log hold, as structs. Byte tables and an example: docs/formats/log.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/ids.hpp"

namespace vibrato::format {

inline constexpr std::array kLogSegmentMagic = {'V', 'I', 'B', 'L', 'O', 'G', '0', '1'};
inline constexpr std::array kLogStateMagic = {'V', 'I', 'B', 'L', 'O', 'G', 'S', 'T'};
inline constexpr std::uint32_t kLogVersion = 1;
inline constexpr std::size_t kLogSegmentHeaderBytes = 128;
inline constexpr std::size_t kLogStateBytes = 80;
inline constexpr std::size_t kLogFrameHeaderBytes = 32;
inline constexpr std::size_t kLogFrameAlignment = 8;
inline constexpr std::size_t kLogSyncGroupBodyBytes = 8;
inline constexpr std::size_t kLogSyncGroupBytes = kLogFrameHeaderBytes + kLogSyncGroupBodyBytes;
// Far beyond any use, and far from where arithmetic on LSNs overflows.
inline constexpr std::uint64_t kLogLsnMax = std::uint64_t{1} << 62;
inline constexpr std::size_t kLogBodyBytesMax = std::size_t{64} * 1024 * 1024;  // Of one record.

static_assert(kLogSegmentHeaderBytes % kLogFrameAlignment == 0 && kLogFrameHeaderBytes % kLogFrameAlignment == 0);

// Random, drawn when the log is made. It goes into every checksum, so that neither frames of another log nor bytes
// that a client stores inside a record can pass for a frame of this one. Never shown to clients.
using StoreId = std::array<std::byte, 16>;

// The start of a segment. The fields about the previous segment are all zero in the first segment ever.
struct LogSegmentHeader {
  StoreId store_id{};
  Lsn first_lsn;           // No record of the segment is below, all of earlier segments are.
  Lsn previous_first_lsn;  // Names the previous segment.
  std::uint64_t previous_end_bytes = 0;
  Lsn previous_last_lsn;
  std::int64_t previous_last_time_ms = 0;
  std::uint32_t previous_chain = 0;  // Its running checksum at its end.

  [[nodiscard]] bool has_previous() const { return previous_first_lsn.value() != 0; }
  friend bool operator==(const LogSegmentHeader&, const LogSegmentHeader&) = default;
};

// The small file beside the segments, replaced as a whole.
struct LogState {
  StoreId store_id{};
  Lsn high_water;      // No LSN above was ever given out. 0 until the first segment is durable.
  Lsn newest_segment;  // The first LSN of the newest segment that may hold records; 0 before there is one.
  bool clean = false;  // The log was closed, and the fields below are its end; zero otherwise.
  std::uint64_t end_bytes = 0;
  Lsn last_lsn;
  std::uint32_t chain = 0;

  friend bool operator==(const LogState&, const LogState&) = default;
};

enum class LogFrameKind : std::uint8_t {
  kRecord = 1,
  kSyncGroup = 2,  // In front of what one append wrote.
};

struct LogFrame {
  LogFrameKind kind = LogFrameKind::kRecord;
  Lsn lsn;  // Of the record; of the record that follows, for kSyncGroup.
  std::int64_t time_ms = 0;
  CollectionNumber collection;
  std::uint16_t type = 0;
  bool last_of_group = false;
  std::uint64_t durable_end_bytes = 0;  // kSyncGroup: the segment was synced up to here when the frame was written.
  std::span<const std::byte> body;      // kRecord; borrowed.
  std::uint32_t crc = 0;                // As stored, when decoded.
};

}  // namespace vibrato::format
