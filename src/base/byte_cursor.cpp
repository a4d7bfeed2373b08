#include "base/byte_cursor.hpp"

#include <bit>
#include <string>
#include <vibrato/check.hpp>

namespace vibrato {
namespace {

// Shifts instead of a cast, so that the bytes mean the same on a big-endian machine; compilers make one load of it.
template <typename T>
T load_little_endian(const std::byte* from) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(value | (static_cast<T>(from[i]) << (8 * i)));
  }
  return value;
}

template <typename T>
void store_little_endian(T value, std::byte* to) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    to[i] = static_cast<std::byte>((value >> (8 * i)) & 0xff);
  }
}

}  // namespace

template <typename T>
Result<T> ByteReader::read_unsigned() {
  if (remaining() < sizeof(T)) {
    return too_short(sizeof(T));
  }
  const T value = load_little_endian<T>(bytes_.data() + offset_);
  offset_ += sizeof(T);
  return value;
}

Result<std::uint8_t> ByteReader::read_u8() {
  return read_unsigned<std::uint8_t>();
}
Result<std::uint16_t> ByteReader::read_u16() {
  return read_unsigned<std::uint16_t>();
}
Result<std::uint32_t> ByteReader::read_u32() {
  return read_unsigned<std::uint32_t>();
}
Result<std::uint64_t> ByteReader::read_u64() {
  return read_unsigned<std::uint64_t>();
}

Result<float> ByteReader::read_f32() {
  VIBRATO_ASSIGN_OR_RETURN(const std::uint32_t bits, read_u32());
  return std::bit_cast<float>(bits);
}

Result<std::span<const std::byte>> ByteReader::read_bytes(std::uint64_t count) {
  if (count > remaining()) {
    return too_short(count);
  }
  const auto length = static_cast<std::size_t>(count);
  const auto bytes = bytes_.subspan(offset_, length);
  offset_ += length;
  return bytes;
}

Result<std::string_view> ByteReader::read_text(std::uint64_t count) {
  VIBRATO_ASSIGN_OR_RETURN(const auto bytes, read_bytes(count));
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Status ByteReader::skip(std::uint64_t count) {
  return read_bytes(count).status();
}

Status ByteReader::seek(std::uint64_t offset) {
  if (offset > bytes_.size()) {
    return corruption("offset " + std::to_string(base_offset_) + " + " + std::to_string(offset) +
                      " lies past the end, at " + std::to_string(base_offset_ + bytes_.size()));
  }
  offset_ = static_cast<std::size_t>(offset);
  return ok_status();
}

Status ByteReader::too_short(std::uint64_t wanted) const {
  return corruption("expected " + std::to_string(wanted) + " bytes at offset " + std::to_string(file_offset()) +
                    ", found " + std::to_string(remaining()));
}

template <typename T>
void ByteWriter::write_unsigned(T value) {
  const std::size_t at = out_.size();
  out_.resize(at + sizeof(T));
  store_little_endian(value, out_.data() + at);
}

void ByteWriter::write_u8(std::uint8_t value) {
  write_unsigned(value);
}
void ByteWriter::write_u16(std::uint16_t value) {
  write_unsigned(value);
}
void ByteWriter::write_u32(std::uint32_t value) {
  write_unsigned(value);
}
void ByteWriter::write_u64(std::uint64_t value) {
  write_unsigned(value);
}
void ByteWriter::write_f32(float value) {
  write_u32(std::bit_cast<std::uint32_t>(value));
}

void ByteWriter::write_bytes(std::span<const std::byte> bytes) {
  out_.insert(out_.end(), bytes.begin(), bytes.end());
}

void ByteWriter::write_text(std::string_view text) {
  write_bytes(std::as_bytes(std::span(text.data(), text.size())));
}

void ByteWriter::write_zeros(std::size_t count) {
  out_.resize(out_.size() + count);
}

void ByteWriter::pad_to(std::size_t alignment) {
  VIBRATO_CHECK(alignment > 0);
  write_zeros((alignment - out_.size() % alignment) % alignment);
}

void ByteWriter::patch_u32(std::size_t offset, std::uint32_t value) {
  VIBRATO_CHECK(out_.size() >= sizeof(value) && offset <= out_.size() - sizeof(value));
  store_little_endian(value, out_.data() + offset);
}

}  // namespace vibrato
