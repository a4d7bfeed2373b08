#include "app/open_files.hpp"

#include <algorithm>
#include <sys/resource.h>

namespace vibrato::app {

std::uint64_t allow_open_files(std::uint64_t count) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur >= count) return limit.rlim_cur;
  const rlimit raised{std::min<rlim_t>(count, limit.rlim_max), limit.rlim_max};
  return ::setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

}  // namespace vibrato::app
