// Every state of a key, with every set of roles and every scope, against every kind of route.
#include "auth/access_guard.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "auth/api_token.hpp"
#include "support/key_fixture.hpp"

namespace vibrato::auth {
namespace {

using test::KeyFixture;
using test::MadeKey;
using test::with_other_character;

const RoleSet kRoleSets[] = {{Role::kQuery},
                             {Role::kIngest},
                             {Role::kQuery, Role::kIngest},
                             {Role::kAdmin},
                             {Role::kQuery, Role::kIngest, Role::kAdmin}};

const Access kAccesses[] = {
    {Role::kQuery, Reach::kOneCollection, "songs"},  {Role::kQuery, Reach::kOneCollection, "other"},
    {Role::kIngest, Reach::kOneCollection, "songs"}, {Role::kIngest, Reach::kOneCollection, "other"},
    {Role::kAdmin, Reach::kOneCollection, "songs"},  {Role::kAdmin, Reach::kOneCollection, "other"},
    {Role::kQuery, Reach::kVisibleCollections, ""},  {Role::kIngest, Reach::kVisibleCollections, ""},
    {Role::kAdmin, Reach::kVisibleCollections, ""},  {Role::kQuery, Reach::kWholeDatabase, ""},
    {Role::kIngest, Reach::kWholeDatabase, ""},      {Role::kAdmin, Reach::kWholeDatabase, ""},
};

// What the contract says, written apart from the code under test.
ErrorCode expected(const RoleSet& roles, bool is_limited, const Access& access) {
  const bool has_role = roles.contains(access.role) || roles.contains(Role::kAdmin);
  const bool is_songs = access.collection == "songs";
  const bool in_scope =
      !is_limited || access.reach == Reach::kVisibleCollections || (access.reach == Reach::kOneCollection && is_songs);
  return has_role && in_scope ? ErrorCode::kOk : ErrorCode::kForbidden;
}

// The states of a key that end before roles and scope are looked at. `prepare` may change the key behind the token.
struct RefusedState {
  AuthState state;
  Credentials (*present)(KeyFixture& keys, const MadeKey& key, std::string& storage);
};

const RefusedState kRefusedStates[] = {
    {AuthState::kMissing, [](KeyFixture&, const MadeKey&, std::string&) { return Credentials{}; }},
    {AuthState::kGarbled,
     [](KeyFixture&, const MadeKey& key, std::string& storage) {
       storage = "Bearer " + key.token + "x";
       return Credentials{storage, std::nullopt};
     }},
    {AuthState::kUnknown,
     [](KeyFixture&, const MadeKey& key, std::string& storage) {
       storage = "Bearer " + with_other_character(key.token, 10);
       return Credentials{storage, std::nullopt};
     }},
    {AuthState::kWrongSecret,
     [](KeyFixture&, const MadeKey& key, std::string& storage) {
       storage = with_other_character(key.token, kApiTokenBytes - 2);
       return Credentials{std::nullopt, storage};
     }},
    {AuthState::kRevoked,
     [](KeyFixture& keys, const MadeKey& key, std::string& storage) {
       EXPECT_OK(keys.manager.revoke({"test"}, key.id));
       storage = "Bearer " + key.token;
       return Credentials{storage, std::nullopt};
     }},
    {AuthState::kExpired,
     [](KeyFixture& keys, const MadeKey& key, std::string& storage) {
       keys.clock.advance_ms(1000);
       storage = key.token;
       return Credentials{std::nullopt, storage};
     }},
};

AccessAttempt attempt(KeyFixture& keys, const Credentials& credentials, const Access& access) {
  return {credentials, access, "POST /v1/vector/{c}/search", "request-7", "127.0.0.1:7", keys.clock.now_ms()};
}

Scope scope_of(bool is_limited) {
  return is_limited ? Scope::only({"docs", "songs"}).value() : Scope();
}

TEST(AccessGuard, valid_keys_are_let_in_where_role_and_scope_allow_it) {
  KeyFixture keys;
  for (const RoleSet& roles : kRoleSets) {
    for (const bool is_limited : {false, true}) {
      const MadeKey key = keys.make(roles, scope_of(is_limited), keys.clock.now_ms() + 1000);
      const std::string bearer = "bearer " + key.token;
      (void)keys.audit.take();
      for (const Access& access : kAccesses) {
        SCOPED_TRACE(to_string(roles) + (is_limited ? ", limited, " : ", ") + std::string(to_string(access.role)) +
                     " " + std::to_string(static_cast<int>(access.reach)) + " " + std::string(access.collection));
        const Admission admission = keys.guard.admit(attempt(keys, {bearer, std::nullopt}, access));
        EXPECT_CODE(admission.status, expected(roles, is_limited, access));
        EXPECT_EQ(admission.state, AuthState::kAuthenticated);
        ASSERT_EQ(admission.principal != nullptr, admission.status.ok());
        const auto events = keys.audit.take();
        ASSERT_EQ(events.size(), admission.status.ok() ? 0U : 1U);
        if (!events.empty()) {
          EXPECT_EQ(events[0].actor, key.id);
          EXPECT_EQ(events[0].outcome, ErrorCode::kForbidden);
        }
      }
    }
  }
}

TEST(AccessGuard, every_other_state_of_a_key_is_refused_before_role_and_scope) {
  for (const RefusedState& refused : kRefusedStates) {
    for (const RoleSet& roles : kRoleSets) {
      for (const bool is_limited : {false, true}) {
        SCOPED_TRACE(std::string(to_string(refused.state)) + ", " + to_string(roles) + (is_limited ? ", limited" : ""));
        KeyFixture keys;
        const MadeKey key = keys.make(roles, scope_of(is_limited), keys.clock.now_ms() + 1000);
        // Verified before, so that what is remembered of it must not help.
        ASSERT_EQ(keys.authenticate(key.token).state, AuthState::kAuthenticated);
        std::string storage;
        const Credentials credentials = refused.present(keys, key, storage);
        (void)keys.audit.take();
        for (const Access& access : kAccesses) {
          const Admission admission = keys.guard.admit(attempt(keys, credentials, access));
          EXPECT_CODE(admission.status, ErrorCode::kUnauthenticated);
          EXPECT_EQ(admission.state, refused.state);
          EXPECT_EQ(admission.principal, nullptr);
        }
        const auto events = keys.audit.take();
        ASSERT_EQ(events.size(), std::size(kAccesses));
        EXPECT_EQ(events[0].detail, to_string(refused.state));
        EXPECT_EQ(events[0].action, "POST /v1/vector/{c}/search");
        EXPECT_EQ(events[0].request_id, "request-7");
        EXPECT_EQ(events[0].client, "127.0.0.1:7");
        EXPECT_EQ(events[0].time_ms, keys.clock.now_ms());
      }
    }
  }
}

TEST(AccessGuard, no_audit_row_and_no_message_holds_a_secret) {
  KeyFixture keys;
  const MadeKey key = keys.make({Role::kQuery});
  const std::string secret = key.token.substr(kKeyIdBytes + 1);
  const std::string part = secret.substr(0, 20);
  const std::string wrong = with_other_character(key.token, kApiTokenBytes - 1);
  for (const std::string& value :
       {"Bearer " + wrong, "Bearer " + secret, "Bearer " + key.token, "Basic " + key.token}) {
    const Admission admission =
        keys.guard.admit(attempt(keys, {value, std::nullopt}, {Role::kAdmin, Reach::kWholeDatabase}));
    EXPECT_EQ(admission.status.message().find(part), std::string::npos);
  }
  for (const AuditEvent& event : keys.audit.take()) {
    for (const std::string& text : {event.actor, event.action, event.target, event.detail, event.request_id}) {
      EXPECT_EQ(text.find(part), std::string::npos) << text;
    }
  }
}

TEST(AccessGuard, a_failing_store_is_an_internal_error_that_the_audit_explains_and_the_client_does_not_see) {
  KeyFixture keys;
  const MadeKey key = keys.make({Role::kAdmin});
  (void)keys.audit.take();
  keys.store.fail_with(io_error("disk /dev/sda is gone"));
  const Admission admission = keys.guard.admit(attempt(keys, {std::nullopt, key.token}, {Role::kQuery}));
  EXPECT_CODE(admission.status, ErrorCode::kInternal);
  EXPECT_EQ(admission.status.message().find("sda"), std::string::npos);
  const auto events = keys.audit.take();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].detail, "unavailable: disk /dev/sda is gone");
}

TEST(Authorize, says_what_is_missing) {
  const Principal limited{"vbk_1", "name", {Role::kQuery}, scope_of(true), std::nullopt};
  EXPECT_EQ(authorize(limited, {Role::kIngest, Reach::kOneCollection, "songs"}).message(),
            "this needs the role ingest; the key has query");
  EXPECT_EQ(authorize(limited, {Role::kQuery, Reach::kOneCollection, "other"}).message(),
            "the key is limited to other collections");
  EXPECT_EQ(authorize(limited, {Role::kQuery, Reach::kWholeDatabase}).message(),
            "the key is limited to collections, and this reaches beyond them");
}

}  // namespace
}  // namespace vibrato::auth
