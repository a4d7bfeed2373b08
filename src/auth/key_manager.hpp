// Makes, revokes and lists keys: what the admin routes and the key commands call. Every call leaves an audit row,
// refused ones too.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "auth/audit.hpp"
#include "auth/authenticator.hpp"
#include "auth/key_store.hpp"
#include "auth/random_source.hpp"
#include "auth/secret_hash.hpp"
#include "auth/secret_string.hpp"
#include "base/clock.hpp"

namespace vibrato::auth {

// On whose behalf, for the audit.
struct Caller {
  std::string actor;  // A key id, or "cli".
  std::string request_id = {};
  std::string client = {};  // The network address.
};

struct KeyRequest {
  std::string name;
  RoleSet roles;
  Scope scope = {};
  std::optional<std::int64_t> expires_at_ms = std::nullopt;
};

struct CreatedKey {
  KeyRecord record;
  SecretString token;  // To be shown once; nothing keeps it.
};

// Thread-safety: all methods may be called from many threads at once; those that write run one after another.
class KeyManager {
 public:
  // What it works on; all must outlive it.
  struct Parts {
    KeyStore& store;
    Authenticator& authenticator;
    const Pepper& pepper;
    RandomSource& random;
    const Clock& clock;
    AuditLog& audit;
  };

  explicit KeyManager(const Parts& parts) : parts_(parts), hasher_(parts.pepper) {}

  // The key is durable when it is returned. Errors: kInvalidArgument naming the field; kConflict past
  // limits::kKeysMax unrevoked keys; those of the store.
  [[nodiscard]] Result<CreatedKey> create(const Caller& caller, const KeyRequest& request);

  // When it returns ok the revocation is durable and no request with the key is accepted any more. Ok also for a key
  // that was revoked before. Errors: kNotFound; those of the store: then it is unknown whether the key is revoked.
  [[nodiscard]] Status revoke(const Caller& caller, std::string_view key_id);

  // As KeyStore::list.
  [[nodiscard]] Result<std::vector<KeyRecord>> list(const Caller& caller);

  // A key with every role if there is no unrevoked key, nothing otherwise. For the start of a server that was asked for
  // it.
  [[nodiscard]] Result<std::optional<CreatedKey>> bootstrap_admin_key();

 private:
  // Require mutex_.
  Result<CreatedKey> insert_new(const KeyRequest& request);
  Result<std::size_t> count_unrevoked();

  Status check(const KeyRequest& request) const;
  void record(const Caller& caller, std::string_view action, std::string_view target, const Status& status);

  Parts parts_;
  SecretHasher hasher_;
  std::mutex mutex_;  // Held by those that write, so that a cap or an emptiness that was checked still holds.
};

}  // namespace vibrato::auth
