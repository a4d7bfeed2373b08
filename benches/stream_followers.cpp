#include "stream_followers.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <memory>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_connection.hpp"

namespace vibrato::bench {
namespace {

constexpr int kWaitMs = 50;
constexpr std::string_view kTime = "\"t\":";
constexpr std::string_view kEvent = "event: ";
constexpr std::size_t kDelaysKept = 20'000'000;

// Where the last event that is whole ends.
std::size_t whole_bytes(std::string_view text) {
  const std::size_t end = text.rfind("\n\n");
  return end == std::string_view::npos ? 0 : end + 2;
}

Result<int> follow(std::uint16_t port, const std::string& request) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::send(socket, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    ::close(socket);
    return io_error("cannot connect to the server");
  }
  std::string head;
  char byte = 0;
  while (!head.ends_with("\r\n\r\n")) {
    if (::recv(socket, &byte, 1, 0) != 1) {
      ::close(socket);
      return io_error("the server ended the connection: " + head);
    }
    head += byte;
  }
  if (!head.starts_with("HTTP/1.1 200")) {
    ::close(socket);
    return io_error("no stream: " + head);
  }
  return socket;
}

}  // namespace

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Result<std::unique_ptr<StreamFollowers>> StreamFollowers::start(std::uint16_t port, const std::string& key,
                                                                std::uint64_t since, unsigned count, bool delays) {
  std::unique_ptr<StreamFollowers> all(new StreamFollowers());
  all->delays_ = delays;
  all->epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  const std::string request = HttpConnection::request("GET", "/v1/stream?since=" + std::to_string(since), key, "");
  for (unsigned i = 0; i < count; ++i) {
    VIBRATO_ASSIGN_OR_RETURN(const int socket, follow(port, request));
    all->followers_.push_back({socket, 0, {}});
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = i;
    ::epoll_ctl(all->epoll_, EPOLL_CTL_ADD, socket, &event);
  }
  all->thread_ = std::thread([followers = all.get()] { followers->run(); });
  return all;
}

StreamFollowers::~StreamFollowers() {
  stopping_ = true;
  if (thread_.joinable()) {
    thread_.join();
  }
  for (const Follower& follower : followers_) {
    ::close(follower.socket);
  }
  ::close(epoll_);
}

void StreamFollowers::run() {
  std::array<epoll_event, 64> ready{};
  std::string buffer(1 << 18, '\0');
  while (!stopping_) {
    const int count = ::epoll_wait(epoll_, ready.data(), static_cast<int>(ready.size()), kWaitMs);
    for (int i = 0; i < count; ++i) {
      Follower& follower = followers_[ready[static_cast<std::size_t>(i)].data.u32];
      const ssize_t bytes = ::recv(follower.socket, buffer.data(), buffer.size(), 0);
      if (bytes <= 0) {
        broken_ = stopping_ = true;
        return;
      }
      follower.rest.append(buffer.data(), static_cast<std::size_t>(bytes));
      take(follower, now_ns());
    }
    std::uint64_t fewest = ~std::uint64_t{0};
    for (const Follower& follower : followers_) {
      fewest = std::min(fewest, follower.events);
    }
    fewest_ = fewest;
  }
}

void StreamFollowers::take(Follower& follower, std::int64_t at_ns) {
  const std::size_t whole = whole_bytes(follower.rest);
  const std::string_view text = std::string_view(follower.rest).substr(0, whole);
  for (std::size_t at = text.find(kEvent); at != std::string_view::npos; at = text.find(kEvent, at + 1)) {
    ++follower.events;
    if (!delays_ || delays_us_.size() >= kDelaysKept) {
      continue;
    }
    const std::size_t time = text.find(kTime, at);
    std::int64_t made_ns = 0;
    if (time != std::string_view::npos) {
      std::from_chars(text.data() + time + kTime.size(), text.data() + text.size(), made_ns);
      delays_us_.push_back(static_cast<std::uint32_t>((at_ns - made_ns) / 1000));
    }
  }
  follower.rest.erase(0, whole);
}

Result<DelayReport> StreamFollowers::finish(std::uint64_t events, double seconds_max) {
  const std::int64_t end_ns = now_ns() + static_cast<std::int64_t>(seconds_max * 1e9);
  while (fewest_ < events && !broken_ && now_ns() < end_ns) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  stopping_ = true;
  thread_.join();
  if (broken_) {
    return io_error("the server ended a stream");
  }
  DelayReport report;
  report.fewest = ~std::uint64_t{0};
  for (const Follower& follower : followers_) {
    report.events += follower.events;
    report.fewest = std::min(report.fewest, follower.events);
  }
  if (!delays_us_.empty()) {
    std::sort(delays_us_.begin(), delays_us_.end());
    report.median_ms = delays_us_[delays_us_.size() / 2] / 1000.0;
    report.p99_ms = delays_us_[delays_us_.size() * 99 / 100] / 1000.0;
  }
  return report;
}

}  // namespace vibrato::bench
