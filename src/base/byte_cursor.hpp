// Bounded little-endian reading and writing of bytes: every decoder of a stored format goes through here.
// Invariant: a ByteReader never touches a byte outside its span, whatever counts and offsets the input claims.
// Anyone may use it. Thread-safety: one thread at a time each; readers over the same bytes are independent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

namespace vibrato {

// Reads forward over borrowed bytes. A read past the end answers kCorruption with the offset and moves nothing.
class ByteReader {
 public:
  // `base_offset` is where `bytes` starts inside its file, so that errors name file offsets.
  explicit ByteReader(std::span<const std::byte> bytes, std::uint64_t base_offset = 0)
      : bytes_(bytes), base_offset_(base_offset) {}

  [[nodiscard]] Result<std::uint8_t> read_u8();
  [[nodiscard]] Result<std::uint16_t> read_u16();
  [[nodiscard]] Result<std::uint32_t> read_u32();
  [[nodiscard]] Result<std::uint64_t> read_u64();
  [[nodiscard]] Result<float> read_f32();
  // The next `count` bytes, borrowed from the span given to the constructor.
  [[nodiscard]] Result<std::span<const std::byte>> read_bytes(std::uint64_t count);
  // As read_bytes, as text; the bytes are not checked to be UTF-8.
  [[nodiscard]] Result<std::string_view> read_text(std::uint64_t count);
  [[nodiscard]] Status skip(std::uint64_t count);
  // Moves to `offset`, counted from the start of the span; at most its size.
  [[nodiscard]] Status seek(std::uint64_t offset);

  // Counted from the start of the span.
  [[nodiscard]] std::size_t offset() const { return offset_; }
  [[nodiscard]] std::uint64_t file_offset() const { return base_offset_ + offset_; }
  [[nodiscard]] std::size_t remaining() const { return bytes_.size() - offset_; }
  [[nodiscard]] bool at_end() const { return remaining() == 0; }

 private:
  template <typename T>
  Result<T> read_unsigned();
  Status too_short(std::uint64_t wanted) const;

  std::span<const std::byte> bytes_;
  std::uint64_t base_offset_;
  std::size_t offset_ = 0;
};

// Appends to the vector of the caller, which must outlive the writer.
class ByteWriter {
 public:
  explicit ByteWriter(std::vector<std::byte>& out) : out_(out) {}

  void write_u8(std::uint8_t value);
  void write_u16(std::uint16_t value);
  void write_u32(std::uint32_t value);
  void write_u64(std::uint64_t value);
  void write_f32(float value);
  void write_bytes(std::span<const std::byte> bytes);
  void write_text(std::string_view text);
  void write_zeros(std::size_t count);
  // Appends zeros until size() is a multiple of `alignment`. Requires: alignment > 0.
  void pad_to(std::size_t alignment);
  // Overwrites four bytes written before, for lengths and checksums known only afterwards.
  // Requires: offset + 4 <= size().
  void patch_u32(std::size_t offset, std::uint32_t value);

  // Bytes in the vector, those that were there before the writer included.
  [[nodiscard]] std::size_t size() const { return out_.size(); }

 private:
  template <typename T>
  void write_unsigned(T value);

  std::vector<std::byte>& out_;
};

}  // namespace vibrato
