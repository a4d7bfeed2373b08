#include "format/log_frame.hpp"

#include <algorithm>

#include "base/byte_cursor.hpp"
#include "base/crc32c.hpp"
#include "format/corrupt_at.hpp"
#include "format/little_endian.hpp"

namespace vibrato::format {
namespace {

constexpr std::size_t kAtFrameBodyBytes = 0;
constexpr std::size_t kAtFrameCrc = 4;
constexpr std::size_t kAtFrameLsn = 8;
constexpr std::size_t kAtFrameTime = 16;
constexpr std::size_t kAtFrameCollection = 24;
constexpr std::size_t kAtFrameType = 28;
constexpr std::size_t kAtFrameFlags = 30;
constexpr std::size_t kAtFrameKind = 31;
static_assert(kAtFrameKind + 1 == kLogFrameHeaderBytes);

constexpr std::uint8_t kFlagLastOfGroup = 1;

// Of the salt, the offset, and the frame without the checksum's own four bytes.
std::uint32_t frame_crc(std::span<const std::byte> frame, std::uint64_t offset, std::uint32_t salt) {
  std::array<std::byte, sizeof(offset)> place{};
  store_le<std::uint64_t>(place, 0, offset);
  const std::uint32_t crc = crc32c_extend(crc32c_extend(salt, place), frame.first(kAtFrameCrc));
  return crc32c_extend(crc, frame.subspan(kAtFrameLsn));
}

bool is_kind(std::uint8_t kind) {
  return kind == static_cast<std::uint8_t>(LogFrameKind::kRecord) ||
         kind == static_cast<std::uint8_t>(LogFrameKind::kSyncGroup);
}

Status check_sync_group(const LogFrame& frame, std::uint64_t offset) {
  if (frame.body.size() != kLogSyncGroupBodyBytes) {
    return corrupt_at(offset + kAtFrameBodyBytes, "body of a sync group", kLogSyncGroupBodyBytes, frame.body.size());
  }
  if (frame.time_ms != 0 || frame.collection.value() != 0 || frame.type != 0 || frame.last_of_group) {
    return corrupt_at(offset + kAtFrameTime, "unused fields of a sync group", 0, "other bytes");
  }
  const auto durable_end = load_le<std::uint64_t>(frame.body, 0);
  if (durable_end < kLogSegmentHeaderBytes || durable_end > offset || durable_end % kLogFrameAlignment != 0) {
    return corrupt_at(offset + kLogFrameHeaderBytes, "durable end",
                      fmt::format("a multiple of 8, {} to {}", kLogSegmentHeaderBytes, offset), durable_end);
  }
  return ok_status();
}

Status check_fields(std::span<const std::byte> bytes, std::uint64_t offset) {
  if (const auto lsn = load_le<std::uint64_t>(bytes, kAtFrameLsn); lsn < 1 || lsn > kLogLsnMax) {
    return corrupt_at(offset + kAtFrameLsn, "LSN", fmt::format("1 to {}", kLogLsnMax), lsn);
  }
  if (const auto flags = load_le<std::uint8_t>(bytes, kAtFrameFlags); (flags & ~kFlagLastOfGroup) != 0) {
    return corrupt_at(offset + kAtFrameFlags, "flags", "0 or 1", static_cast<int>(flags));
  }
  return ok_status();
}

}  // namespace

std::uint32_t log_salt(const StoreId& store_id, Lsn segment_first_lsn) {
  std::array<std::byte, sizeof(std::uint64_t)> number{};
  store_le<std::uint64_t>(number, 0, segment_first_lsn.value());
  return crc32c_extend(crc32c(store_id), number);
}

std::uint32_t append_log_frame(std::vector<std::byte>& out, std::uint64_t offset, std::uint32_t salt,
                               const LogFrame& frame) {
  const bool is_sync_group = frame.kind == LogFrameKind::kSyncGroup;
  const std::size_t body_bytes = is_sync_group ? kLogSyncGroupBodyBytes : frame.body.size();
  VIBRATO_CHECK(body_bytes <= kLogBodyBytesMax && offset % kLogFrameAlignment == 0);
  const std::size_t begin = out.size();
  ByteWriter writer(out);
  writer.write_u32(static_cast<std::uint32_t>(body_bytes));
  writer.write_u32(0);
  writer.write_u64(frame.lsn.value());
  writer.write_u64(static_cast<std::uint64_t>(frame.time_ms));
  writer.write_u32(frame.collection.value());
  writer.write_u16(frame.type);
  writer.write_u8(frame.last_of_group ? kFlagLastOfGroup : 0);
  writer.write_u8(static_cast<std::uint8_t>(frame.kind));
  if (is_sync_group) {
    writer.write_u64(frame.durable_end_bytes);
  } else {
    writer.write_bytes(frame.body);
  }
  const auto total = static_cast<std::size_t>(log_frame_bytes(body_bytes));
  writer.write_zeros(total - kLogFrameHeaderBytes - body_bytes);
  const std::uint32_t crc = frame_crc(std::span(out).subspan(begin, total), offset, salt);
  writer.patch_u32(begin + kAtFrameCrc, crc);
  return crc;
}

Result<std::uint64_t> peek_log_frame_bytes(std::span<const std::byte> header, std::uint64_t offset) {
  const auto body_bytes = load_le<std::uint32_t>(header, kAtFrameBodyBytes);
  const auto kind = load_le<std::uint8_t>(header, kAtFrameKind);
  if (!is_kind(kind)) {
    return corrupt_at(offset + kAtFrameKind, "kind of a frame", "1 or 2", static_cast<int>(kind));
  }
  if (body_bytes > kLogBodyBytesMax) {
    return corrupt_at(offset + kAtFrameBodyBytes, "length of a frame's body",
                      fmt::format("at most {}", kLogBodyBytesMax), body_bytes);
  }
  return log_frame_bytes(body_bytes);
}

Result<LogFrame> decode_log_frame(std::span<const std::byte> bytes, std::uint64_t offset, std::uint32_t salt) {
  if (bytes.size() < kLogFrameHeaderBytes) {
    return corrupt_at(offset, "frame header", fmt::format("{} bytes", kLogFrameHeaderBytes), bytes.size());
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t total, peek_log_frame_bytes(bytes, offset));
  if (bytes.size() < total) {
    return corrupt_at(offset, "frame", fmt::format("{} bytes", total), bytes.size());
  }
  const auto whole = bytes.first(static_cast<std::size_t>(total));
  LogFrame frame;
  frame.crc = load_le<std::uint32_t>(bytes, kAtFrameCrc);
  if (const std::uint32_t computed = frame_crc(whole, offset, salt); computed != frame.crc) {
    return bad_checksum_at(offset + kAtFrameCrc, "checksum of a frame", frame.crc, computed);
  }
  VIBRATO_RETURN_IF_ERROR(check_fields(whole, offset));
  const auto body_bytes = load_le<std::uint32_t>(bytes, kAtFrameBodyBytes);
  frame.body = whole.subspan(kLogFrameHeaderBytes, body_bytes);
  const auto padding = whole.subspan(kLogFrameHeaderBytes + body_bytes);
  if (std::ranges::any_of(padding, [](std::byte byte) { return byte != std::byte{0}; })) {
    return corrupt_at(offset + kLogFrameHeaderBytes + body_bytes, "padding of a frame", 0, "other bytes");
  }
  frame.kind = static_cast<LogFrameKind>(load_le<std::uint8_t>(bytes, kAtFrameKind));
  frame.lsn = Lsn(load_le<std::uint64_t>(bytes, kAtFrameLsn));
  frame.time_ms = load_le<std::int64_t>(bytes, kAtFrameTime);
  frame.collection = CollectionNumber(load_le<std::uint32_t>(bytes, kAtFrameCollection));
  frame.type = load_le<std::uint16_t>(bytes, kAtFrameType);
  frame.last_of_group = load_le<std::uint8_t>(bytes, kAtFrameFlags) == kFlagLastOfGroup;
  if (frame.kind == LogFrameKind::kSyncGroup) {
    VIBRATO_RETURN_IF_ERROR(check_sync_group(frame, offset));
    frame.durable_end_bytes = load_le<std::uint64_t>(frame.body, 0);
    frame.body = {};
  }
  return frame;
}

}  // namespace vibrato::format
