#include "base/logging.hpp"

#include <array>
#include <mutex>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <string>

namespace vibrato {
namespace {

constexpr std::array<std::string_view, 5> kLevelNames = {"debug", "info", "warning", "error", "off"};

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::off;
}

// Escapes what could forge a second line or steer a terminal.
std::string one_line(std::string_view message) {
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  std::string line;
  line.reserve(message.size());
  for (const char c : message) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      line.push_back(c);
    } else {
      line.append("\\x").push_back(kHexDigits[byte >> 4]);
      line.push_back(kHexDigits[byte & 0xf]);
    }
  }
  return line;
}

}  // namespace

std::string_view to_string(LogLevel level) {
  return kLevelNames[static_cast<std::size_t>(level)];
}

std::optional<LogLevel> parse_log_level(std::string_view text) {
  for (std::size_t i = 0; i < kLevelNames.size(); ++i) {
    if (kLevelNames[i] == text) {
      return static_cast<LogLevel>(i);
    }
  }
  return std::nullopt;
}

class Logger::Backend {
 public:
  Backend() : logger_("vibratod", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger_.set_level(spdlog::level::trace);
    logger_.set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
    logger_.flush_on(spdlog::level::trace);
  }
  explicit Backend(Sink sink) : logger_("vibratod"), sink_(std::move(sink)) {}

  void write(LogLevel level, const std::string& line) {
    if (sink_) {
      const std::lock_guard lock(mutex_);
      sink_(level, line);
    } else {
      logger_.log(spdlog_level(level), spdlog::string_view_t(line));
    }
  }

 private:
  spdlog::logger logger_;
  std::mutex mutex_;  // Guards calls of sink_.
  Sink sink_;
};

Logger::Logger(LogLevel level) : level_(level), backend_(std::make_unique<Backend>()) {}
Logger::Logger(LogLevel level, Sink sink) : level_(level), backend_(std::make_unique<Backend>(std::move(sink))) {}
Logger::~Logger() = default;

void Logger::log(LogLevel level, std::string_view message) const {
  if (enabled(level)) {
    backend_->write(level, one_line(message));
  }
}

}  // namespace vibrato
