// One keep-alive HTTP/1.1 connection to a server on this machine, blocking: as little client as possible, because it
// shares the processors with the server it measures.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

namespace vibrato::bench {

// Not thread-safe. A request that failed leaves it unusable.
class HttpConnection {
 public:
  // Errors: kIoError.
  [[nodiscard]] static Result<HttpConnection> open(std::uint16_t port);
  HttpConnection(HttpConnection&& other) noexcept;
  HttpConnection& operator=(HttpConnection&& other) noexcept;
  ~HttpConnection();

  // The text of a whole request; a bench makes it ahead of time.
  [[nodiscard]] static std::string request(std::string_view method, std::string_view path, std::string_view key,
                                           std::string_view body);

  // Sends it and waits for the answer: its status; body() holds what came. Errors: kIoError.
  [[nodiscard]] Result<int> ask(std::string_view request);
  [[nodiscard]] std::string_view body() const { return {buffer_.data() + body_begin_, body_bytes_}; }

 private:
  explicit HttpConnection(int socket) : socket_(socket) {}
  [[nodiscard]] Status send_all(std::string_view bytes) const;
  [[nodiscard]] Status receive_more();

  int socket_ = -1;
  std::string buffer_;
  std::size_t body_begin_ = 0;
  std::size_t body_bytes_ = 0;
};

}  // namespace vibrato::bench
