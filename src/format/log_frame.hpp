// Bytes <-> the frames of a log segment: records, and the sync groups in front of them. Pure and total: any bytes give
// a value or a Status. Anyone may call it.
//
// A frame's checksum covers the id of the store, the first LSN of the segment (together the "salt") and the frame's
// offset, beside its own bytes: a frame is valid in its own place only. So recovery may search for frames behind
// damage, and finds none that a client smuggled in as content or that an older file left behind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>
#include <vibrato/result.hpp>

#include "format/log_layout.hpp"

namespace vibrato::format {

[[nodiscard]] std::uint32_t log_salt(const StoreId& store_id, Lsn segment_first_lsn);

// Bytes of a frame with `body_bytes` of body: header, body, zeros up to a multiple of 8.
[[nodiscard]] constexpr std::uint64_t log_frame_bytes(std::uint64_t body_bytes) {
  return (kLogFrameHeaderBytes + body_bytes + kLogFrameAlignment - 1) & ~std::uint64_t{kLogFrameAlignment - 1};
}

// Appends the frame, which will stand at `offset` of its segment, to `out`, and returns its checksum.
// Requires: offset is a multiple of 8; a body of at most kLogBodyBytesMax; fields that decode_log_frame accepts.
std::uint32_t append_log_frame(std::vector<std::byte>& out, std::uint64_t offset, std::uint32_t salt,
                               const LogFrame& frame);

// How many bytes the frame takes whose header is `header`, unchecked but for what bounds it.
// Errors: kCorruption when these bytes cannot be a frame's header. Requires: header.size() >= kLogFrameHeaderBytes.
[[nodiscard]] Result<std::uint64_t> peek_log_frame_bytes(std::span<const std::byte> header, std::uint64_t offset);

// The frame at the start of `bytes`, which stand at `offset` of the segment. The body is borrowed from `bytes`.
// Errors: kCorruption, with the offset in the segment, expected and found.
[[nodiscard]] Result<LogFrame> decode_log_frame(std::span<const std::byte> bytes, std::uint64_t offset,
                                                std::uint32_t salt);

}  // namespace vibrato::format
