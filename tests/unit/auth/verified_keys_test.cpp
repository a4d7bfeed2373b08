#include "auth/verified_keys.hpp"

#include <gtest/gtest.h>
#include <string>

namespace vibrato::auth {
namespace {

Digest digest_of(int number) {
  return Sha256()(as_bytes(std::to_string(number)));
}

PrincipalPtr principal(const std::string& key_id) {
  return std::make_shared<const Principal>(Principal{key_id, "name", {Role::kQuery}, {}, std::nullopt});
}

TEST(VerifiedKeys, finds_what_was_inserted_by_its_token_only) {
  VerifiedKeys keys(100);
  const PrincipalPtr one = principal("one");
  keys.insert(digest_of(1), one, keys.epoch());
  EXPECT_EQ(keys.find(digest_of(1)), one);
  EXPECT_EQ(keys.find(digest_of(2)), nullptr);
  keys.insert(digest_of(1), principal("again"), keys.epoch());
  EXPECT_EQ(keys.find(digest_of(1)), one);
  EXPECT_EQ(keys.size(), 1U);
}

TEST(VerifiedKeys, evicting_takes_all_tokens_of_one_key) {
  VerifiedKeys keys(1000);
  for (int i = 0; i < 100; ++i) {
    keys.insert(digest_of(i), principal(i % 2 == 0 ? "even" : "odd"), keys.epoch());
  }
  keys.evict("even");
  EXPECT_EQ(keys.size(), 50U);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(keys.find(digest_of(i)) != nullptr, i % 2 == 1) << i;
  }
  keys.evict("none");
  EXPECT_EQ(keys.size(), 50U);
}

TEST(VerifiedKeys, an_insert_that_began_before_an_eviction_is_refused) {
  VerifiedKeys keys(100);
  const std::uint64_t before = keys.epoch();
  keys.evict("one");
  keys.insert(digest_of(1), principal("one"), before);
  EXPECT_EQ(keys.find(digest_of(1)), nullptr);
  keys.insert(digest_of(1), principal("one"), keys.epoch());
  EXPECT_NE(keys.find(digest_of(1)), nullptr);
}

TEST(VerifiedKeys, is_bounded) {
  VerifiedKeys keys(64);
  for (int i = 0; i < 10'000; ++i) {
    keys.insert(digest_of(i), principal("key"), keys.epoch());
    ASSERT_LE(keys.size(), 64U);
  }
  EXPECT_EQ(keys.size(), 64U);
  EXPECT_NE(keys.find(digest_of(9'999)), nullptr);
}

TEST(VerifiedKeys, keeps_what_is_in_use) {
  VerifiedKeys keys(64);
  keys.insert(digest_of(-1), principal("busy"), keys.epoch());
  for (int i = 0; i < 10'000; ++i) {
    keys.insert(digest_of(i), principal("key"), keys.epoch());
    ASSERT_NE(keys.find(digest_of(-1)), nullptr) << i;
  }
}

TEST(VerifiedKeys, may_hold_nothing) {
  VerifiedKeys keys(0);
  keys.insert(digest_of(1), principal("one"), keys.epoch());
  EXPECT_EQ(keys.find(digest_of(1)), nullptr);
  keys.evict("one");
}

}  // namespace
}  // namespace vibrato::auth
