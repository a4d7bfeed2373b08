#include "api/base64.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fmt/format.h>
#include <span>
#include <string>
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

// What a digit at each place of four adds to three bytes, the first the lowest; kNoWord for no digit.
constexpr std::uint32_t kNoWord = 0x80000000U;
using Words = std::array<std::array<std::uint32_t, 256>, 4>;
constexpr Words make_words() {
  Words words{};
  for (std::size_t i = 0; i < kDigits.size(); ++i) {
    const std::uint32_t digit = kDigits[i];
    const bool is_digit = digit != kNoDigit;
    words[0][i] = is_digit ? digit << 2U : kNoWord;
    words[1][i] = is_digit ? digit >> 4U | (digit & 15U) << 12U : kNoWord;
    words[2][i] = is_digit ? digit >> 2U << 8U | (digit & 3U) << 22U : kNoWord;
    words[3][i] = is_digit ? digit << 16U : kNoWord;
  }
  return words;
}
constexpr Words kWords = make_words();

// Three bytes for each four digits, and one byte more is overwritten. False if one is no digit.
bool decode_fours(std::string_view text, unsigned char* bytes) {
  static_assert(std::endian::native == std::endian::little);
  const auto word_at = [](const unsigned char* at) {
    return kWords[0][at[0]] | kWords[1][at[1]] | kWords[2][at[2]] | kWords[3][at[3]];
  };
  std::uint32_t all = 0;
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = at + text.size() / 4 * 4;
  for (; end - at >= 16; at += 16, bytes += 12) {
    const std::uint32_t first = word_at(at);
    const std::uint32_t second = word_at(at + 4);
    const std::uint32_t third = word_at(at + 8);
    const std::uint32_t fourth = word_at(at + 12);
    all |= first | second | third | fourth;
    const std::uint32_t floats[] = {first | second << 24U, second >> 8U | third << 16U, third >> 16U | fourth << 8U};
    std::memcpy(bytes, floats, sizeof floats);
  }
  for (; at < end; at += 4, bytes += 3) {
    const std::uint32_t word = word_at(at);
    all |= word;
    std::memcpy(bytes, &word, sizeof word);
  }
  return (all & kNoWord) == 0;
}

Status check_digits(std::string_view text, std::string_view field, std::size_t first = 0) {
  for (std::size_t i = first; i < text.size(); ++i) {
    if (kDigits[static_cast<unsigned char>(text[i])] == kNoDigit) {
      return invalid_argument(fmt::format("{} is not base64 at position {}", field, i));
    }
  }
  return ok_status();
}

// The last digits, two or three, as four: what they leave over must be nothing.
Status decode_end(std::string_view text, std::string_view field, unsigned char* bytes) {
  const std::size_t whole = text.size() / 4 * 4;
  if (whole == text.size()) {
    return ok_status();
  }
  std::string four(text.substr(whole));
  const std::size_t count = four.size() - 1;
  four.resize(4, 'A');
  std::array<unsigned char, 4> end{};
  const bool is_nothing_left = decode_fours(four, end.data()) && end[count] == 0;
  std::copy_n(end.data(), count, bytes + whole / 4 * 3);
  return is_nothing_left ? ok_status()
                         : invalid_argument(fmt::format("{} is not base64: its last digit has bits left over", field));
}

// By their bits, many at a time.
bool are_finite(std::span<const float> numbers) {
  constexpr std::uint32_t kExponent = 0x7F800000U;
  std::uint32_t others = 0;
  for (const float number : numbers) {
    others |= static_cast<std::uint32_t>((std::bit_cast<std::uint32_t>(number) & kExponent) == kExponent);
  }
  return others == 0;
}

}  // namespace

Status read_base64_floats(std::string_view text, std::string_view field, std::size_t count_max,
                          std::vector<float>& out) {
  out.clear();
  if (text.size() % 4 == 0 && text.ends_with('=')) {
    text.remove_suffix(text.ends_with("==") ? 2 : 1);
  }
  if (text.size() % 4 == 1) {  // Some byte of it is no digit, or its end is missing.
    VIBRATO_RETURN_IF_ERROR(check_digits(text, field));
    return invalid_argument(fmt::format("{} is cut short: {} digits of base64", field, text.size()));
  }
  const std::size_t byte_count = text.size() * 3 / 4;
  const std::size_t count = byte_count / sizeof(float);
  if (count > count_max) {
    return invalid_argument(fmt::format("{} has more than {} numbers", field, count_max));
  }
  out.resize(count + 2);  // Where there is a part of a float too, and a byte more.
  auto* const bytes = reinterpret_cast<unsigned char*>(out.data());
  if (!decode_fours(text, bytes)) {
    return check_digits(text, field);
  }
  VIBRATO_RETURN_IF_ERROR(check_digits(text, field, text.size() / 4 * 4));
  VIBRATO_RETURN_IF_ERROR(decode_end(text, field, bytes));
  if (byte_count % sizeof(float) != 0) {
    return invalid_argument(fmt::format("{} must be whole 32-bit floats; it is {} bytes", field, byte_count));
  }
  out.resize(count);
  if (are_finite(out)) {
    return ok_status();
  }
  const auto fault = std::find_if_not(out.begin(), out.end(), [](float number) { return std::isfinite(number); });
  return invalid_argument(fmt::format("{}[{}] is not a finite number", field, fault - out.begin()));
}

}  // namespace vibrato::api
