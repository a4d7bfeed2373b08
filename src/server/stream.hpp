// The bytes of one connection: a socket, with TLS over it or without. What it starts is ended by cancel().
// For the .cpp files of this folder only: Asio is a heavy header. Lives on its worker's thread alone.
#pragma once

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cstddef>
#include <optional>
#include <span>
#include <tuple>
#include <utility>

#include "server/tls_identity.hpp"

namespace vibrato::server {

using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

class Stream {
 public:
  using Error = boost::system::error_code;
  using Buffers = std::array<boost::asio::const_buffer, 2>;
  using Transfer = boost::asio::awaitable<std::tuple<Error, std::size_t>>;

  // `tls` is null for a plain connection.
  Stream(Socket socket, const TlsContextPtr& tls) : socket_(std::move(socket)) {
    if (tls != nullptr) tls_.emplace(socket_, *tls);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  [[nodiscard]] bool has_tls() const { return tls_.has_value(); }
  [[nodiscard]] Socket& socket() { return socket_; }

  // Requires: has_tls().
  boost::asio::awaitable<std::tuple<Error>> handshake() {
    return tls_->async_handshake(boost::asio::ssl::stream_base::server, kAwait);
  }
  // From here on the connection is plain. Requires: has_tls(), and the handshake failed.
  void drop_tls() { tls_.reset(); }
  // Tells the client that no more will come, and waits for it to say the same. Requires: has_tls().
  boost::asio::awaitable<std::tuple<Error>> end_tls() { return tls_->async_shutdown(kAwait); }

  // One read; one byte at least unless it fails. An orderly end is asio::error::eof.
  Transfer read_some(std::span<char> space) {
    const auto buffer = boost::asio::buffer(space.data(), space.size());
    return tls_.has_value() ? tls_->async_read_some(buffer, kAwait) : socket_.async_read_some(buffer, kAwait);
  }
  // What the socket takes at once; 0 if it takes nothing, or only after a wait.
  std::size_t write_now(const Buffers& buffers, Error& error) {
    if (tls_.has_value()) return 0;
    const std::size_t count = socket_.write_some(buffers, error);
    if (error == boost::asio::error::would_block || error == boost::asio::error::try_again) error = {};
    return count;
  }
  Transfer write(const Buffers& buffers) {
    return tls_.has_value() ? boost::asio::async_write(*tls_, buffers, kAwait)
                            : boost::asio::async_write(socket_, buffers, kAwait);
  }

 private:
  static constexpr auto kAwait = boost::asio::as_tuple(boost::asio::use_awaitable);

  Socket socket_;
  std::optional<boost::asio::ssl::stream<Socket&>> tls_;
};

}  // namespace vibrato::server
