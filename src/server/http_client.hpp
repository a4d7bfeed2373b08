// A small blocking HTTP/1.1 client for the commands that speak to a running server: one request, one connection.
// Every wait and the answer's size are bounded. Asio and Beast stay behind this header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

#include "base/limits.hpp"

namespace vibrato::server {

struct HttpAddress {
  std::string host;
  std::uint16_t port = 80;
  std::string path_prefix;  // Without a slash at its end; empty for none.
};

// "http://host[:port][/prefix]", IPv6 addresses in brackets. Errors: kInvalidArgument (https among them, which is not
// supported).
[[nodiscard]] Result<HttpAddress> parse_http_address(std::string_view url);

struct HttpClientOptions {
  std::uint32_t timeout_ms = limits::kRequestTimeoutMs;  // For each of: look-up and connect, send, receive.
  std::size_t body_bytes_max = limits::kBodyBytesDefault;
};

struct HttpReply {
  int status = 0;
  std::string body;
};

// POSTs `json` to `path` of the server; any complete answer is a reply, whatever its status.
// Errors: kUnavailable (no connection), kTimeout, kIoError (broken off, garbled, too large).
[[nodiscard]] Result<HttpReply> post_json(const HttpAddress& address, std::string_view path, std::string_view json,
                                          const HttpClientOptions& options = {});

}  // namespace vibrato::server
