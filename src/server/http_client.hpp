// A small blocking HTTP/1.1 client for the commands that speak to a running server, with or without TLS. It keeps its
// connection from request to request. Every wait and the answer's size are bounded.
// Asio, Beast and OpenSSL stay behind this header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <vibrato/result.hpp>

#include "api/request.hpp"
#include "base/limits.hpp"

namespace vibrato::server {

struct HttpAddress {
  std::string host;
  std::uint16_t port = 80;
  std::string path_prefix;  // Without a slash at its end; empty for none.
  bool has_tls = false;
};

// "http://host[:port][/prefix]", IPv6 addresses in brackets; or https. Errors: kInvalidArgument.
[[nodiscard]] Result<HttpAddress> parse_http_address(std::string_view url);

struct HttpClientOptions {
  std::uint32_t timeout_ms = limits::kRequestTimeoutMs;  // For each of: look-up and connect, send, receive.
  std::size_t body_bytes_max = limits::kBodyBytesDefault;
  std::string key = {};          // Sent as `Authorization: Bearer` with every request, unless empty.
  std::string ca_cert_pem = {};  // Whom to trust under https; empty: whom the system trusts.
  // Others that are sent with every request.
  std::vector<std::pair<std::string, std::string>> headers = {};
  // Asked ten times a second while it waits: true ends the call with kIoError. Empty: nothing does.
  std::function<bool()> is_cancelled = {};
};

struct HttpReply {
  int status = 0;
  std::string body;
  std::string next_cursor = {};  // The header of that name; empty if there is none.
};

// A body that is sent while it is read.
struct HttpUpload {
  std::string content_type;
  // Puts the next bytes in place of `piece`; none at the end.
  std::function<Status(std::string& piece)> read;
};
// Takes a piece of an answer's body; its error ends the request. The first one is empty: a 2xx answer has begun.
using TakePiece = std::function<Status(std::string_view piece)>;

// Thread-safety: one thread at a time.
class HttpClient {
 public:
  HttpClient(HttpAddress address, HttpClientOptions options);
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;

  // Sends one request; a body goes as JSON. Any complete answer is a reply, whatever its status.
  // A connection that the server has closed meanwhile is made again, once, unless bytes of an answer had come.
  // Errors: kUnavailable (no connection), kTimeout, kIoError (broken off, garbled, too large), kInvalidArgument
  // (ca_cert_pem, and a server that does not prove who it is).
  [[nodiscard]] Result<HttpReply> request(api::Method method, std::string_view path, std::string_view json = {});

  // The same with a body of any size either way, over a connection of its own: `upload` may be null; the body of a 2xx
  // answer goes to `take`, any other into the reply. An answer that comes before all is sent ends the sending. The
  // deadline counts anew with each piece.
  [[nodiscard]] Result<HttpReply> stream(api::Method method, std::string_view path, const HttpUpload* upload,
                                         const TakePiece& take);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// POSTs `json` to `path` of the server over a connection of its own.
[[nodiscard]] Result<HttpReply> post_json(const HttpAddress& address, std::string_view path, std::string_view json,
                                          const HttpClientOptions& options = {});

}  // namespace vibrato::server
