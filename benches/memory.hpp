// What a process holds in memory, as the kernel counts it.
#pragma once

#include <cstdint>

namespace vibrato::bench {

// Anonymous bytes plus resident bytes of mapped files (RssAnon + RssFile of /proc/self/status), after the allocator
// gave back what it holds free. 0 where /proc is missing.
[[nodiscard]] std::int64_t resident_bytes();

}  // namespace vibrato::bench
