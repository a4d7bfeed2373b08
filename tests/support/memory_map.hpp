// A ReadOnlyMap over bytes in memory, for tests and fuzz targets that need no file. It has exactly the given size, so
// that AddressSanitizer sees a read past the end.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>

#include "io/file_system.hpp"

namespace vibrato::test {

class MemoryMap final : public io::ReadOnlyMap {
 public:
  explicit MemoryMap(std::span<const std::byte> bytes)
      : size_(bytes.size()), bytes_(std::make_unique<std::byte[]>(bytes.size())) {
    std::copy(bytes.begin(), bytes.end(), bytes_.get());
  }
  [[nodiscard]] std::span<const std::byte> bytes() const override { return {bytes_.get(), size_}; }
  void advise(Access /*access*/, std::uint64_t /*offset*/, std::uint64_t /*length_bytes*/) const override {}

 private:
  std::size_t size_;
  std::unique_ptr<std::byte[]> bytes_;
};

}  // namespace vibrato::test
