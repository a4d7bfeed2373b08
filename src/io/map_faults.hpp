// What happens when a mapped file cannot be read: the disk fails, or somebody cut the file. The kernel sends SIGBUS
// where the bytes are used, and nothing can be returned from there. The process names the file and ends; what that
// file holds is found damaged at the next start.
//
// A signal handler takes no argument of ours, so the list of maps is global: the only state of this layer that is.
#pragma once

#include <cstddef>
#include <string>
#include <vibrato/status.hpp>

namespace vibrato::io {

// The exit status of a process that ended so.
inline constexpr int kMapFaultExitStatus = 1;

// Installs the handler of SIGBUS: it writes "<path>: cannot read the mapped file ..." to stderr and ends the process.
// A SIGBUS outside every map that is known ends it by the signal, as without the handler. Called once, at start.
[[nodiscard]] Status report_map_faults();

// Keeps one map in the list while it lives. Past some thousand maps further ones are not listed, and a fault in them
// ends the process without a name. Thread-safety: may be made and destroyed on any thread.
class ListedMap {
 public:
  ListedMap(const void* address, std::size_t size_bytes, const std::string& path);
  ~ListedMap();
  ListedMap(const ListedMap&) = delete;
  ListedMap& operator=(const ListedMap&) = delete;

 private:
  std::size_t slot_;
};

}  // namespace vibrato::io
