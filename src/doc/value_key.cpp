#include "doc/value_key.hpp"

#include <bit>
#include <cstdint>
#include <variant>

namespace vibrato::doc {
namespace {

template <typename T>
void append_big_endian(T value, std::string& out) {
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>((value >> shift) & 0xff));
  }
}

constexpr std::uint64_t kSign = std::uint64_t{1} << 63;

// Unsigned numbers in the order of the floating-point ones.
std::uint64_t ordered_bits(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value + 0.0);  // Of the two zeros the positive one.
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

}  // namespace

std::string key_of(ValueKind kind) {
  return std::string(1, static_cast<char>(kind));
}

std::string key_of(bool flag) {
  return key_of(ValueKind::kBool) + static_cast<char>(flag ? 1 : 0);
}

std::string key_of(const filter::Number& number) {
  std::string key = key_of(ValueKind::kNumber);
  append_big_endian(ordered_bits(number.base()), key);
  append_big_endian(number.rest(), key);
  return key;
}

std::string key_of(std::string_view text) {
  return key_of(ValueKind::kText).append(text);
}

std::string key_of(const filter::Time& time) {
  std::string key = key_of(ValueKind::kTime);
  append_big_endian(static_cast<std::uint64_t>(time.seconds) ^ kSign, key);
  append_big_endian(time.nanoseconds, key);
  return key;
}

std::string key_of(const filter::Scalar& scalar) {
  if (const auto* text = std::get_if<std::string>(&scalar)) {
    return key_of(std::string_view(*text));
  }
  if (const auto* number = std::get_if<filter::Number>(&scalar)) {
    return key_of(*number);
  }
  return key_of(std::get<bool>(scalar));
}

ValueRange range_of(ValueKind kind) {
  return range_of_beginning(key_of(kind));
}

ValueRange range_of_one(std::string value_key) {
  std::string to = value_key + '\0';
  return {std::move(value_key), std::move(to)};
}

ValueRange range_of_beginning(std::string bytes) {
  std::string to = bytes;
  while (to.back() == '\xff') {
    to.pop_back();
  }
  to.back() = static_cast<char>(static_cast<unsigned char>(to.back()) + 1);
  return {std::move(bytes), std::move(to)};
}

}  // namespace vibrato::doc
