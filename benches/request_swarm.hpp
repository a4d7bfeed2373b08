// Many clients of a server on this machine, on one thread: each sends a request, waits for its answer, sends the next.
// The protocol is the caller's, so that servers with other protocols are asked by the same loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

namespace vibrato::bench {

struct Swarm {
  std::uint16_t port = 0;
  unsigned clients = 32;
  double seconds = 3;          // For how long, or
  std::uint64_t requests = 0;  // how many, if it is not 0.
  // Puts the next request of a client behind what is in `out`.
  std::function<void(std::string& out)> next_request;
  // The length of the answer that `received` begins with, 0 while it is not whole; an error ends the run.
  std::function<Result<std::size_t>(std::string_view received)> answer_bytes;
};

struct SwarmReport {
  std::uint64_t answers = 0;
  double seconds = 0;
  double median_us = 0;  // From a request to its answer.
  double p99_us = 0;

  [[nodiscard]] double per_second() const { return static_cast<double>(answers) / seconds; }
};

// Errors: kIoError, and those of answer_bytes.
[[nodiscard]] Result<SwarmReport> run_swarm(const Swarm& swarm);

// For `answer_bytes` over HTTP: an answer of status 2xx with a Content-Length.
[[nodiscard]] Result<std::size_t> http_answer_bytes(std::string_view received);
// For `answer_bytes` over RESP, as redis speaks it: a simple string, or a bulk string that is there.
[[nodiscard]] Result<std::size_t> resp_answer_bytes(std::string_view received);

}  // namespace vibrato::bench
