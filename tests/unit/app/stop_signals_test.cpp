#include "app/stop_signals.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <thread>

#include "support/status_matchers.hpp"

namespace vibrato::app {
namespace {

bool has_default_handling(int signal_number) {
  struct sigaction action {};
  ::sigaction(signal_number, nullptr, &action);
  return action.sa_handler == SIG_DFL;
}

TEST(StopSignals, either_signal_wakes_the_waiter) {
  for (const int signal_number : {SIGTERM, SIGINT}) {
    auto signals = StopSignals::install();
    ASSERT_OK(signals);
    EXPECT_FALSE(signals->arrived());
    ASSERT_EQ(::raise(signal_number), 0);
    signals->wait();
    EXPECT_TRUE(signals->arrived());
  }
}

TEST(StopSignals, a_hung_up_pipe_does_not_end_the_process_meanwhile) {
  auto signals = StopSignals::install();
  ASSERT_OK(signals);
  ASSERT_EQ(::raise(SIGPIPE), 0);
}

TEST(StopSignals, a_hangup_asks_for_a_reload_where_that_is_wanted) {
  auto signals = StopSignals::install(StopSignals::Hangup::kReload);
  ASSERT_OK(signals);
  using enum StopSignals::Event;
  EXPECT_EQ(signals->wait_for(std::chrono::milliseconds(1)), kTimeout);
  ASSERT_EQ(::raise(SIGHUP), 0);
  ASSERT_EQ(::raise(SIGHUP), 0);
  EXPECT_FALSE(signals->arrived());
  EXPECT_EQ(signals->wait_for(std::chrono::hours(1)), kReload);
  EXPECT_EQ(signals->wait_for(std::chrono::milliseconds(1)), kTimeout) << "two of them are one reload";
  ASSERT_EQ(::raise(SIGHUP), 0);
  ASSERT_EQ(::raise(SIGTERM), 0);
  EXPECT_EQ(signals->wait_for(std::chrono::hours(1)), kStop) << "a stop goes first";
  EXPECT_EQ(signals->wait_for(std::chrono::hours(1)), kStop) << "and stays";
}

TEST(StopSignals, a_thread_can_ask_for_the_stop) {
  auto signals = StopSignals::install();
  ASSERT_OK(signals);
  std::thread(&StopSignals::stop_now).join();
  signals->wait();
  EXPECT_TRUE(signals->arrived());
}

TEST(StopSignals, the_usual_handling_is_back_afterwards) {
  {
    auto signals = StopSignals::install();
    ASSERT_OK(signals);
    EXPECT_FALSE(has_default_handling(SIGTERM));
  }
  for (const int signal_number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) EXPECT_TRUE(has_default_handling(signal_number));
}

}  // namespace
}  // namespace vibrato::app
