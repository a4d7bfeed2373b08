// Bytes <-> the header of a log segment. Pure and total: any bytes give a value or a Status. Anyone may call it.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vibrato/result.hpp>

#include "format/log_layout.hpp"

namespace vibrato::format {

// The header's bytes, its checksum included.
[[nodiscard]] std::array<std::byte, kLogSegmentHeaderBytes> encode_log_segment_header(const LogSegmentHeader& header);

// Checks length, magic, checksum, version, and the fields against each other.
// Errors: kCorruption; kInvalidArgument for a version that this build does not know.
[[nodiscard]] Result<LogSegmentHeader> decode_log_segment_header(std::span<const std::byte> bytes);

// Where the running checksum of a segment starts: the checksum of its header, which holds that of its predecessor.
[[nodiscard]] std::uint32_t log_chain_start(const LogSegmentHeader& header);

// The running checksum behind a frame with checksum `frame_crc`.
[[nodiscard]] std::uint32_t log_chain_extend(std::uint32_t chain, std::uint32_t frame_crc);

}  // namespace vibrato::format
