// The log record of an event that a user appended: bytes to struct and back. Byte table: docs/formats/records.md.
// Pure and total: any bytes decode to a record or to kCorruption. The collection number in its frame is 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

namespace vibrato::format {

// Part of the format.
inline constexpr std::uint16_t kUserEventRecord = 0x0500;

struct UserEvent {
  std::string_view type;  // Of [A-Za-z0-9_.-]; what else it may be is decided before it is logged.
  std::string_view data;  // Compact JSON.
};

// Requires: a type of 1 to limits::kEventTypeBytesMax bytes, data of 1 to limits::kStateValueBytesMax bytes.
[[nodiscard]] std::vector<std::byte> encode_user_event(const UserEvent& event);

// The result borrows from `body`. Errors: kCorruption, with the offset in the body, expected and found.
[[nodiscard]] Result<UserEvent> decode_user_event(std::span<const std::byte> body);

}  // namespace vibrato::format
