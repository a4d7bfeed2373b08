#include "api/base64.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <fmt/format.h>
#include <vibrato/result.hpp>

namespace vibrato::api {
namespace {

constexpr std::uint8_t kNoDigit = 0xFF;

constexpr std::array<std::uint8_t, 256> make_digits() {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::array<std::uint8_t, 256> digits{};
  digits.fill(kNoDigit);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    digits[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return digits;
}
constexpr std::array<std::uint8_t, 256> kDigits = make_digits();

// Puts bytes together to little-endian words.
class FloatSink {
 public:
  explicit FloatSink(std::vector<float>& out) : out_(out) {}

  void add(std::uint32_t byte) {
    word_ |= byte << (8 * bytes_);
    if (++bytes_ == sizeof(float)) {
      out_.push_back(std::bit_cast<float>(word_));
      word_ = 0;
      bytes_ = 0;
    }
  }
  [[nodiscard]] bool is_whole() const { return bytes_ == 0; }

 private:
  std::vector<float>& out_;
  std::uint32_t word_ = 0;
  std::uint32_t bytes_ = 0;
};

Status no_digit(std::string_view field, std::size_t position) {
  return invalid_argument(fmt::format("{} is not base64 at position {}", field, position));
}

// A length that no base64 has: some byte of it is no digit, or its end is missing.
Status bad_length(std::string_view text, std::string_view field) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (kDigits[static_cast<unsigned char>(text[i])] == kNoDigit) {
      return no_digit(field, i);
    }
  }
  return invalid_argument(fmt::format("{} is cut short: {} digits of base64", field, text.size()));
}

}  // namespace

Status read_base64_floats(std::string_view text, std::string_view field, std::size_t count_max,
                          std::vector<float>& out) {
  out.clear();
  if (text.size() % 4 == 0 && text.ends_with('=')) {
    text.remove_suffix(text.ends_with("==") ? 2 : 1);
  }
  if (text.size() % 4 == 1) {
    return bad_length(text, field);
  }
  const std::size_t byte_count = text.size() * 3 / 4;
  if (byte_count / sizeof(float) > count_max) {
    return invalid_argument(fmt::format("{} has more than {} numbers", field, count_max));
  }
  out.reserve(byte_count / sizeof(float));
  FloatSink sink(out);
  std::uint32_t bits = 0;
  std::uint32_t bit_count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::uint8_t digit = kDigits[static_cast<unsigned char>(text[i])];
    if (digit == kNoDigit) {
      return no_digit(field, i);
    }
    bits = (bits << 6U) | digit;
    bit_count += 6;
    if (bit_count >= 8) {
      bit_count -= 8;
      sink.add((bits >> bit_count) & 0xFFU);
      bits &= (1U << bit_count) - 1U;
    }
  }
  if (bits != 0) {
    return invalid_argument(fmt::format("{} is not base64: its last digit has bits left over", field));
  }
  if (!sink.is_whole()) {
    return invalid_argument(fmt::format("{} must be whole 32-bit floats; it is {} bytes", field, byte_count));
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!std::isfinite(out[i])) {
      return invalid_argument(fmt::format("{}[{}] is not a finite number", field, i));
    }
  }
  return ok_status();
}

}  // namespace vibrato::api
