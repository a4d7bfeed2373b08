#include "server/head_scanner.hpp"

#include <gtest/gtest.h>
#include <string>

namespace vibrato::server {
namespace {

using State = HeadScanner::State;

constexpr std::string_view kHeadAndBody = "GET / HTTP/1.1\r\nHost: a\r\n\r\nbody";
constexpr std::string_view kScannedHead = kHeadAndBody.substr(0, kHeadAndBody.size() - 4);

TEST(HeadScanner, finds_the_end_of_a_head_whatever_the_pieces) {
  for (std::size_t first = 0; first <= kHeadAndBody.size(); ++first) {
    HeadScanner scanner;
    State state = scanner.scan(kHeadAndBody.substr(0, first), 100);
    EXPECT_EQ(state, first < kScannedHead.size() ? State::kNeedMore : State::kDone) << first;
    if (state == State::kNeedMore) {
      state = scanner.scan(kHeadAndBody, 100);
    }
    EXPECT_EQ(state, State::kDone) << first;
    EXPECT_EQ(scanner.head_bytes(), kScannedHead.size()) << first;
  }
}

TEST(HeadScanner, caps_the_head_at_n_bytes) {
  for (const std::size_t cap : {kScannedHead.size() + 1, kScannedHead.size()}) {
    HeadScanner scanner;
    EXPECT_EQ(scanner.scan(kScannedHead, cap), State::kDone) << cap;
  }
  HeadScanner scanner;
  EXPECT_EQ(scanner.scan(kScannedHead, kScannedHead.size() - 1), State::kTooLarge);
  HeadScanner endless;
  EXPECT_EQ(endless.scan(std::string(99, 'x'), 100), State::kNeedMore);
  EXPECT_EQ(endless.scan(std::string(100, 'x'), 100), State::kTooLarge);
}

TEST(HeadScanner, refuses_bare_line_feeds_and_folded_lines_whatever_the_pieces) {
  for (const std::string_view text :
       {"GET / HTTP/1.1\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\n\n", "\nGET",
        "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", "GET / HTTP/1.1\r\n\tHost: a\r\n\r\n"}) {
    for (std::size_t first = 0; first <= text.size(); ++first) {
      HeadScanner scanner;
      State state = scanner.scan(text.substr(0, first), 100);
      if (state == State::kNeedMore) {
        state = scanner.scan(text, 100);
      }
      EXPECT_EQ(state, State::kMalformed) << text << " cut at " << first;
    }
  }
}

TEST(HeadScanner, starts_anew_after_a_reset) {
  HeadScanner scanner;
  ASSERT_EQ(scanner.scan(kScannedHead, 100), State::kDone);
  scanner.reset();
  EXPECT_EQ(scanner.scan("GET", 100), State::kNeedMore);
}

}  // namespace
}  // namespace vibrato::server
