// The log of what the daemon does, for its operator: one line a message, on stderr, through spdlog (hidden in the
// body). A Logger comes in through constructors; there is no global one.
// Invariant: a message is one line, whatever came from outside into it (control characters are escaped).
#pragma once

#include <cstdint>
#include <fmt/core.h>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace vibrato {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError, kOff };

// "debug", "info", "warning", "error", "off".
[[nodiscard]] std::string_view to_string(LogLevel level);
[[nodiscard]] std::optional<LogLevel> parse_log_level(std::string_view text);

// Thread-safety: all methods may be called from many threads at once.
class Logger {
 public:
  using Sink = std::function<void(LogLevel level, std::string_view message)>;

  // Writes to stderr what is at least as severe as `level`.
  explicit Logger(LogLevel level);
  // Gives the messages to `sink` instead, one at a time; for tests.
  Logger(LogLevel level, Sink sink);
  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  [[nodiscard]] bool enabled(LogLevel level) const { return level >= level_ && level != LogLevel::kOff; }
  void log(LogLevel level, std::string_view message) const;

  // logger.info("opened {} with {} rows", path, rows): the text is formatted only if the level is enabled.
  template <typename... Args>
  void debug(fmt::format_string<Args...> format, Args&&... args) const {
    log_formatted(LogLevel::kDebug, format, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) const {
    log_formatted(LogLevel::kInfo, format, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void warning(fmt::format_string<Args...> format, Args&&... args) const {
    log_formatted(LogLevel::kWarning, format, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) const {
    log_formatted(LogLevel::kError, format, std::forward<Args>(args)...);
  }

 private:
  class Backend;

  template <typename... Args>
  void log_formatted(LogLevel level, fmt::format_string<Args...> format, Args&&... args) const {
    if (enabled(level)) {
      log(level, fmt::format(format, std::forward<Args>(args)...));
    }
  }

  LogLevel level_;
  std::unique_ptr<Backend> backend_;
};

}  // namespace vibrato
