#include "auth/key_manager.hpp"

#include <gtest/gtest.h>
#include <string>

#include "auth/api_token.hpp"
#include "support/key_fixture.hpp"

namespace vibrato::auth {
namespace {

using test::KeyFixture;
using test::MadeKey;

TEST(KeyManager, stores_a_hash_and_never_the_secret) {
  KeyFixture keys;
  const auto created = keys.manager.create(
      {"vbk_admin"}, {"reader", {Role::kQuery}, Scope::only({"songs"}).value(), keys.clock.now_ms() + 5000});
  ASSERT_OK(created);
  const auto token = parse_api_token(created->token.view());
  ASSERT_TRUE(token);
  const auto stored = keys.store.find(token->id);
  ASSERT_OK(stored);
  ASSERT_TRUE(stored->has_value());
  const KeyRecord& record = **stored;
  EXPECT_EQ(record, created->record);
  EXPECT_EQ(record.name, "reader");
  EXPECT_EQ(record.roles, RoleSet{Role::kQuery});
  EXPECT_EQ(record.scope.collections(), std::vector<std::string>{"songs"});
  EXPECT_EQ(record.created_at_ms, keys.clock.now_ms());
  EXPECT_EQ(record.expires_at_ms, keys.clock.now_ms() + 5000);
  EXPECT_FALSE(record.is_revoked());
  EXPECT_EQ(record.secret_hash, hmac_sha256(keys.pepper.key(), as_bytes(token->secret)));
}

TEST(KeyManager, names_the_field_that_is_wrong) {
  KeyFixture keys;
  const auto message = [&](const KeyRequest& request) {
    const auto created = keys.manager.create({"cli"}, request);
    EXPECT_CODE(created, ErrorCode::kInvalidArgument);
    return created.status().message().substr(0, created.status().message().find(':'));
  };
  for (const char* name : {"", ".dot", "a b", "a/b", "\n"}) {
    EXPECT_EQ(message({name, {Role::kQuery}}), "name") << name;
  }
  EXPECT_EQ(message({std::string(65, 'n'), {Role::kQuery}}), "name");
  EXPECT_EQ(message({"fine", {}}), "roles");
  EXPECT_EQ(message({"fine", {Role::kQuery}, {}, keys.clock.now_ms()}), "expires_at_ms");
  EXPECT_EQ(message({"fine", {Role::kQuery}, {}, -1}), "expires_at_ms");
  EXPECT_OK(keys.manager.create({"cli"}, {std::string(64, 'n'), {Role::kQuery}, {}, keys.clock.now_ms() + 1}));
  EXPECT_EQ(keys.manager.list({"cli"})->size(), 1U);
}

TEST(KeyManager, a_revoked_key_is_refused_at_once_and_for_good) {
  KeyFixture keys;
  const MadeKey key = keys.make({Role::kQuery});
  const MadeKey other = keys.make({Role::kQuery});
  ASSERT_EQ(keys.authenticate(key.token).state, AuthState::kAuthenticated);
  ASSERT_OK(keys.manager.revoke({"cli"}, key.id));
  const std::int64_t revoked_at_ms = keys.clock.now_ms();
  EXPECT_EQ(keys.authenticate(key.token).state, AuthState::kRevoked);
  EXPECT_EQ(keys.authenticate(other.token).state, AuthState::kAuthenticated);
  keys.clock.advance_ms(60'000);
  EXPECT_OK(keys.manager.revoke({"cli"}, key.id)) << "revoking twice is no error";
  EXPECT_EQ(keys.store.find(key.id).value()->revoked_at_ms, revoked_at_ms);
  EXPECT_EQ(keys.authenticate(key.token).state, AuthState::kRevoked);
}

// The order commit -> evict -> answer: a request right before the commit fills the memory again.
TEST(KeyManager, forgets_a_key_after_the_commit_and_not_before) {
  KeyFixture keys;
  const MadeKey key = keys.make({Role::kQuery});
  keys.store.set_before_revoke([&] { EXPECT_EQ(keys.authenticate(key.token).state, AuthState::kAuthenticated); });
  ASSERT_OK(keys.manager.revoke({"cli"}, key.id));
  EXPECT_EQ(keys.authenticate(key.token).state, AuthState::kRevoked);
}

// What makes the step in between needed: without it the memory answers on.
TEST(KeyManager, a_commit_alone_does_not_end_what_memory_knows) {
  KeyFixture keys;
  const MadeKey key = keys.make({Role::kQuery});
  ASSERT_EQ(keys.authenticate(key.token).state, AuthState::kAuthenticated);
  ASSERT_OK(keys.store.revoke(key.id, keys.clock.now_ms()));
  EXPECT_EQ(keys.authenticate(key.token).state, AuthState::kAuthenticated);
  keys.authenticator.evict(key.id);
  EXPECT_EQ(keys.authenticate(key.token).state, AuthState::kRevoked);
}

TEST(KeyManager, what_is_no_id_is_not_found) {
  KeyFixture keys;
  const MadeKey key = keys.make({Role::kQuery});
  (void)keys.audit.take();
  EXPECT_CODE(keys.manager.revoke({"cli"}, test::with_other_character(key.id, 20)), ErrorCode::kNotFound);
  for (const std::string& text : {std::string(), key.token, key.id.substr(4), std::string(100'000, '\n')}) {
    EXPECT_CODE(keys.manager.revoke({"cli"}, text), ErrorCode::kNotFound);
  }
  const auto events = keys.audit.take();
  ASSERT_EQ(events.size(), 5U);
  EXPECT_EQ(events[2].target, "") << "what was sent is not repeated";
  EXPECT_EQ(keys.authenticate(key.token).state, AuthState::kAuthenticated);
}

TEST(KeyManager, a_revocation_that_failed_leaves_nothing_to_memory) {
  KeyFixture keys;
  const MadeKey key = keys.make({Role::kQuery});
  ASSERT_EQ(keys.authenticate(key.token).state, AuthState::kAuthenticated);
  keys.store.fail_with(io_error("the sync failed"), true);
  EXPECT_CODE(keys.manager.revoke({"cli"}, key.id), ErrorCode::kIoError);
  EXPECT_EQ(keys.authenticate(key.token).state, AuthState::kUnavailable);
  keys.store.fail_with(ok_status());
  EXPECT_EQ(keys.authenticate(key.token).state, AuthState::kRevoked) << "the commit had happened";
}

TEST(KeyManager, no_key_comes_out_of_a_failure) {
  KeyFixture keys;
  keys.store.fail_with(Status(ErrorCode::kDiskFull, "full"));
  EXPECT_CODE(keys.manager.create({"cli"}, {"a", {Role::kQuery}}), ErrorCode::kDiskFull);
  EXPECT_CODE(keys.manager.bootstrap_admin_key(), ErrorCode::kDiskFull);
  EXPECT_CODE(keys.manager.list({"cli"}), ErrorCode::kDiskFull);
  keys.store.fail_with(ok_status());
  keys.random.fail_with(io_error("no random bytes"));
  EXPECT_CODE(keys.manager.create({"cli"}, {"a", {Role::kQuery}}), ErrorCode::kIoError);
  EXPECT_EQ(keys.store.list()->size(), 0U);
}

TEST(KeyManager, bootstraps_only_where_no_unrevoked_key_is) {
  KeyFixture keys;
  const auto first = keys.manager.bootstrap_admin_key();
  ASSERT_OK(first);
  ASSERT_TRUE(first->has_value());
  const std::string token((*first)->token.view());
  EXPECT_EQ(to_string(keys.authenticate(token).principal->roles), "query,ingest,admin");
  EXPECT_TRUE(keys.authenticate(token).principal->scope.is_everything());
  (void)keys.audit.take();
  const auto second = keys.manager.bootstrap_admin_key();
  ASSERT_OK(second);
  EXPECT_FALSE(second->has_value());
  EXPECT_TRUE(keys.audit.take().empty()) << "nothing was done";
  ASSERT_OK(keys.manager.revoke({"cli"}, (*first)->record.id));
  const auto third = keys.manager.bootstrap_admin_key();
  ASSERT_OK(third);
  ASSERT_TRUE(third->has_value());
  EXPECT_NE((*third)->record.id, (*first)->record.id);
}

TEST(KeyManager, has_a_cap_on_unrevoked_keys) {
  KeyFixture keys;
  KeyRecord record;
  for (std::size_t i = 0; i + 1 < limits::kKeysMax; ++i) {
    record.id = "vbk_" + std::to_string(i);
    ASSERT_OK(keys.store.insert(record));
  }
  record.id = "vbk_revoked";
  record.revoked_at_ms = 1;
  ASSERT_OK(keys.store.insert(record));
  const MadeKey last = keys.make({Role::kQuery});
  EXPECT_CODE(keys.manager.create({"cli"}, {"past", {Role::kQuery}}), ErrorCode::kConflict);
  ASSERT_OK(keys.manager.revoke({"cli"}, last.id));
  EXPECT_OK(keys.manager.create({"cli"}, {"again", {Role::kQuery}}));
}

TEST(KeyManager, every_call_leaves_an_audit_row) {
  KeyFixture keys;
  const Caller caller{"vbk_admin", "request-1", "127.0.0.1:7"};
  const auto created = keys.manager.create(caller, {"a", {Role::kQuery}});
  ASSERT_OK(created);
  EXPECT_CODE(keys.manager.create(caller, {"", {Role::kQuery}}), ErrorCode::kInvalidArgument);
  EXPECT_OK(keys.manager.list(caller));
  EXPECT_OK(keys.manager.revoke(caller, created->record.id));
  const auto events = keys.audit.take();
  ASSERT_EQ(events.size(), 4U);
  const auto expect = [&](std::size_t i, const std::string& action, const std::string& target, ErrorCode outcome) {
    EXPECT_EQ(events[i].action, action);
    EXPECT_EQ(events[i].target, target);
    EXPECT_EQ(events[i].outcome, outcome);
    EXPECT_EQ(events[i].actor, "vbk_admin");
    EXPECT_EQ(events[i].request_id, "request-1");
    EXPECT_EQ(events[i].client, "127.0.0.1:7");
    EXPECT_EQ(events[i].time_ms, keys.clock.now_ms());
    EXPECT_EQ(events[i].detail.find(created->token.view().substr(kKeyIdBytes + 1)), std::string::npos);
  };
  expect(0, "keys.create", created->record.id, ErrorCode::kOk);
  expect(1, "keys.create", "", ErrorCode::kInvalidArgument);
  expect(2, "keys.list", "", ErrorCode::kOk);
  expect(3, "keys.revoke", created->record.id, ErrorCode::kOk);
}

}  // namespace
}  // namespace vibrato::auth
