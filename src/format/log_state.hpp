// Bytes <-> the state file of the log. Pure and total: any bytes give a value or a Status. Anyone may call it.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vibrato/result.hpp>

#include "format/log_layout.hpp"

namespace vibrato::format {

// The bytes of the file, the checksum included.
[[nodiscard]] std::array<std::byte, kLogStateBytes> encode_log_state(const LogState& state);

// Requires nothing of `bytes`; the file is exactly kLogStateBytes long.
// Errors: kCorruption; kInvalidArgument for a version that this build does not know.
[[nodiscard]] Result<LogState> decode_log_state(std::span<const std::byte> bytes);

}  // namespace vibrato::format
