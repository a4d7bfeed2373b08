// Requests on many threads while keys are made and revoked: after revoke() has returned, no request with that key that
// begins is let in, and no other key is ever refused.
#include <atomic>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

#include "support/key_fixture.hpp"

namespace vibrato::auth {
namespace {

using test::KeyFixture;
using test::MadeKey;

struct RevokedKey {
  MadeKey key;
  std::atomic<bool> is_revoked{false};  // Set after revoke() returned.
};

// Authenticates with each key in turn until `stop`; returns how often a revoked key was let in or a good one refused.
int wrong_answers(KeyFixture& keys, std::vector<RevokedKey>& revoked, const MadeKey& kept, std::atomic<bool>& stop) {
  int wrong = 0;
  while (!stop.load()) {
    for (RevokedKey& one : revoked) {
      const bool was_revoked = one.is_revoked.load();
      const AuthState state = keys.authenticate(one.key.token).state;
      const bool fits = was_revoked ? state == AuthState::kRevoked
                                    : state == AuthState::kRevoked || state == AuthState::kAuthenticated;
      wrong += fits ? 0 : 1;
    }
    wrong += keys.authenticate(kept.token).state == AuthState::kAuthenticated ? 0 : 1;
  }
  return wrong;
}

// With room for few keys, entries leave and come back all the time.
void revoke_under_load(std::size_t verified_max) {
  KeyFixture keys(verified_max);
  const MadeKey kept = keys.make({Role::kQuery});
  std::vector<RevokedKey> revoked(60);
  for (RevokedKey& one : revoked) {
    one.key = keys.make({Role::kQuery});
  }
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] { wrong += wrong_answers(keys, revoked, kept, stop); });
  }
  for (RevokedKey& one : revoked) {
    EXPECT_OK(keys.manager.revoke({"test"}, one.key.id));
    one.is_revoked.store(true);
    EXPECT_EQ(keys.authenticate(one.key.token).state, AuthState::kRevoked);
    EXPECT_EQ(keys.authenticate(keys.make({Role::kIngest}).token).state, AuthState::kAuthenticated);
  }
  stop.store(true);
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(wrong, 0);
}

TEST(KeyRevocation, holds_from_the_moment_that_it_is_answered) {
  revoke_under_load(limits::kVerifiedKeysMax);
}

TEST(KeyRevocation, holds_while_keys_come_and_go_in_a_small_cache) {
  revoke_under_load(16);
}

TEST(KeyRevocation, a_bootstrap_on_many_threads_makes_one_key) {
  KeyFixture keys;
  std::atomic<int> made{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      const auto created = keys.manager.bootstrap_admin_key();
      made += created.ok() && created->has_value() ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(made, 1);
}

}  // namespace
}  // namespace vibrato::auth
