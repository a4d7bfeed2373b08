#include "request_swarm.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace vibrato::bench {
namespace {

constexpr std::size_t kSwarmReceiveBytes = 64 * 1024;

std::int64_t now_ns() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

Status call_failed(const char* what) {
  return io_error(std::string(what) + ": " + std::strerror(errno));
}

struct Client {
  int socket = -1;
  std::string out;
  std::string in;
  std::int64_t asked_ns = 0;
};

class Run {
 public:
  explicit Run(const Swarm& swarm) : swarm_(swarm), clients_(swarm.clients), events_(swarm.clients) {}
  ~Run() {
    for (const Client& client : clients_) {
      if (client.socket >= 0) ::close(client.socket);
    }
    if (epoll_ >= 0) ::close(epoll_);
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  Result<SwarmReport> run() {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    for (Client& client : clients_) {
      VIBRATO_RETURN_IF_ERROR(connect(client));
    }
    const std::int64_t begin_ns = now_ns();
    end_ns_ = begin_ns + static_cast<std::int64_t>(swarm_.seconds * 1e9);
    for (Client& client : clients_) {
      VIBRATO_RETURN_IF_ERROR(ask(client));
    }
    while (waiting_ > 0) {
      VIBRATO_RETURN_IF_ERROR(turn());
    }
    return report(static_cast<double>(now_ns() - begin_ns) * 1e-9);
  }

 private:
  Status connect(Client& client) {
    client.socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(swarm_.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &client;
    if (client.socket < 0 ||
        ::connect(client.socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::setsockopt(client.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, client.socket, &event) != 0) {
      return call_failed("connect");
    }
    return ok_status();
  }

  [[nodiscard]] bool is_over() const { return swarm_.requests != 0 ? asked_ == swarm_.requests : now_ns() >= end_ns_; }

  Status ask(Client& client) {
    if (is_over()) {
      return ok_status();
    }
    client.out.clear();
    swarm_.next_request(client.out);
    client.asked_ns = now_ns();
    ++asked_;
    ++waiting_;
    for (std::string_view rest = client.out; !rest.empty();) {
      const ssize_t sent = ::send(client.socket, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        return call_failed("send");
      }
      rest.remove_prefix(static_cast<std::size_t>(sent));
    }
    return ok_status();
  }

  // Whatever has come for whichever clients.
  Status turn() {
    const int ready = ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), -1);
    if (ready < 0) {
      return call_failed("epoll_wait");
    }
    for (int i = 0; i < ready; ++i) {
      VIBRATO_RETURN_IF_ERROR(receive(*static_cast<Client*>(events_[static_cast<std::size_t>(i)].data.ptr)));
    }
    return ok_status();
  }

  Status receive(Client& client) {
    const std::size_t have = client.in.size();
    client.in.resize(have + kSwarmReceiveBytes);
    const ssize_t received = ::recv(client.socket, client.in.data() + have, kSwarmReceiveBytes, 0);
    client.in.resize(have + static_cast<std::size_t>(received > 0 ? received : 0));
    if (received <= 0) {
      return received == 0 ? io_error("the server closed the connection") : call_failed("recv");
    }
    VIBRATO_ASSIGN_OR_RETURN(const std::size_t bytes, swarm_.answer_bytes(client.in));
    if (bytes == 0) {
      return ok_status();
    }
    client.in.erase(0, bytes);
    times_us_.push_back(static_cast<float>(now_ns() - client.asked_ns) * 1e-3F);
    --waiting_;
    return ask(client);
  }

  SwarmReport report(double seconds) {
    SwarmReport result;
    result.answers = times_us_.size();
    result.seconds = seconds;
    std::sort(times_us_.begin(), times_us_.end());
    if (!times_us_.empty()) {
      result.median_us = times_us_[times_us_.size() / 2];
      result.p99_us = times_us_[times_us_.size() * 99 / 100];
    }
    return result;
  }

  const Swarm& swarm_;
  int epoll_ = -1;
  std::vector<Client> clients_;  // Never resized: the events point into it.
  std::vector<epoll_event> events_;
  std::int64_t end_ns_ = 0;
  std::uint64_t asked_ = 0;
  std::uint64_t waiting_ = 0;
  std::vector<float> times_us_;
};

}  // namespace

Result<SwarmReport> run_swarm(const Swarm& swarm) {
  return Run(swarm).run();
}

Result<std::size_t> http_answer_bytes(std::string_view received) {
  const std::size_t head = received.find("\r\n\r\n");
  if (head == std::string_view::npos) {
    return std::size_t{0};
  }
  if (received[9] != '2') {
    return io_error("the server refuses: " + std::string(received.substr(0, 600)));
  }
  constexpr std::string_view kLength = "\r\ncontent-length:";
  const auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
  const std::string_view front = received.substr(0, head);
  const auto found = std::search(front.begin(), front.end(), kLength.begin(), kLength.end(), same);
  std::size_t body = 0;
  if (found != front.end()) {
    auto at = static_cast<std::size_t>(found - front.begin()) + kLength.size();
    while (received[at] == ' ') ++at;
    std::from_chars(received.data() + at, received.data() + head, body);
  }
  const std::size_t whole = head + 4 + body;
  return received.size() < whole ? std::size_t{0} : whole;
}

Result<std::size_t> resp_answer_bytes(std::string_view received) {
  const std::size_t line = received.find("\r\n");
  if (line == std::string_view::npos) {
    return std::size_t{0};
  }
  if (received[0] == '+') {
    return line + 2;
  }
  std::int64_t bytes = -1;
  std::from_chars(received.data() + 1, received.data() + line, bytes);
  if (received[0] != '$' || bytes < 0) {
    return io_error("the server refuses: " + std::string(received.substr(0, line)));
  }
  const std::size_t whole = line + 2 + static_cast<std::size_t>(bytes) + 2;
  return received.size() < whole ? std::size_t{0} : whole;
}

}  // namespace vibrato::bench
