// Anonymous memory for big arrays: reserved at once, backed by the machine page by page as it is first touched, on huge
// pages where the system has them and the owner wants them. Reserving more than is used costs address space only.
#pragma once

#include <cstddef>
#include <utility>
#include <vibrato/result.hpp>

namespace vibrato {

// Owns the memory; movable. Contents start as zeros; the address is page-aligned and never changes.
class LargeBuffer {
 public:
  // kSmall: an array that may stay tiny does not take a huge page with its first byte.
  enum class Pages : unsigned char { kSmall, kHuge };

  LargeBuffer() = default;
  // Errors: kUnavailable when the address space or the memory limit does not allow it.
  [[nodiscard]] static Result<LargeBuffer> reserve(std::size_t bytes, Pages pages = Pages::kHuge);
  LargeBuffer(LargeBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  LargeBuffer& operator=(LargeBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~LargeBuffer();

  // From here on new pages are huge ones where the system has them.
  void use_huge_pages() const;

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  template <typename T>
  [[nodiscard]] T* as() const {
    return reinterpret_cast<T*>(data_);
  }

 private:
  LargeBuffer(std::byte* data, std::size_t bytes) : data_(data), bytes_(bytes) {}

  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace vibrato
