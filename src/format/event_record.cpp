#include "format/event_record.hpp"

#include "base/byte_cursor.hpp"
#include "base/limits.hpp"
#include "format/corrupt_at.hpp"
#include "format/little_endian.hpp"

namespace vibrato::format {
namespace {

constexpr std::uint8_t kEventRecordVersion = 1;
constexpr std::size_t kEventHeaderBytes = 8;

}  // namespace

std::vector<std::byte> encode_user_event(const UserEvent& event) {
  std::vector<std::byte> body;
  body.reserve(kEventHeaderBytes + event.type.size() + event.data.size());
  ByteWriter writer(body);
  writer.write_u8(kEventRecordVersion);
  writer.write_u8(static_cast<std::uint8_t>(event.type.size()));
  writer.write_u16(0);
  writer.write_u32(static_cast<std::uint32_t>(event.data.size()));
  writer.write_text(event.type);
  writer.write_text(event.data);
  return body;
}

Result<UserEvent> decode_user_event(std::span<const std::byte> body) {
  if (body.size() < kEventHeaderBytes) {
    return corrupt_at(0, "user's event", fmt::format("at least {} bytes", kEventHeaderBytes), body.size());
  }
  if (const auto version = load_le<std::uint8_t>(body, 0); version != kEventRecordVersion) {
    return corrupt_at(0, "version of a user's event", int{kEventRecordVersion}, int{version});
  }
  const std::size_t type_bytes = load_le<std::uint8_t>(body, 1);
  const std::uint64_t data_bytes = load_le<std::uint32_t>(body, 4);
  if (type_bytes == 0 || type_bytes > limits::kEventTypeBytesMax) {
    return corrupt_at(1, "length of the type", fmt::format("1 to {}", limits::kEventTypeBytesMax), type_bytes);
  }
  if (load_le<std::uint16_t>(body, 2) != 0) {
    return corrupt_at(2, "reserved bytes", 0, "other bytes");
  }
  if (data_bytes == 0 || data_bytes > limits::kStateValueBytesMax) {
    return corrupt_at(4, "length of the data", fmt::format("1 to {}", limits::kStateValueBytesMax), data_bytes);
  }
  if (const std::uint64_t expected = kEventHeaderBytes + type_bytes + data_bytes; body.size() != expected) {
    return corrupt_at(0, "size of the body", expected, body.size());
  }
  return UserEvent{text_at(body, kEventHeaderBytes, type_bytes),
                   text_at(body, kEventHeaderBytes + type_bytes, data_bytes)};
}

}  // namespace vibrato::format
