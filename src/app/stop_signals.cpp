#include "app/stop_signals.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string>
#include <unistd.h>
#include <utility>

namespace vibrato::app {
namespace {

// What a signal handler may touch, on whichever thread it runs: atomics without locks, the first of them written before
// the handler is installed. A handler takes no argument of ours, so these have to be global.
std::atomic<int> wake_end = -1;
std::atomic<bool> has_arrived = false;
std::atomic<bool> reload_asked = false;
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

extern "C" void wake_waiter(int signal_number) {
  const int saved_errno = errno;
  const char byte = 1;
  if (signal_number == SIGHUP) {
    reload_asked = true;
  } else {
    has_arrived = true;
  }
  // A full pipe means that a wake-up is already on its way.
  [[maybe_unused]] const ssize_t written = ::write(wake_end, &byte, 1);
  errno = saved_errno;
}

Status install_handler(int signal_number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  if (::sigaction(signal_number, &action, nullptr) == 0) return ok_status();
  return io_error(std::string("cannot install a signal handler: ") + std::strerror(errno));
}

}  // namespace

Result<StopSignals> StopSignals::install(Hangup hangup) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return io_error(std::string("cannot make a pipe: ") + std::strerror(errno));
  // The handler must never block; the reader waits by poll().
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  ::fcntl(ends[1], F_SETFL, O_NONBLOCK);
  wake_end = ends[1];
  has_arrived = false;
  reload_asked = false;
  StopSignals signals(ends[0]);
  VIBRATO_RETURN_IF_ERROR(install_handler(SIGTERM, &wake_waiter));
  VIBRATO_RETURN_IF_ERROR(install_handler(SIGINT, &wake_waiter));
  if (hangup == Hangup::kReload) {
    VIBRATO_RETURN_IF_ERROR(install_handler(SIGHUP, &wake_waiter));
    signals.takes_hangup_ = true;
  }
  // A client that hangs up, or a closed log pipe, must not end a server.
  VIBRATO_RETURN_IF_ERROR(install_handler(SIGPIPE, SIG_IGN));
  return signals;
}

StopSignals::StopSignals(StopSignals&& other) noexcept
    : read_end_(std::exchange(other.read_end_, -1)), takes_hangup_(other.takes_hangup_) {}

StopSignals::~StopSignals() {
  if (read_end_ < 0) return;
  if (takes_hangup_) {
    [[maybe_unused]] const Status ignored = install_handler(SIGHUP, SIG_DFL);
  }
  for (const int signal_number : {SIGTERM, SIGINT, SIGPIPE}) {
    [[maybe_unused]] const Status ignored = install_handler(signal_number, SIG_DFL);
  }
  ::close(wake_end);
  ::close(read_end_);
  wake_end = -1;
}

void StopSignals::wait() {
  while (wait_for(std::chrono::hours(1)) != Event::kStop) {
  }
}

StopSignals::Event StopSignals::wait_for(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    // Emptied before the look at what has come: what comes after the look leaves a byte for the next wait.
    char bytes[16];
    while (::read(read_end_, bytes, sizeof bytes) > 0) {
    }
    if (has_arrived) return Event::kStop;
    if (reload_asked.exchange(false)) return Event::kReload;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return Event::kTimeout;
    pollfd readable{.fd = read_end_, .events = POLLIN, .revents = 0};
    ::poll(&readable, 1, static_cast<int>(left.count()));
  }
}

void StopSignals::stop_now() {
  wake_waiter(SIGTERM);
}

bool StopSignals::arrived() const {
  return has_arrived;
}

}  // namespace vibrato::app
