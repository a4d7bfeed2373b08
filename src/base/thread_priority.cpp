#include "base/thread_priority.hpp"

#ifdef __linux__
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>
#endif

namespace vibrato {

void lower_thread_priority() {
#ifdef __linux__
  // Both are of the thread, not of the process: 0 names the calling thread to either call.
  const sched_param parameters = {};
  static_cast<void>(::sched_setscheduler(0, SCHED_BATCH, &parameters));
  static_cast<void>(::setpriority(PRIO_PROCESS, 0, 19));
#endif
}

}  // namespace vibrato
