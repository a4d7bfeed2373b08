// Bytes in a heap block of just their size, aligned as a map is: AddressSanitizer sees the first byte read outside.
#pragma once

#include <algorithm>
#include <cstddef>
#include <new>
#include <span>

namespace vibrato::test {

class ExactBytes {
 public:
  explicit ExactBytes(std::span<const std::byte> bytes)
      : size_(bytes.size()), data_(static_cast<std::byte*>(::operator new(size_, kAlignment))) {
    std::copy(bytes.begin(), bytes.end(), data_);
  }
  ~ExactBytes() { ::operator delete(data_, kAlignment); }
  ExactBytes(const ExactBytes&) = delete;
  ExactBytes& operator=(const ExactBytes&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  static constexpr std::align_val_t kAlignment{64};

  std::size_t size_;
  std::byte* data_;
};

}  // namespace vibrato::test
