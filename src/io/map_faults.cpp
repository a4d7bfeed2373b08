#include "io/map_faults.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <signal.h>
#include <string_view>
#include <unistd.h>

namespace vibrato::io {
namespace {

constexpr std::size_t kSlotsMax = 4096;
constexpr std::size_t kPathBytesMax = 256;

// `begin` is 0 in a free slot. A slot is claimed by `taken`, filled, and published by `begin`, the last to be written,
// so that the handler, which may interrupt any of this, sees whole slots only.
struct Slot {
  std::atomic<bool> taken{false};
  std::atomic<std::uintptr_t> begin{0};
  std::uintptr_t end = 0;
  std::size_t path_bytes = 0;
  std::array<char, kPathBytesMax> path{};
};

std::array<Slot, kSlotsMax> slots;
static_assert(std::atomic<std::uintptr_t>::is_always_lock_free, "the signal handler reads it");

void write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written <= 0) {
      return;
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

extern "C" void report_map_fault(int signal_number, siginfo_t* info, void* /*context*/) {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (const Slot& slot : slots) {
    const std::uintptr_t begin = slot.begin.load(std::memory_order_acquire);
    if (begin != 0 && address >= begin && address < slot.end) {
      write_all("vibratod: ");
      write_all({slot.path.data(), slot.path_bytes});
      write_all(": cannot read the mapped file (the disk failed, or the file was cut while it was in use); ending\n");
      ::_exit(kMapFaultExitStatus);
    }
  }
  ::signal(signal_number, SIG_DFL);
  ::raise(signal_number);
}

}  // namespace

Status report_map_faults() {
  struct sigaction action {};
  action.sa_sigaction = &report_map_fault;
  action.sa_flags = SA_SIGINFO;
  ::sigemptyset(&action.sa_mask);
  if (::sigaction(SIGBUS, &action, nullptr) != 0) {
    return io_error(std::string("cannot install the handler of SIGBUS: ") + std::strerror(errno));
  }
  return ok_status();
}

ListedMap::ListedMap(const void* address, std::size_t size_bytes, const std::string& path) : slot_(kSlotsMax) {
  if (address == nullptr) {
    return;
  }
  for (std::size_t i = 0; i < kSlotsMax; ++i) {
    Slot& slot = slots[i];
    if (slot.taken.exchange(true, std::memory_order_acquire)) {
      continue;
    }
    // Of a long path the end says more.
    slot.path_bytes = std::min(path.size(), kPathBytesMax);
    std::memcpy(slot.path.data(), path.data() + (path.size() - slot.path_bytes), slot.path_bytes);
    const auto begin = reinterpret_cast<std::uintptr_t>(address);
    slot.end = begin + size_bytes;
    slot.begin.store(begin, std::memory_order_release);
    slot_ = i;
    return;
  }
}

ListedMap::~ListedMap() {
  if (slot_ == kSlotsMax) {
    return;
  }
  slots[slot_].begin.store(0, std::memory_order_release);
  slots[slot_].taken.store(false, std::memory_order_release);
}

}  // namespace vibrato::io
