// The log records of the state: bytes to structs and back. Byte tables: docs/formats/records.md.
// Pure and total: any bytes decode to a record or to kCorruption. A record holds an outcome: the time at which a key
// ends, not how long it lives. The revision of a key is the LSN of its record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

namespace vibrato::format {

// The numbers are part of the format. The collection number in the frame is 0.
enum class StateRecord : std::uint16_t {
  kPut = 0x0200,
  kDeleted = 0x0201,
};

struct StatePut {
  std::string_view key;
  std::string_view value_json;  // Compact JSON text.
  std::optional<std::int64_t> expires_at_ms;
};

enum class StateDeleteReason : std::uint8_t { kExplicit = 1, kTtl = 2 };

struct StateDeleted {
  std::string_view key;
  StateDeleteReason reason = StateDeleteReason::kExplicit;
};

// Require: a key of 1 to limits::kStateKeyBytesMax bytes, a value of 1 to limits::kStateValueBytesMax bytes, a time
// that is not negative.
[[nodiscard]] std::vector<std::byte> encode_state_put(const StatePut& record);
// Sets the time of a record that encode_state_put() made, in place.
void set_state_expiry(std::span<std::byte> body, std::int64_t expires_at_ms);
[[nodiscard]] std::vector<std::byte> encode_state_deleted(const StateDeleted& record);

// The results borrow from `body`. Errors: kCorruption, with the offset in the body, expected and found.
[[nodiscard]] Result<StatePut> decode_state_put(std::span<const std::byte> body);
[[nodiscard]] Result<StateDeleted> decode_state_deleted(std::span<const std::byte> body);

}  // namespace vibrato::format
