#include "app/stop_signals.hpp"

#include <gtest/gtest.h>
#include <signal.h>

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

TEST(StopSignals, the_usual_handling_is_back_afterwards) {
  {
    auto signals = StopSignals::install();
    ASSERT_OK(signals);
    EXPECT_FALSE(has_default_handling(SIGTERM));
  }
  for (const int signal_number : {SIGTERM, SIGINT, SIGPIPE}) EXPECT_TRUE(has_default_handling(signal_number));
}

}  // namespace
}  // namespace vibrato::app
