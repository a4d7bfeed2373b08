#include "base/thread_priority.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <thread>

namespace vibrato {
namespace {

TEST(ThreadPriority, only_the_calling_thread_gives_way) {
  const int before = ::getpriority(PRIO_PROCESS, 0);
  int lowered = before;
  std::thread([&lowered] {
    lower_thread_priority();
    lowered = ::getpriority(PRIO_PROCESS, 0);
  }).join();
#ifdef __linux__
  EXPECT_EQ(lowered, 19);
#endif
  EXPECT_EQ(::getpriority(PRIO_PROCESS, 0), before);
}

}  // namespace
}  // namespace vibrato
