// Sets of rows in the portable Roaring format (https://github.com/RoaringBitmap/RoaringFormatSpec), read in place from
// a map. Files are written with CRoaring; it is not used to read them, because it trusts counts inside the bytes, and
// because its frozen format, which needs no decoding either, may change with its versions.
//
// Total: any bytes give a set of rows below the bound or a Status, and nothing outside the bytes is read. What a
// container says about itself (its cardinality) is checked only where memory safety would depend on it: it never does.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>
#include <vibrato/result.hpp>

namespace vibrato::format {

// Immutable; borrows the bytes. Thread-safety: reading from many threads is safe.
class RoaringReader {
 public:
  RoaringReader() = default;  // The empty set.

  // Checks the structure: header, order of the containers, and that they fill the bytes exactly. O(containers).
  // `row_count`: rows at or above it are no members, whatever the bytes say. Errors: kCorruption, offsets from the
  // start of `bytes`.
  [[nodiscard]] static Result<RoaringReader> open(std::span<const std::byte> bytes, std::uint32_t row_count);

  // Sets the bits of all members. Requires: words.size() * 64 >= row_count.
  void set_bits(std::span<std::uint64_t> words) const;
  // Appends all members, ascending as long as the bytes are what was written.
  void append_rows(std::vector<std::uint32_t>& rows) const;
  [[nodiscard]] bool contains(std::uint32_t row) const;

 private:
  enum class Kind : std::uint8_t { kArray, kBits, kRuns };
  struct Container {
    std::uint32_t first_row = 0;
    std::uint32_t count = 0;  // Values of an array, runs of runs; nothing of bits.
    Kind kind = Kind::kArray;
    std::span<const std::byte> data;
  };
  static constexpr std::uint32_t kContainerRows = 1U << 16;
  static constexpr std::uint32_t kArrayMax = 4096;
  static constexpr std::size_t kBitsBytes = kContainerRows / 8;

  // Container after container; `visit` answers false to end early. Errors: as open().
  template <typename Visit>
  Status walk(const Visit& visit) const;

  static void set_array(const Container& array, std::uint32_t rows, std::span<std::uint64_t> words);
  template <typename Visit>
  static void for_each_run(const Container& runs, const Visit& visit);

  [[nodiscard]] static std::uint16_t u16_at(std::span<const std::byte> data, std::size_t i) {
    std::uint16_t value = 0;
    std::memcpy(&value, data.data() + i * sizeof(value), sizeof(value));
    return value;
  }

  std::span<const std::byte> bytes_;
  std::uint32_t row_count_ = 0;
};

}  // namespace vibrato::format
