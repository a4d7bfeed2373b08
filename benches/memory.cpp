#include "memory.hpp"

#include <charconv>
#include <fstream>
#include <malloc.h>
#include <string>

namespace vibrato::bench {

std::int64_t resident_bytes() {
  malloc_trim(0);
  std::ifstream status("/proc/self/status");
  std::int64_t total_kib = 0;
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("RssAnon:") && !line.starts_with("RssFile:")) continue;
    const auto digit = line.find_first_of("0123456789");
    if (digit == std::string::npos) continue;
    std::int64_t kib = 0;
    std::from_chars(line.data() + digit, line.data() + line.size(), kib);
    total_kib += kib;
  }
  return total_kib * 1024;
}

}  // namespace vibrato::bench
