// CRC32C: published vectors, and hardware, tables and a bitwise oracle agree at every length and alignment.
#include "base/crc32c.hpp"

#include <gtest/gtest.h>
#include <string_view>
#include <vector>

#include "base/random.hpp"

namespace vibrato {
namespace {

std::uint32_t oracle(std::span<const std::byte> bytes) {
  std::uint32_t crc = ~std::uint32_t{0};
  for (const std::byte byte : bytes) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0U);
    }
  }
  return ~crc;
}

std::vector<std::byte> random_bytes(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::byte> bytes(count);
  for (std::byte& byte : bytes) {
    byte = static_cast<std::byte>(random.below(256));
  }
  return bytes;
}

TEST(Crc32c, matches_the_published_vectors) {
  // RFC 3720, appendix B.4, and the check value of the CRC catalogue.
  const std::vector<std::byte> zeros(32, std::byte{0});
  EXPECT_EQ(crc32c(zeros), 0x8a9136aaU);
  const std::vector<std::byte> ones(32, std::byte{0xff});
  EXPECT_EQ(crc32c(ones), 0x62a8ab43U);
  std::vector<std::byte> ascending(32);
  std::vector<std::byte> descending(32);
  for (std::size_t i = 0; i < 32; ++i) {
    ascending[i] = static_cast<std::byte>(i);
    descending[31 - i] = static_cast<std::byte>(i);
  }
  EXPECT_EQ(crc32c(ascending), 0x46dd794eU);
  EXPECT_EQ(crc32c(descending), 0x113fdb5cU);
  const std::string_view digits = "123456789";
  EXPECT_EQ(crc32c(std::as_bytes(std::span(digits.data(), digits.size()))), 0xe3069283U);
  EXPECT_EQ(crc32c({}), 0U);
}

TEST(Crc32c, tables_agree_with_the_oracle_at_every_short_length_and_alignment) {
  const auto bytes = random_bytes(96, 1);
  for (std::size_t begin = 0; begin < 9; ++begin) {
    for (std::size_t length = 0; begin + length <= bytes.size(); ++length) {
      const auto part = std::span(bytes).subspan(begin, length);
      ASSERT_EQ(detail::crc32c_extend_table(0, part), oracle(part)) << "begin " << begin << ", length " << length;
    }
  }
}

TEST(Crc32c, hardware_agrees_with_the_oracle_around_every_lane_boundary) {
  if (!detail::crc32c_hardware_available()) {
    // Without the instruction there is one form only, which the other tests cover.
    EXPECT_DEATH((void)detail::crc32c_extend_hardware(0, {}), "broken invariant");
    return;
  }
  const auto bytes = random_bytes(2 * 3 * 4096 + 3 * 256 + 64, 2);
  std::vector<std::size_t> lengths;
  for (const std::size_t boundary :
       {std::size_t{0}, std::size_t{3 * 256}, std::size_t{2 * 3 * 256}, std::size_t{3 * 4096},
        std::size_t{3 * 4096 + 3 * 256}, std::size_t{2 * 3 * 4096}}) {
    for (std::size_t around = 0; around < 40; ++around) {
      lengths.push_back(boundary + around);
      lengths.push_back(boundary > around ? boundary - around : 0);
    }
  }
  for (const std::size_t length : lengths) {
    for (const std::size_t begin : {std::size_t{0}, std::size_t{3}}) {
      const auto part = std::span(bytes).subspan(begin, length);
      ASSERT_EQ(detail::crc32c_extend_hardware(0, part), oracle(part)) << "begin " << begin << ", length " << length;
    }
  }
}

TEST(Crc32c, extending_in_pieces_gives_the_checksum_of_the_whole) {
  const auto bytes = random_bytes(40'000, 3);
  const std::uint32_t whole = oracle(bytes);
  EXPECT_EQ(crc32c(bytes), whole);
  Random random(4);
  for (int round = 0; round < 50; ++round) {
    std::uint32_t by_default = 0;
    std::uint32_t by_table = 0;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t piece = std::min<std::size_t>(bytes.size() - at, random.below(20'000));
      const auto part = std::span(bytes).subspan(at, piece);
      by_default = crc32c_extend(by_default, part);
      by_table = detail::crc32c_extend_table(by_table, part);
      at += piece;
    }
    ASSERT_EQ(by_default, whole);
    ASSERT_EQ(by_table, whole);
  }
}

TEST(Crc32c, every_single_bit_flip_changes_it) {
  auto bytes = random_bytes(1024, 5);
  const std::uint32_t before = crc32c(bytes);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    ASSERT_NE(crc32c(bytes), before) << "bit " << bit;
    bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
  }
  EXPECT_EQ(crc32c(bytes), before);
}

}  // namespace
}  // namespace vibrato
