// The log record of an idempotency key: bytes to struct and back. It stands last in the group of its write, so that the
// write and the memory of it are one. Byte table: docs/formats/records.md. Pure and total.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

namespace vibrato::format {

// Part of the format. The collection number in its frame is 0.
inline constexpr std::uint16_t kIdempotencyRecord = 0x0001;
// The status in a record that was not answered: of a request that takes several groups, each but the last ends with
// one. Its answer says how far the request came, in words of the request's own; the next record of the key takes its
// place.
inline constexpr std::uint16_t kUnfinishedStatus = 102;

struct IdempotencyRecord {
  std::string_view scope;                   // Whose key it is: keys of one caller are not those of another.
  std::string_view key;                     // As the client made it; any bytes.
  std::array<std::byte, 32> fingerprint{};  // SHA-256 of the request.
  std::uint16_t status = 200;               // Of the HTTP answer.
  std::string_view answer;                  // Its body.
};

// Requires: lengths within limits::kIdempotency...BytesMax, a key that is not empty, a status of 100 to 599.
[[nodiscard]] std::vector<std::byte> encode_idempotency_record(const IdempotencyRecord& record);

// The result borrows from `body`. Errors: kCorruption, with the offset in the body, expected and found.
[[nodiscard]] Result<IdempotencyRecord> decode_idempotency_record(std::span<const std::byte> body);

}  // namespace vibrato::format
