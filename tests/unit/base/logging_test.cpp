// Logger: levels, one line a message, and stderr as the default.
#include "base/logging.hpp"

#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace vibrato {
namespace {

using Lines = std::vector<std::pair<LogLevel, std::string>>;

TEST(Logger, passes_on_what_is_severe_enough) {
  Lines lines;
  const Logger logger(LogLevel::kWarning,
                      [&](LogLevel level, std::string_view text) { lines.emplace_back(level, text); });
  logger.debug("row {}", 1);
  logger.info("row {}", 2);
  logger.warning("row {}", 3);
  logger.error("row {}", 4);
  EXPECT_EQ(lines, (Lines{{LogLevel::kWarning, "row 3"}, {LogLevel::kError, "row 4"}}));
  EXPECT_FALSE(logger.enabled(LogLevel::kInfo));
  EXPECT_TRUE(logger.enabled(LogLevel::kError));
}

TEST(Logger, is_silent_when_off) {
  Lines lines;
  const Logger logger(LogLevel::kOff, [&](LogLevel level, std::string_view text) { lines.emplace_back(level, text); });
  logger.error("lost");
  logger.log(LogLevel::kOff, "lost too");
  EXPECT_TRUE(lines.empty());
}

TEST(Logger, keeps_a_message_on_one_line) {
  std::string line;
  const Logger logger(LogLevel::kInfo, [&](LogLevel, std::string_view text) { line = text; });
  logger.info("id {}", "a\nINFO forged\x1b[2J\x7f caf\xc3\xa9");
  EXPECT_EQ(line, "id a\\x0aINFO forged\\x1b[2J\\x7f caf\xc3\xa9");
}

TEST(Logger, writes_level_and_text_to_stderr) {
  ::testing::internal::CaptureStderr();
  {
    const Logger logger(LogLevel::kInfo);
    logger.debug("hidden");
    logger.info("opened {{}} {}", "a.vdb");
  }
  const std::string written = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(written.find(" info opened {} a.vdb\n"), std::string::npos) << written;
  EXPECT_EQ(written.find("hidden"), std::string::npos);
}

TEST(Logger, takes_messages_from_many_threads) {
  int messages = 0;
  {
    const Logger logger(LogLevel::kInfo, [&](LogLevel, std::string_view) { ++messages; });
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 250; ++i) {
          logger.info("message {}", i);
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  }
  EXPECT_EQ(messages, 1000);
}

TEST(LogLevel, names_round_trip) {
  for (const LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError, LogLevel::kOff}) {
    EXPECT_EQ(parse_log_level(to_string(level)), level);
  }
  EXPECT_EQ(parse_log_level("loud"), std::nullopt);
  EXPECT_EQ(parse_log_level(""), std::nullopt);
}

}  // namespace
}  // namespace vibrato
