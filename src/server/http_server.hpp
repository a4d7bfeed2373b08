// The HTTP server: listens, reads requests, hands them to the routes, writes what they answer.
//
// Every I/O thread has its own event loop, and a connection lives on one thread from accept to close: its session
// needs no lock. Handlers run inline on that thread, and may answer later from any other. Every connection, header,
// body and wait is bounded (options below); whatever fails is answered by the error envelope of its surface, with an
// x-request-id. Asio, Beast and OpenSSL stay behind this header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "api/route_table.hpp"
#include "base/clock.hpp"
#include "base/limits.hpp"
#include "base/logging.hpp"

namespace vibrato::server {

// One answered request, for metrics and logs. Views are valid during the call only.
struct RequestRecord {
  api::Method method = api::Method::kOther;
  std::string_view pattern;  // Of the matched route; empty if none matched.
  int status = 0;
  std::int64_t duration_ns = 0;  // From the whole head read to the answer handed to the socket.
  std::string_view request_id;
};

// What a server proves itself with, as PEM texts: its certificate first, then those that lead to a known one.
struct TlsIdentity {
  std::string certificate_chain_pem;
  std::string private_key_pem;
};

struct HttpServerOptions {
  std::string host = "127.0.0.1";  // An IP address, or "localhost".
  std::uint16_t port = 8080;       // 0: any free port, see HttpServer::port().
  std::uint32_t threads = 0;       // I/O threads; 0: as many as the machine has.

  std::size_t header_bytes_max = limits::kHeaderBytesMax;
  std::size_t body_bytes_in_flight_max = limits::kBodyBytesInFlightMax;  // Over all connections; past it 429.
  std::uint32_t connections_max = limits::kConnectionsMax;               // Past it 429, then close.
  std::uint32_t request_timeout_ms = limits::kRequestTimeoutMs;  // First byte to whole request; as long to write.
  std::uint32_t keep_alive_idle_ms = limits::kKeepAliveIdleMs;   // Between requests, then close.
  std::uint32_t drain_timeout_ms = 2'000;  // After an early error: what the client still sends is read this long.
  std::uint32_t tls_handshake_timeout_ms = 10'000;
  std::uint32_t stop_timeout_ms = 30'000;  // stop(): what is still running after that is cut off.
  std::uint64_t request_id_seed = 0;       // Made request ids differ between runs if the seed does.

  std::optional<TlsIdentity> tls = std::nullopt;  // With it the server speaks TLS only.
  // Pages of these origins may call the server ("https://app.example", or "*" for all). Empty: of none.
  std::vector<std::string> cors_origins = {};

  // Called on I/O threads, several at once; must be quick and not throw. May be empty.
  std::function<void(const RequestRecord&)> on_request = {};
};

class HttpServer {
 public:
  // Binds, listens and answers from then on. Errors: kInvalidArgument (host), kIoError (the address is taken, ...).
  // `clock` and `logger` must outlive the server.
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> start(HttpServerOptions options, api::RouteTable routes,
                                                                 const Clock& clock, const Logger& logger);
  // Stops.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // The port that is bound.
  [[nodiscard]] std::uint16_t port() const;

  // Connections that are made from now on see this certificate. Errors: kInvalidArgument (the old one stays; also if
  // the server was started without TLS). May be called from any thread.
  [[nodiscard]] Status change_tls_identity(const TlsIdentity& identity);

  // Takes no more connections, closes idle ones, lets running requests finish, joins the threads. True if all
  // finished within stop_timeout_ms, false if some had to be cut off. May be called more than once, not from a
  // handler. Not async-signal-safe: a signal handler only wakes the thread that calls this.
  bool stop();

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vibrato::server
