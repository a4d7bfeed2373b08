#include "format/idempotency_record.hpp"

#include <algorithm>

#include "base/byte_cursor.hpp"
#include "base/limits.hpp"
#include "format/corrupt_at.hpp"
#include "format/little_endian.hpp"

namespace vibrato::format {
namespace {

constexpr std::uint8_t kIdempotencyRecordVersion = 1;
constexpr std::size_t kAtFingerprint = 16;
constexpr std::size_t kIdempotencyHeaderBytes = 48;
constexpr std::uint16_t kStatusMin = 100;
constexpr std::uint16_t kStatusMax = 599;

}  // namespace

std::vector<std::byte> encode_idempotency_record(const IdempotencyRecord& record) {
  std::vector<std::byte> body;
  body.reserve(kIdempotencyHeaderBytes + record.scope.size() + record.key.size() + record.answer.size());
  ByteWriter writer(body);
  writer.write_u8(kIdempotencyRecordVersion);
  writer.write_u8(static_cast<std::uint8_t>(record.scope.size()));
  writer.write_u16(static_cast<std::uint16_t>(record.key.size()));
  writer.write_u32(static_cast<std::uint32_t>(record.answer.size()));
  writer.write_u16(record.status);
  writer.pad_to(kAtFingerprint);
  writer.write_bytes(record.fingerprint);
  writer.write_text(record.scope);
  writer.write_text(record.key);
  writer.write_text(record.answer);
  return body;
}

Result<IdempotencyRecord> decode_idempotency_record(std::span<const std::byte> body) {
  if (body.size() < kIdempotencyHeaderBytes) {
    return corrupt_at(0, "idempotency key", fmt::format("at least {} bytes", kIdempotencyHeaderBytes), body.size());
  }
  if (const auto version = load_le<std::uint8_t>(body, 0); version != kIdempotencyRecordVersion) {
    return corrupt_at(0, "version of an idempotency key", int{kIdempotencyRecordVersion}, int{version});
  }
  const std::size_t scope_bytes = load_le<std::uint8_t>(body, 1);
  const std::size_t key_bytes = load_le<std::uint16_t>(body, 2);
  const std::size_t answer_bytes = load_le<std::uint32_t>(body, 4);
  if (scope_bytes > limits::kIdempotencyScopeBytesMax) {
    return corrupt_at(1, "length of the scope", fmt::format("at most {}", limits::kIdempotencyScopeBytesMax),
                      scope_bytes);
  }
  if (key_bytes == 0 || key_bytes > limits::kIdempotencyKeyBytesMax) {
    return corrupt_at(2, "length of the key", fmt::format("1 to {}", limits::kIdempotencyKeyBytesMax), key_bytes);
  }
  if (answer_bytes > limits::kIdempotencyAnswerBytesMax) {
    return corrupt_at(4, "length of the answer", fmt::format("at most {}", limits::kIdempotencyAnswerBytesMax),
                      answer_bytes);
  }
  IdempotencyRecord record;
  record.status = load_le<std::uint16_t>(body, 8);
  if (record.status < kStatusMin || record.status > kStatusMax) {
    return corrupt_at(8, "status", fmt::format("{} to {}", kStatusMin, kStatusMax), record.status);
  }
  const auto reserved = body.subspan(10, kAtFingerprint - 10);
  if (std::ranges::any_of(reserved, [](std::byte byte) { return byte != std::byte{0}; })) {
    return corrupt_at(10, "reserved bytes", 0, "other bytes");
  }
  if (const std::size_t total = kIdempotencyHeaderBytes + scope_bytes + key_bytes + answer_bytes;
      body.size() != total) {
    return corrupt_at(0, "size of the body", total, body.size());
  }
  std::copy_n(body.begin() + kAtFingerprint, record.fingerprint.size(), record.fingerprint.begin());
  const std::string_view texts(reinterpret_cast<const char*>(body.data()) + kIdempotencyHeaderBytes,
                               body.size() - kIdempotencyHeaderBytes);
  record.scope = texts.substr(0, scope_bytes);
  record.key = texts.substr(scope_bytes, key_bytes);
  record.answer = texts.substr(scope_bytes + key_bytes);
  return record;
}

}  // namespace vibrato::format
