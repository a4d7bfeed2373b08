#include "app/progress_bar.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>
#include <string>

#include "support/fake_clock.hpp"

namespace vibrato::app {
namespace {

using ::testing::EndsWith;

class ProgressBarTest : public ::testing::Test {
 protected:
  std::ostringstream err_;
  test::FakeClock clock_;
};

TEST_F(ProgressBarTest, a_terminal_gets_a_bar_and_a_pipe_lines_only_on_request) {
  EXPECT_EQ(progress_mode(true, false), ProgressMode::kBar);
  EXPECT_EQ(progress_mode(true, true), ProgressMode::kBar);
  EXPECT_EQ(progress_mode(false, true), ProgressMode::kLines);
  EXPECT_EQ(progress_mode(false, false), ProgressMode::kOff);
}

TEST_F(ProgressBarTest, off_writes_nothing) {
  ProgressBar progress(err_, clock_, ProgressMode::kOff, "building", "rows");
  clock_.advance_ms(60'000);
  progress.update(5, 10);
  progress.finish(10);
  EXPECT_EQ(err_.str(), "");
}

TEST_F(ProgressBarTest, a_bar_shows_share_rate_and_time_left) {
  ProgressBar progress(err_, clock_, ProgressMode::kBar, "building", "rows");
  clock_.advance_ms(2'000);
  progress.update(2'500, 10'000);
  EXPECT_EQ(err_.str(), "\r\x1b[2Kbuilding [######------------------] 25.0 %  2,500/10,000 rows  1,250/s  ETA 0:06");
}

TEST_F(ProgressBarTest, redraws_are_limited_by_time) {
  ProgressBar progress(err_, clock_, ProgressMode::kBar, "building", "rows");
  clock_.advance_ms(100);
  progress.update(1, 10);
  const std::string drawn = err_.str();
  clock_.advance_ms(99);
  progress.update(2, 10);
  EXPECT_EQ(err_.str(), drawn);
  clock_.advance_ms(1);
  progress.update(3, 10);
  EXPECT_GT(err_.str().size(), drawn.size());
}

TEST_F(ProgressBarTest, lines_hold_no_control_characters) {
  ProgressBar progress(err_, clock_, ProgressMode::kLines, "building", "rows");
  clock_.advance_ms(5'000);
  progress.update(5'000, 10'000);
  clock_.advance_ms(5'000);
  progress.update(10'000, 10'000);
  progress.finish(10'000);
  EXPECT_EQ(err_.str(),
            "building 50.0 %  5,000/10,000 rows  1,000/s  ETA 0:05\n"
            "building 100.0 %  10,000/10,000 rows  1,000/s  ETA 0:00\n"
            "building done: 10,000 rows in 10.0 s, 1,000/s\n");
}

TEST_F(ProgressBarTest, without_a_total_the_share_of_the_input_stands_in) {
  ProgressBar progress(err_, clock_, ProgressMode::kLines, "ingest", "rows");
  clock_.advance_ms(5'000);
  progress.update_share(50, 0.25);
  progress.update_share(50, 0.25);
  EXPECT_EQ(err_.str(), "ingest 25.0 %  50 rows  10/s  ETA 0:15\n");
}

TEST_F(ProgressBarTest, an_unknown_total_shows_no_share) {
  ProgressBar progress(err_, clock_, ProgressMode::kLines, "ingest", "rows");
  clock_.advance_ms(5'000);
  progress.update(50, 0);
  EXPECT_EQ(err_.str(), "ingest 50 rows  10/s\n");
}

TEST_F(ProgressBarTest, finish_replaces_the_bar_by_a_summary) {
  ProgressBar progress(err_, clock_, ProgressMode::kBar, "building", "rows");
  clock_.advance_ms(1'000);
  progress.update(1, 2);
  progress.finish(2);
  EXPECT_THAT(err_.str(), EndsWith("\r\x1b[2Kbuilding done: 2 rows in 1.0 s, 2/s\n"));
}

TEST_F(ProgressBarTest, an_interrupted_bar_ends_its_line_once) {
  {
    ProgressBar progress(err_, clock_, ProgressMode::kBar, "building", "rows");
    clock_.advance_ms(1'000);
    progress.update(1, 2);
    progress.interrupt();
    EXPECT_THAT(err_.str(), EndsWith("ETA 0:01\n"));
  }
  EXPECT_THAT(err_.str(), EndsWith("ETA 0:01\n"));
}

}  // namespace
}  // namespace vibrato::app
