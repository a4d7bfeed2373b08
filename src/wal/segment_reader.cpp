#include "wal/segment_reader.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <span>

#include "format/corrupt_at.hpp"
#include "format/log_frame.hpp"
#include "format/log_segment_header.hpp"

namespace vibrato::wal {
namespace {

using format::corrupt_at;
using format::LogFrameKind;

constexpr std::uint64_t kReadBytes = std::uint64_t{256} * 1024;

}  // namespace

SegmentPosition start_of(const format::LogSegmentHeader& header) {
  return {format::kLogSegmentHeaderBytes, header.previous_last_lsn, header.previous_last_time_ms,
          format::log_chain_start(header)};
}

Result<format::LogSegmentHeader> read_segment_header(const io::File& file, Lsn first_lsn) {
  std::array<std::byte, format::kLogSegmentHeaderBytes> bytes{};
  VIBRATO_ASSIGN_OR_RETURN(const std::size_t count, file.read_at(0, bytes));
  auto header = format::decode_log_segment_header(std::span<const std::byte>(bytes).first(count));
  if (!header.ok()) {
    return header.status().with_context(file.path());
  }
  if (header->first_lsn != first_lsn) {
    return corruption(fmt::format("{}: first LSN: expected {} as in the name, found {}", file.path(), first_lsn.value(),
                                  header->first_lsn.value()));
  }
  return header;
}

SegmentReader::SegmentReader(const io::File& file, const format::LogSegmentHeader& header, std::uint64_t limit)
    : file_(file),
      salt_(format::log_salt(header.store_id, header.first_lsn)),
      limit_(limit),
      at_(start_of(header)),
      group_end_(at_),
      durable_end_(at_.offset) {
  // The first record of a segment may lie above its first LSN, and must not lie below.
  at_.last_lsn = Lsn(header.first_lsn.value() - 1);
}

void SegmentReader::raise_limit(std::uint64_t limit) {
  VIBRATO_CHECK(limit >= at_.offset);
  limit_ = limit;
}

std::span<const std::byte> SegmentReader::buffered() const {
  const std::span<const std::byte> all(buffer_);
  return all.subspan(std::min(static_cast<std::size_t>(at_.offset - buffer_offset_), all.size()));
}

Status SegmentReader::fill(std::uint64_t count) {
  if (buffered().size() >= count || at_.offset + buffered().size() >= limit_) {
    return ok_status();
  }
  // What is left moves to the front, and the rest is read behind it.
  const std::size_t kept = buffered().size();
  buffer_.erase(buffer_.begin(), buffer_.end() - static_cast<std::ptrdiff_t>(kept));
  buffer_offset_ = at_.offset;
  const std::uint64_t wanted = std::min(std::max(count, kReadBytes), limit_ - at_.offset);
  buffer_.resize(static_cast<std::size_t>(wanted));
  const auto read = file_.read_at(buffer_offset_ + kept, std::span(buffer_).subspan(kept));
  buffer_.resize(kept + (read.ok() ? *read : 0));
  return read.status();
}

Result<std::optional<format::LogFrame>> SegmentReader::next() {
  if (at_.offset >= limit_) {
    return std::optional<format::LogFrame>();
  }
  VIBRATO_RETURN_IF_ERROR(fill(format::kLogFrameHeaderBytes));
  if (buffered().size() < format::kLogFrameHeaderBytes) {
    return corrupt_at(at_.offset, "frame header", fmt::format("{} bytes", format::kLogFrameHeaderBytes),
                      buffered().size())
        .with_context(file_.path());
  }
  const auto frame_bytes = format::peek_log_frame_bytes(buffered(), at_.offset);
  if (!frame_bytes.ok()) {
    return frame_bytes.status().with_context(file_.path());
  }
  VIBRATO_RETURN_IF_ERROR(fill(*frame_bytes));
  const auto frame = format::decode_log_frame(buffered(), at_.offset, salt_);
  if (!frame.ok()) {
    return frame.status().with_context(file_.path());
  }
  if (const Status order = check_order(*frame); !order.ok()) {
    return order.with_context(file_.path());
  }
  advance(*frame, *frame_bytes);
  return std::optional(*frame);
}

Status SegmentReader::check_order(const format::LogFrame& frame) const {
  if (frame.kind == LogFrameKind::kSyncGroup) {
    if (in_group_) {
      return corrupt_at(at_.offset, "frame inside a group", "a record", "a sync group");
    }
    if (frame.lsn <= at_.last_lsn) {
      return corrupt_at(at_.offset, "LSN of a sync group", fmt::format("above {}", at_.last_lsn.value()),
                        frame.lsn.value());
    }
    return ok_status();
  }
  if (!in_sync_group_) {
    return corrupt_at(at_.offset, "first frame", "a sync group", "a record");
  }
  const Lsn expected = sync_group_lsn_.value() != 0 ? sync_group_lsn_ : at_.last_lsn.next();
  if (frame.lsn != expected) {
    return corrupt_at(at_.offset, "LSN", expected.value(), frame.lsn.value());
  }
  if (frame.time_ms < at_.last_time_ms) {
    return corrupt_at(at_.offset, "record time", fmt::format("{} or more", at_.last_time_ms), frame.time_ms);
  }
  return ok_status();
}

void SegmentReader::advance(const format::LogFrame& frame, std::uint64_t frame_bytes) {
  at_.offset += frame_bytes;
  at_.chain = format::log_chain_extend(at_.chain, frame.crc);
  if (frame.kind == LogFrameKind::kSyncGroup) {
    in_sync_group_ = true;
    sync_group_lsn_ = frame.lsn;
    durable_end_ = std::max(durable_end_, frame.durable_end_bytes);
    return;
  }
  sync_group_lsn_ = Lsn();
  at_.last_lsn = frame.lsn;
  at_.last_time_ms = frame.time_ms;
  in_group_ = !frame.last_of_group;
  if (frame.last_of_group) {
    group_end_ = at_;
  }
}

}  // namespace vibrato::wal
