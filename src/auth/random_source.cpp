#include "auth/random_source.hpp"

#include <cerrno>
#include <sys/random.h>
#include <system_error>

namespace vibrato::auth {

Status SystemRandomSource::fill(std::span<std::byte> out) {
  while (!out.empty()) {
    const ::ssize_t count = ::getrandom(out.data(), out.size(), 0);
    if (count < 0) {
      if (errno == EINTR) {
        continue;
      }
      return io_error("the system gives no random bytes: " + std::generic_category().message(errno));
    }
    out = out.subspan(static_cast<std::size_t>(count));
  }
  return ok_status();
}

}  // namespace vibrato::auth
