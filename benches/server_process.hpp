// A `vibratod serve-v2` that a bench starts on a free port, asks, stops or kills.
#pragma once

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>
#include <vibrato/result.hpp>

namespace vibrato::bench {

// Not thread-safe. The process does not outlive it.
class ServerProcess {
 public:
  // Starts it with `--bootstrap-admin-key true` and returns once it listens; it may not be ready yet. `key` is that of
  // an earlier start in the same folder, or empty at the first. Errors: kIoError.
  [[nodiscard]] static Result<ServerProcess> start(const std::string& binary, const std::string& folder,
                                                   const std::vector<std::string>& flags, const std::string& key);
  ServerProcess(ServerProcess&& other) noexcept;
  ServerProcess& operator=(ServerProcess&&) = delete;
  ~ServerProcess();  // Kills it.

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const std::string& key() const { return key_; }
  // SIGTERM or SIGKILL; returns when it has ended.
  void end(int signal_number);
  // Anonymous memory, in bytes: what is neither a file's nor shared (smaps_rollup).
  [[nodiscard]] std::uint64_t anonymous_bytes() const;
  // Of user and system together.
  [[nodiscard]] double processor_seconds() const;

 private:
  ServerProcess() = default;
  [[nodiscard]] Status read_lines(int pipe);

  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
  std::string key_;
};

}  // namespace vibrato::bench
