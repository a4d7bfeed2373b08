// Memory whose end is the end of the world: the byte behind it cannot be read or written.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

namespace vibrato::simd {

// `count` values of T that end exactly where an unreadable page begins (T's own alignment kept). The page before the
// buffer's first one is unreadable too. Freed on destruction; aborts if the system gives no memory.
template <typename T>
class GuardedBuffer {
 public:
  explicit GuardedBuffer(std::size_t count) : count_(count) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t inner = (count * sizeof(T) + page - 1) / page * page + (count == 0 ? page : 0);
    mapped_bytes_ = inner + 2 * page;
    void* mapping = mmap(nullptr, mapped_bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED) {
      std::abort();
    }
    mapping_ = static_cast<std::byte*>(mapping);
    if (mprotect(mapping_ + page, inner, PROT_READ | PROT_WRITE) != 0) {
      std::abort();
    }
    data_ = reinterpret_cast<T*>(mapping_ + page + inner - count * sizeof(T));
  }
  ~GuardedBuffer() { munmap(mapping_, mapped_bytes_); }
  GuardedBuffer(const GuardedBuffer&) = delete;
  GuardedBuffer& operator=(const GuardedBuffer&) = delete;

  [[nodiscard]] T* data() { return data_; }
  [[nodiscard]] const T* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return count_; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }

 private:
  std::size_t count_ = 0;
  std::size_t mapped_bytes_ = 0;
  std::byte* mapping_ = nullptr;
  T* data_ = nullptr;
};

}  // namespace vibrato::simd
