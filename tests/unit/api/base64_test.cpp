#include "api/base64.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <string>

#include "base/random.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::api {
namespace {

using Floats = std::vector<float>;

Result<Floats> read(std::string_view text, std::size_t count_max = 8) {
  Floats numbers = {7};
  VIBRATO_RETURN_IF_ERROR(read_base64_floats(text, "field", count_max, numbers));
  return numbers;
}

TEST(Base64, reads_little_endian_floats_with_and_without_padding) {
  EXPECT_EQ(*read(""), Floats());
  EXPECT_EQ(*read("AACAPw=="), Floats({1}));
  EXPECT_EQ(*read("AACAPw"), Floats({1}));
  EXPECT_EQ(*read("AACAPwAAIMA="), Floats({1, -2.5F}));
  EXPECT_EQ(*read("AACAPwAAIMA"), Floats({1, -2.5F}));
  EXPECT_EQ(*read("AACAPwAAIMAAAABA"), Floats({1, -2.5F, 2}));
  EXPECT_EQ(*read("//9/fw=="), Floats({3.4028235e38F}));
}

// Every digit at every place of four.
TEST(Base64, reads_what_was_written_whatever_the_bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  Random random(5);
  for (std::size_t count = 1; count <= 200; ++count) {
    Floats numbers(count);
    for (float& number : numbers) {
      do {
        number = std::bit_cast<float>(static_cast<std::uint32_t>(random.next_u64()));
      } while (!std::isfinite(number));
    }
    std::string bytes(count * sizeof(float), '\0');
    std::memcpy(bytes.data(), numbers.data(), bytes.size());
    std::string text;
    std::uint32_t bits = 0;
    std::uint32_t bit_count = 0;
    for (const char byte : bytes + std::string(2 - (bytes.size() + 2) % 3, '\0')) {
      bits = bits << 8U | static_cast<unsigned char>(byte);
      for (bit_count += 8; bit_count >= 6; bit_count -= 6) {
        text += kDigits[bits >> (bit_count - 6) & 63U];
      }
    }
    text.resize((bytes.size() * 8 + 5) / 6);
    const auto found = read(text, count);
    ASSERT_OK(found) << text;
    EXPECT_EQ(std::memcmp(found->data(), numbers.data(), bytes.size()), 0) << count;
  }
}

TEST(Base64, refuses_everything_else) {
  for (const std::string_view bad :
       {"A", "AACAP", "AACAPw=", "AACAPw===", "====", "AACA Pw==", "AACAPw==AACAPw==", "AACAPx==", "AAC-Pw==",
        "AAC_Pw==", "AACAPwAA", "AA\n=", "AACAfw==", "AADAfw==", "AACA/w=="}) {
    EXPECT_CODE(read(bad), ErrorCode::kInvalidArgument) << bad;
  }
  const std::string_view nul("AAC\0Pw==", 8);
  EXPECT_CODE(read(nul), ErrorCode::kInvalidArgument);
}

TEST(Base64, names_the_field_and_the_first_byte_that_is_no_digit) {
  for (const auto& [bad, position] : {std::pair("AACAPw==\n", 6), std::pair("AACA\nPw", 4), std::pair("AAC!Pw==", 3),
                                      std::pair("!", 0), std::pair("AACA\nPwA", 4), std::pair("AACAP!", 5)}) {
    EXPECT_EQ(read(bad).status().message(), "field is not base64 at position " + std::to_string(position)) << bad;
  }
  EXPECT_EQ(read("AACAP").status().message(), "field is cut short: 5 digits of base64");
}

TEST(Base64, counts_before_it_decodes) {
  EXPECT_OK(read("AACAPwAAIMA=", 2));
  const auto refused = read("AACAPwAAIMA=", 1);
  EXPECT_CODE(refused, ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused.status().message(), "field has more than 1 numbers");
}

}  // namespace
}  // namespace vibrato::api
