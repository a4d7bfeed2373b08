// Status line and header fields of an answer, as bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/reply.hpp"

namespace vibrato::server {

// What a connection does after an answer, as its header says it.
enum class ConnectionHeader : std::uint8_t { kNone, kClose, kKeepAlive };

// How a client sees where the body ends.
enum class BodyLength : std::uint8_t { kKnown, kChunked, kUntilTheEnd };

// Asks a client that waits for it to send its body.
inline constexpr std::string_view kContinueHead = "HTTP/1.1 100 Continue\r\n\r\n";

// Replaces `out` by the head of `reply`, the empty line included. Control characters in header values become spaces,
// so that no value can end its line.
void write_response_head(const api::Reply& reply, std::string_view request_id, ConnectionHeader connection,
                         BodyLength length, std::string& out);

}  // namespace vibrato::server
