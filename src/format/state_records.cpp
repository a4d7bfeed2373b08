#include "format/state_records.hpp"

#include <algorithm>

#include "base/byte_cursor.hpp"
#include "base/limits.hpp"
#include "format/corrupt_at.hpp"
#include "format/little_endian.hpp"

namespace vibrato::format {
namespace {

constexpr std::uint8_t kStateRecordVersion = 1;
constexpr std::uint8_t kHasExpiry = 1;  // The only flag.
constexpr std::size_t kAtExpiry = 8;
constexpr std::size_t kStatePutHeaderBytes = 16;
constexpr std::size_t kStateDeletedHeaderBytes = 8;

// The header is there, of a version that is known, and the key's length makes sense.
Status check_state_record_header(std::span<const std::byte> body, std::size_t header_bytes, std::string_view record) {
  if (body.size() < header_bytes) {
    return corrupt_at(0, record, fmt::format("at least {} bytes", header_bytes), body.size());
  }
  if (const auto version = load_le<std::uint8_t>(body, 0); version != kStateRecordVersion) {
    return corrupt_at(0, fmt::format("version of a {}", record), int{kStateRecordVersion}, int{version});
  }
  if (const auto bytes = load_le<std::uint16_t>(body, 2); bytes == 0 || bytes > limits::kStateKeyBytesMax) {
    return corrupt_at(2, "length of the key", fmt::format("1 to {}", limits::kStateKeyBytesMax), bytes);
  }
  return ok_status();
}

Status check_state_record_size(std::span<const std::byte> body, std::size_t expected) {
  return body.size() == expected ? ok_status() : corrupt_at(0, "size of the body", expected, body.size());
}

// Reads the time of a put. Requires: the header is there.
Result<std::optional<std::int64_t>> read_expiry(std::span<const std::byte> body) {
  const auto flags = load_le<std::uint8_t>(body, 1);
  const auto time_ms = load_le<std::int64_t>(body, kAtExpiry);
  if (flags > kHasExpiry) {
    return corrupt_at(1, "flags", "0 or 1", int{flags});
  }
  if (flags == 0) {
    return time_ms == 0 ? Result<std::optional<std::int64_t>>(std::nullopt)
                        : corrupt_at(kAtExpiry, "time of a key that does not end", 0, time_ms);
  }
  return time_ms >= 0 ? Result<std::optional<std::int64_t>>(time_ms)
                      : corrupt_at(kAtExpiry, "time at which the key ends", "0 or more", time_ms);
}

}  // namespace

std::vector<std::byte> encode_state_put(const StatePut& record) {
  std::vector<std::byte> body;
  body.reserve(kStatePutHeaderBytes + record.key.size() + record.value_json.size());
  ByteWriter writer(body);
  writer.write_u8(kStateRecordVersion);
  writer.write_u8(record.expires_at_ms.has_value() ? kHasExpiry : 0);
  writer.write_u16(static_cast<std::uint16_t>(record.key.size()));
  writer.write_u32(static_cast<std::uint32_t>(record.value_json.size()));
  writer.write_u64(static_cast<std::uint64_t>(record.expires_at_ms.value_or(0)));
  writer.write_text(record.key);
  writer.write_text(record.value_json);
  return body;
}

void set_state_expiry(std::span<std::byte> body, std::int64_t expires_at_ms) {
  store_le(body, 1, kHasExpiry);
  store_le(body, kAtExpiry, expires_at_ms);
}

std::vector<std::byte> encode_state_deleted(const StateDeleted& record) {
  std::vector<std::byte> body;
  body.reserve(kStateDeletedHeaderBytes + record.key.size());
  ByteWriter writer(body);
  writer.write_u8(kStateRecordVersion);
  writer.write_u8(static_cast<std::uint8_t>(record.reason));
  writer.write_u16(static_cast<std::uint16_t>(record.key.size()));
  writer.write_u32(0);
  writer.write_text(record.key);
  return body;
}

Result<StatePut> decode_state_put(std::span<const std::byte> body) {
  VIBRATO_RETURN_IF_ERROR(check_state_record_header(body, kStatePutHeaderBytes, "state put"));
  const std::size_t key_bytes = load_le<std::uint16_t>(body, 2);
  const std::size_t value_bytes = load_le<std::uint32_t>(body, 4);
  if (value_bytes == 0 || value_bytes > limits::kStateValueBytesMax) {
    return corrupt_at(4, "length of the value", fmt::format("1 to {}", limits::kStateValueBytesMax), value_bytes);
  }
  VIBRATO_RETURN_IF_ERROR(check_state_record_size(body, kStatePutHeaderBytes + key_bytes + value_bytes));
  StatePut record;
  VIBRATO_ASSIGN_OR_RETURN(record.expires_at_ms, read_expiry(body));
  record.key = text_at(body, kStatePutHeaderBytes, key_bytes);
  record.value_json = text_at(body, kStatePutHeaderBytes + key_bytes, value_bytes);
  return record;
}

Result<StateDeleted> decode_state_deleted(std::span<const std::byte> body) {
  VIBRATO_RETURN_IF_ERROR(check_state_record_header(body, kStateDeletedHeaderBytes, "state delete"));
  const std::size_t key_bytes = load_le<std::uint16_t>(body, 2);
  const auto reason = load_le<std::uint8_t>(body, 1);
  if (reason != static_cast<std::uint8_t>(StateDeleteReason::kExplicit) &&
      reason != static_cast<std::uint8_t>(StateDeleteReason::kTtl)) {
    return corrupt_at(1, "reason of the delete", "1 or 2", int{reason});
  }
  if (const auto reserved = load_le<std::uint32_t>(body, 4); reserved != 0) {
    return corrupt_at(4, "reserved bytes", 0, reserved);
  }
  VIBRATO_RETURN_IF_ERROR(check_state_record_size(body, kStateDeletedHeaderBytes + key_bytes));
  return StateDeleted{.key = text_at(body, kStateDeletedHeaderBytes, key_bytes),
                      .reason = static_cast<StateDeleteReason>(reason)};
}

}  // namespace vibrato::format
