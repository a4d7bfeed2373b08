// Tells from the headers of a request who sent it. Runs for every request, on the I/O threads, before the body is read:
// a token that was verified before costs one SHA-256 and one short lock; the store is asked on the first request with a
// token and after an eviction only.
//
// What it promises:
//   - a secret is looked at before anything about its key is told: "revoked" and "expired" are answers to the holder of
//     the right secret only;
//   - an unknown id and a wrong secret take the same work, so that time does not tell which ids exist;
//   - expiry is judged on every request; once evict(id) has returned, the store is asked again;
//   - a store that cannot answer lets nobody in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vibrato/status.hpp>

#include "auth/credentials.hpp"
#include "auth/key_store.hpp"
#include "auth/principal.hpp"
#include "auth/secret_hash.hpp"
#include "auth/verified_keys.hpp"
#include "base/limits.hpp"

namespace vibrato::auth {

enum class AuthState : std::uint8_t {
  kAuthenticated,
  kMissing,      // Neither header.
  kGarbled,      // What is there is no token.
  kUnknown,      // No key has this id.
  kWrongSecret,  // The key exists, its secret is another.
  kRevoked,
  kExpired,
  kUnavailable,  // The store failed.
};

// "authenticated", "missing", ...: for audit rows and metrics, not for clients.
[[nodiscard]] std::string_view to_string(AuthState state);

// The answer of the /v1 routes. kUnauthenticated with the same message for kUnknown and kWrongSecret; kInternal for
// kUnavailable; ok for kAuthenticated.
[[nodiscard]] Status to_status(AuthState state);

struct Authentication {
  AuthState state = AuthState::kMissing;
  PrincipalPtr principal;  // Not null if and only if the state is kAuthenticated.
  std::string key_id;      // The id that was presented, for the audit, if a token was not accepted; not proven.
  Status store_error;      // Why, if the state is kUnavailable; for the log.
};

// Thread-safety: all methods may be called from many threads at once.
class Authenticator {
 public:
  // `store` and `pepper` must outlive it.
  Authenticator(KeyStore& store, const Pepper& pepper, std::size_t verified_max = limits::kVerifiedKeysMax);

  [[nodiscard]] Authentication authenticate(const Credentials& credentials, std::int64_t now_ms);

  // The present state of a key that was accepted earlier, for a stream that lives longer than a request. Asks the
  // store. One of kAuthenticated, kUnknown, kRevoked, kExpired, kUnavailable.
  [[nodiscard]] AuthState recheck(const Principal& principal, std::int64_t now_ms);

  // Another number after each evict(), which every revocation calls.
  [[nodiscard]] std::uint64_t epoch() const { return verified_.epoch(); }

  // Forgets what was verified of a key. To be called after a revocation is committed, before it is answered.
  void evict(std::string_view key_id) { verified_.evict(key_id); }

 private:
  Authentication verify_by_store(std::string_view id, std::string_view secret, const Digest& token_digest,
                                 std::int64_t now_ms);

  KeyStore& store_;
  SecretHasher hasher_;
  Sha256 sha256_;
  VerifiedKeys verified_;
};

}  // namespace vibrato::auth
