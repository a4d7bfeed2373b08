#include "http_connection.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace vibrato::bench {
namespace {

constexpr std::size_t kReceiveBytes = 64 * 1024;

Status failed(const char* what) {
  return io_error(std::string(what) + ": " + std::strerror(errno));
}

}  // namespace

Result<HttpConnection> HttpConnection::open(std::uint16_t port) {
  HttpConnection connection(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  if (connection.socket_ < 0 ||
      ::connect(connection.socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::setsockopt(connection.socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
    return failed("connect");
  }
  return connection;
}

HttpConnection::HttpConnection(HttpConnection&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), buffer_(std::move(other.buffer_)) {}

HttpConnection& HttpConnection::operator=(HttpConnection&& other) noexcept {
  std::swap(socket_, other.socket_);
  std::swap(buffer_, other.buffer_);
  return *this;
}

HttpConnection::~HttpConnection() {
  if (socket_ >= 0) {
    ::close(socket_);
  }
}

std::string HttpConnection::request(std::string_view method, std::string_view path, std::string_view key,
                                    std::string_view body) {
  std::string text;
  text.reserve(body.size() + 256);
  text.append(method).append(" ").append(path).append(" HTTP/1.1\r\nHost: localhost\r\n");
  if (!key.empty()) {
    text.append("Authorization: Bearer ").append(key).append("\r\n");
  }
  if (!body.empty()) {
    text.append("Content-Type: application/json\r\nContent-Length: ").append(std::to_string(body.size()));
    text.append("\r\n");
  }
  return text.append("\r\n").append(body);
}

Result<int> HttpConnection::ask(std::string_view request) {
  VIBRATO_RETURN_IF_ERROR(send_all(request));
  buffer_.clear();
  std::size_t head_end = std::string::npos;
  while ((head_end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    VIBRATO_RETURN_IF_ERROR(receive_more());
  }
  constexpr std::string_view kLength = "content-length:";
  int status = 0;
  std::from_chars(buffer_.data() + 9, buffer_.data() + 12, status);
  body_begin_ = head_end + 4;
  body_bytes_ = 0;
  for (std::size_t at = 0; at < head_end; at = buffer_.find("\r\n", at) + 2) {
    if (::strncasecmp(buffer_.data() + at, kLength.data(), kLength.size()) == 0) {
      at = buffer_.find_first_not_of(' ', at + kLength.size());
      std::from_chars(buffer_.data() + at, buffer_.data() + head_end, body_bytes_);
    }
  }
  while (buffer_.size() < body_begin_ + body_bytes_) {
    VIBRATO_RETURN_IF_ERROR(receive_more());
  }
  return status;
}

Status HttpConnection::send_all(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return failed("send");
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return ok_status();
}

Status HttpConnection::receive_more() {
  const std::size_t have = buffer_.size();
  buffer_.resize(have + kReceiveBytes);
  const ssize_t received = ::recv(socket_, buffer_.data() + have, kReceiveBytes, 0);
  buffer_.resize(have + static_cast<std::size_t>(received > 0 ? received : 0));
  if (received <= 0) {
    return received == 0 ? io_error("the server closed the connection") : failed("recv");
  }
  return ok_status();
}

}  // namespace vibrato::bench
