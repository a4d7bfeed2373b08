// The primitives against their published vectors.
#include "auth/crypto.hpp"

#include <gtest/gtest.h>
#include <string>

#include "auth/hex.hpp"

namespace vibrato::auth {
namespace {

std::string hex_of(const Digest& digest) {
  std::string text;
  append_hex(digest, text);
  return text;
}

std::string hmac(const std::string& key, const std::string& message) {
  return hex_of(hmac_sha256(as_bytes(key), as_bytes(message)));
}

TEST(HmacSha256, matches_the_vectors_of_rfc_4231) {
  EXPECT_EQ(hmac(std::string(20, '\x0b'), "Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hmac("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hmac(std::string(20, '\xaa'), std::string(50, '\xdd')),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  std::string counting;
  for (char c = 1; c <= 25; ++c) {
    counting.push_back(c);
  }
  EXPECT_EQ(hmac(counting, std::string(50, '\xcd')),
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
  EXPECT_EQ(hmac(std::string(20, '\x0c'), "Test With Truncation").substr(0, 32), "a3b6167473100ee06e0c796c2955552b");
  EXPECT_EQ(hmac(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(hmac(std::string(131, '\xaa'),
                 "This is a test using a larger than block-size key and a larger than block-size data. The key needs "
                 "to be hashed before being used by the HMAC algorithm."),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST(HmacSha256, an_empty_key_is_a_key_and_not_the_one_of_the_call_before) {
  EXPECT_EQ(hmac("", ""), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
  EXPECT_EQ(hmac("Jefe", "what do ya want for nothing?").substr(0, 8), "5bdcc146");
  EXPECT_EQ(hmac_sha256({}, {}), hmac_sha256(as_bytes(""), as_bytes("")));
}

TEST(Sha256, matches_the_vectors_of_fips_180_4) {
  const Sha256 sha256;
  EXPECT_EQ(hex_of(sha256(as_bytes(""))), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex_of(sha256(as_bytes("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex_of(sha256(as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(EqualInConstantTime, tells_a_difference_in_any_byte) {
  const Digest digest = Sha256()(as_bytes("abc"));
  EXPECT_TRUE(equal_in_constant_time(digest, Digest(digest)));
  for (std::size_t i = 0; i < digest.size(); ++i) {
    Digest other = digest;
    other[i] ^= std::byte{0x80};
    EXPECT_FALSE(equal_in_constant_time(digest, other)) << i;
  }
}

TEST(Wipe, leaves_zeros) {
  std::array<std::byte, 40> secret{};
  secret.fill(std::byte{'s'});
  wipe(secret);
  EXPECT_EQ(secret, (std::array<std::byte, 40>{}));
  wipe({});
}

}  // namespace
}  // namespace vibrato::auth
