#include "base/large_buffer.hpp"

#include <cerrno>
#include <cstring>
#include <string>
#include <sys/mman.h>

namespace vibrato {

Result<LargeBuffer> LargeBuffer::reserve(std::size_t bytes, Pages pages) {
  if (bytes == 0) {
    return LargeBuffer();
  }
  void* address = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED) {
    return unavailable("cannot reserve " + std::to_string(bytes) + " bytes of memory: " + std::strerror(errno));
  }
  // Advice only: without huge pages all works the same.
  ::madvise(address, bytes, pages == Pages::kHuge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  return LargeBuffer(static_cast<std::byte*>(address), bytes);
}

void LargeBuffer::use_huge_pages() const {
  if (data_ != nullptr) {
    ::madvise(data_, bytes_, MADV_HUGEPAGE);
  }
}

LargeBuffer::~LargeBuffer() {
  if (data_ != nullptr) {
    ::munmap(data_, bytes_);
  }
}

}  // namespace vibrato
