#include "auth/authenticator.hpp"

#include <gtest/gtest.h>
#include <string>

#include "auth/api_token.hpp"
#include "auth/lasting_access.hpp"
#include "support/key_fixture.hpp"

namespace vibrato::auth {
namespace {

using test::KeyFixture;
using test::MadeKey;
using test::with_other_character;

TEST(Authenticator, knows_the_holder_of_a_key) {
  KeyFixture keys;
  const MadeKey key = keys.make({Role::kQuery, Role::kIngest}, Scope::only({"songs"}).value());
  const Authentication who = keys.authenticate(key.token);
  ASSERT_EQ(who.state, AuthState::kAuthenticated);
  ASSERT_NE(who.principal, nullptr);
  EXPECT_EQ(who.principal->key_id, key.id);
  EXPECT_EQ(who.principal->name, "made");
  EXPECT_EQ(who.principal->roles, (RoleSet{Role::kQuery, Role::kIngest}));
  EXPECT_EQ(who.principal->scope.collections(), std::vector<std::string>{"songs"});
  EXPECT_EQ(who.key_id, "");
}

TEST(Authenticator, asks_the_store_for_the_first_request_only) {
  KeyFixture keys;
  const MadeKey key = keys.make({Role::kQuery});
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(keys.authenticate(key.token).state, AuthState::kAuthenticated);
  }
  EXPECT_EQ(keys.store.find_count(), 1);
  keys.store.fail_with(io_error("the catalog is gone"));
  EXPECT_EQ(keys.authenticate(key.token).state, AuthState::kAuthenticated);
}

TEST(Authenticator, takes_the_key_from_either_header_and_authorization_first) {
  KeyFixture keys;
  const MadeKey one = keys.make({Role::kQuery});
  const MadeKey two = keys.make({Role::kQuery});
  const std::string bearer_one = "Bearer " + one.token;
  const std::int64_t now_ms = keys.clock.now_ms();
  EXPECT_EQ(keys.authenticator.authenticate({std::nullopt, two.token}, now_ms).principal->key_id, two.id);
  EXPECT_EQ(keys.authenticator.authenticate({bearer_one, two.token}, now_ms).principal->key_id, one.id);
  EXPECT_EQ(keys.authenticator.authenticate({"Bearer x", two.token}, now_ms).state, AuthState::kGarbled);
  EXPECT_EQ(keys.authenticator.authenticate({}, now_ms).state, AuthState::kMissing);
}

TEST(Authenticator, an_unknown_id_and_a_wrong_secret_look_the_same_to_a_client) {
  KeyFixture keys;
  const MadeKey key = keys.make({Role::kQuery});
  const Authentication unknown = keys.authenticate(with_other_character(key.token, 10));
  const Authentication wrong = keys.authenticate(with_other_character(key.token, kApiTokenBytes - 1));
  EXPECT_EQ(unknown.state, AuthState::kUnknown);
  EXPECT_EQ(wrong.state, AuthState::kWrongSecret);
  EXPECT_EQ(wrong.key_id, key.id);
  EXPECT_EQ(to_status(unknown.state).message(), to_status(wrong.state).message());
  EXPECT_EQ(to_status(unknown.state).code(), to_status(wrong.state).code());
}

TEST(Authenticator, every_character_of_the_secret_counts) {
  KeyFixture keys;
  const MadeKey key = keys.make({Role::kQuery});
  ASSERT_EQ(keys.authenticate(key.token).state, AuthState::kAuthenticated);
  for (std::size_t at = kKeyIdBytes + 1; at < kApiTokenBytes; ++at) {
    EXPECT_EQ(keys.authenticate(with_other_character(key.token, at)).state, AuthState::kWrongSecret) << at;
  }
}

TEST(Authenticator, the_secret_of_one_key_does_not_open_another) {
  KeyFixture keys;
  const MadeKey one = keys.make({Role::kQuery});
  const MadeKey two = keys.make({Role::kQuery});
  EXPECT_EQ(keys.authenticate(one.id + two.token.substr(kKeyIdBytes)).state, AuthState::kWrongSecret);
}

TEST(Authenticator, another_pepper_opens_nothing) {
  KeyFixture keys;
  const MadeKey key = keys.make({Role::kQuery});
  const Pepper other = Pepper::from_text("another-pepper-of-the-same-length").value();
  Authenticator authenticator(keys.store, other);
  EXPECT_EQ(authenticator.authenticate({std::nullopt, key.token}, keys.clock.now_ms()).state, AuthState::kWrongSecret);
}

TEST(Authenticator, a_key_expires_at_its_moment_also_when_it_was_verified_before) {
  KeyFixture keys;
  const MadeKey used = keys.make({Role::kQuery}, {}, keys.clock.now_ms() + 1000);
  const MadeKey unused = keys.make({Role::kQuery}, {}, keys.clock.now_ms() + 1000);
  EXPECT_EQ(keys.authenticate(used.token).state, AuthState::kAuthenticated);
  keys.clock.advance_ms(999);
  EXPECT_EQ(keys.authenticate(used.token).state, AuthState::kAuthenticated);
  keys.clock.advance_ms(1);
  for (const MadeKey& key : {used, unused}) {
    const Authentication who = keys.authenticate(key.token);
    EXPECT_EQ(who.state, AuthState::kExpired);
    EXPECT_EQ(who.principal, nullptr);
    EXPECT_EQ(who.key_id, key.id);
  }
}

TEST(Authenticator, revoked_and_expired_are_told_to_the_holder_of_the_secret_only) {
  KeyFixture keys;
  const MadeKey revoked = keys.make({Role::kQuery});
  const MadeKey expired = keys.make({Role::kQuery}, {}, keys.clock.now_ms() + 1);
  ASSERT_OK(keys.manager.revoke({"test"}, revoked.id));
  keys.clock.advance_ms(1);
  EXPECT_EQ(keys.authenticate(revoked.token).state, AuthState::kRevoked);
  EXPECT_EQ(keys.authenticate(expired.token).state, AuthState::kExpired);
  for (const MadeKey& key : {revoked, expired}) {
    EXPECT_EQ(keys.authenticate(with_other_character(key.token, kApiTokenBytes - 1)).state, AuthState::kWrongSecret);
  }
}

TEST(Authenticator, a_revoked_key_stays_revoked_past_its_date) {
  KeyFixture keys;
  const MadeKey key = keys.make({Role::kQuery}, {}, keys.clock.now_ms() + 1);
  ASSERT_OK(keys.manager.revoke({"test"}, key.id));
  keys.clock.advance_ms(1);
  EXPECT_EQ(keys.authenticate(key.token).state, AuthState::kRevoked);
}

TEST(Authenticator, lets_nobody_in_while_the_store_fails) {
  KeyFixture keys;
  const MadeKey key = keys.make({Role::kAdmin});
  keys.store.fail_with(io_error("the catalog is gone"));
  const Authentication who = keys.authenticate(key.token);
  EXPECT_EQ(who.state, AuthState::kUnavailable);
  EXPECT_EQ(who.principal, nullptr);
  EXPECT_EQ(who.store_error.message(), "the catalog is gone");
  EXPECT_EQ(to_status(who.state).code(), ErrorCode::kInternal);
  keys.store.fail_with(ok_status());
  EXPECT_EQ(keys.authenticate(key.token).state, AuthState::kAuthenticated);
}

TEST(Authenticator, a_revocation_between_the_look_into_the_store_and_the_cache_is_not_undone) {
  KeyFixture keys;
  const MadeKey key = keys.make({Role::kQuery});
  keys.store.set_after_find([&] { EXPECT_OK(keys.manager.revoke({"test"}, key.id)); });
  // It began before the revocation, so it may still be let in; it must not leave the key behind.
  EXPECT_EQ(keys.authenticate(key.token).state, AuthState::kAuthenticated);
  EXPECT_EQ(keys.authenticate(key.token).state, AuthState::kRevoked);
}

TEST(Authenticator, works_with_no_room_to_remember) {
  KeyFixture keys(0);
  const MadeKey key = keys.make({Role::kQuery});
  EXPECT_EQ(keys.authenticate(key.token).state, AuthState::kAuthenticated);
  EXPECT_EQ(keys.authenticate(key.token).state, AuthState::kAuthenticated);
  EXPECT_EQ(keys.store.find_count(), 2);
}

TEST(Authenticator, lasting_access_ends_with_the_key_and_asks_the_store_when_one_is_revoked_only) {
  KeyFixture keys;
  const MadeKey lasting = keys.make({Role::kQuery});
  const MadeKey ending = keys.make({Role::kQuery}, {}, keys.clock.now_ms() + 10);
  const MadeKey other = keys.make({Role::kQuery});
  LastingAccess one(keys.authenticator, keys.authenticate(lasting.token).principal);
  LastingAccess two(keys.authenticator, keys.authenticate(ending.token).principal);
  LastingAccess nobody(keys.authenticator, nullptr);
  EXPECT_TRUE(one.holds(keys.clock.now_ms()));
  EXPECT_TRUE(two.holds(keys.clock.now_ms()));
  const int asked = keys.store.find_count();
  EXPECT_TRUE(one.holds(keys.clock.now_ms()));
  keys.clock.advance_ms(9);
  EXPECT_TRUE(two.holds(keys.clock.now_ms()));
  keys.clock.advance_ms(1);
  EXPECT_EQ(two.check(keys.clock.now_ms()), AuthState::kExpired);
  EXPECT_EQ(keys.store.find_count(), asked);
  ASSERT_OK(keys.manager.revoke({"test"}, other.id));
  EXPECT_TRUE(one.holds(keys.clock.now_ms()));
  ASSERT_OK(keys.manager.revoke({"test"}, lasting.id));
  EXPECT_EQ(one.check(keys.clock.now_ms()), AuthState::kRevoked);
  EXPECT_EQ(one.check(keys.clock.now_ms()), AuthState::kRevoked);
  keys.store.fail_with(io_error("the catalog is gone"));
  EXPECT_EQ(one.check(keys.clock.now_ms()), AuthState::kUnavailable);
  EXPECT_TRUE(nobody.holds(keys.clock.now_ms()));
}

TEST(Authenticator, a_stream_learns_what_has_become_of_its_key) {
  KeyFixture keys;
  const MadeKey lasting = keys.make({Role::kQuery});
  const MadeKey ending = keys.make({Role::kQuery}, {}, keys.clock.now_ms() + 10);
  const PrincipalPtr one = keys.authenticate(lasting.token).principal;
  const PrincipalPtr two = keys.authenticate(ending.token).principal;
  EXPECT_EQ(keys.authenticator.recheck(*one, keys.clock.now_ms()), AuthState::kAuthenticated);
  keys.clock.advance_ms(10);
  EXPECT_EQ(keys.authenticator.recheck(*two, keys.clock.now_ms()), AuthState::kExpired);
  ASSERT_OK(keys.manager.revoke({"test"}, lasting.id));
  EXPECT_EQ(keys.authenticator.recheck(*one, keys.clock.now_ms()), AuthState::kRevoked);
  Principal stranger = *one;
  stranger.key_id = "vbk_none";
  EXPECT_EQ(keys.authenticator.recheck(stranger, keys.clock.now_ms()), AuthState::kUnknown);
  keys.store.fail_with(io_error("the catalog is gone"));
  EXPECT_EQ(keys.authenticator.recheck(*one, keys.clock.now_ms()), AuthState::kUnavailable);
}

}  // namespace
}  // namespace vibrato::auth
