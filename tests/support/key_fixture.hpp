// Keys, and everything around them, in memory: what a test of authentication starts from.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "auth/access_guard.hpp"
#include "auth/key_manager.hpp"
#include "support/fake_clock.hpp"
#include "support/made_random_source.hpp"
#include "support/memory_key_store.hpp"
#include "support/recorded_audit.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::test {

struct MadeKey {
  std::string id;
  std::string token;
};

struct KeyFixture {
  explicit KeyFixture(std::size_t verified_max = limits::kVerifiedKeysMax)
      : pepper(auth::Pepper::from_text("a-pepper-that-only-the-tests-know").value()),
        authenticator(store, pepper, verified_max),
        guard(authenticator, audit),
        manager({store, authenticator, pepper, random, clock, audit}) {}

  MadeKey make(auth::RoleSet roles, auth::Scope scope = {}, std::optional<std::int64_t> expires_at_ms = std::nullopt) {
    auto created = manager.create({"test"}, {"made", roles, std::move(scope), expires_at_ms});
    EXPECT_OK(created);
    return {created->record.id, std::string(created->token.view())};
  }

  auth::Authentication authenticate(const std::string& token) {
    const std::string value = "Bearer " + token;
    return authenticator.authenticate({value, std::nullopt}, clock.now_ms());
  }

  MemoryKeyStore store;
  MadeRandomSource random;
  FakeClock clock;
  RecordedAudit audit;
  auth::Pepper pepper;
  auth::Authenticator authenticator;
  auth::AccessGuard guard;
  auth::KeyManager manager;
};

// The same text with another character at `at`, of the alphabet of ids and secrets.
inline std::string with_other_character(std::string text, std::size_t at) {
  text[at] = text[at] == '0' ? '1' : '0';
  return text;
}

}  // namespace vibrato::test
