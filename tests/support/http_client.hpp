// A small blocking HTTP client over a raw socket, for tests: it sends exactly the bytes it is given, also wrong ones,
// and reads answers one by one. Every wait ends after kTimeoutSeconds, as a failure.
#pragma once

#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <map>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <utility>

namespace vibrato::test {

struct HttpAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;  // Names in lower case.
  std::string body;

  [[nodiscard]] std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
};

class HttpClient {
 public:
  static constexpr int kTimeoutSeconds = 20;

  explicit HttpClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval timeout{.tv_sec = kTimeoutSeconds, .tv_usec = 0};
    const int on = 1;
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~HttpClient() { close(); }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }

  // False if the connection broke before all was sent.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        return false;
      }
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // The client sends no more, but still reads.
  void half_close() { ::shutdown(socket_, SHUT_WR); }

  void close() {
    if (socket_ >= 0) {
      ::close(socket_);
      socket_ = -1;
    }
  }

  // The next answer; nullopt if the connection ends (or the wait does) before it is whole.
  std::optional<HttpAnswer> read_answer(bool without_body = false) {
    std::size_t head_end = 0;
    while ((head_end = received_.find("\r\n\r\n")) == std::string::npos) {
      if (!read_more()) {
        return std::nullopt;
      }
    }
    HttpAnswer answer = parse_head(received_.substr(0, head_end + 2));
    received_.erase(0, head_end + 4);
    const std::string length = answer.header("content-length");
    const std::size_t body_bytes = without_body || length.empty() ? 0 : std::stoul(length);
    while (received_.size() < body_bytes) {
      if (!read_more()) {
        return std::nullopt;
      }
    }
    answer.body = received_.substr(0, body_bytes);
    received_.erase(0, body_bytes);
    return answer;
  }

  // What comes up to and with `text`, as it is on the wire; less if the connection ends before (or the wait does).
  std::string read_until(std::string_view text) {
    std::size_t found = 0;
    while ((found = received_.find(text)) == std::string::npos && read_more()) {
    }
    const std::size_t count = found == std::string::npos ? received_.size() : found + text.size();
    std::string taken = received_.substr(0, count);
    received_.erase(0, count);
    return taken;
  }

  // True if the server ends the connection in order (no reset), with nothing more to read.
  bool ended() { return received_.empty() && !read_more() && end_of_stream_; }

  // Sends one request and reads its answer.
  std::optional<HttpAnswer> request(std::string_view bytes) {
    return send(bytes) ? read_answer() : std::optional<HttpAnswer>();
  }

 private:
  bool read_more() {
    char bytes[16384];
    const ssize_t count = ::recv(socket_, bytes, sizeof bytes, 0);
    if (count <= 0) {
      end_of_stream_ = count == 0;
      return false;
    }
    received_.append(bytes, static_cast<std::size_t>(count));
    return true;
  }

  static HttpAnswer parse_head(std::string_view head) {
    HttpAnswer answer;
    constexpr std::size_t kStatusAt = sizeof("HTTP/1.1 ") - 1;
    std::from_chars(head.data() + kStatusAt, head.data() + head.size(), answer.status);
    head.remove_prefix(head.find("\r\n") + 2);
    while (!head.empty()) {
      const std::size_t end = head.find("\r\n");
      const std::string_view line = head.substr(0, end);
      const std::size_t colon = line.find(": ");
      std::string name(line.substr(0, colon));
      for (char& c : name) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      }
      answer.headers[name] = std::string(line.substr(colon + 2));
      head.remove_prefix(end + 2);
    }
    return answer;
  }

  int socket_;
  bool connected_ = false;
  bool end_of_stream_ = false;
  std::string received_;
};

// "POST /search HTTP/1.1" with Host, Content-Type: application/json, the length, `headers` (each line with its CRLF).
inline std::string post_json(std::string_view path, std::string_view body, std::string_view headers = "") {
  std::string text = "POST " + std::string(path) + " HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n";
  text += "Content-Length: " + std::to_string(body.size()) + "\r\n" + std::string(headers) + "\r\n";
  return text + std::string(body);
}

inline std::string get(std::string_view path, std::string_view headers = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: test\r\n" + std::string(headers) + "\r\n";
}

}  // namespace vibrato::test
