// An API key as it is stored. The secret itself is nowhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "auth/crypto.hpp"
#include "auth/roles.hpp"
#include "auth/scope.hpp"

namespace vibrato::auth {

// Times are milliseconds since 1970-01-01 UTC.
struct KeyRecord {
  std::string id;  // As is_key_id (auth/api_token.hpp) wants it.
  std::string name;
  Digest secret_hash{};  // auth/secret_hash.hpp.
  RoleSet roles;
  Scope scope;
  std::int64_t created_at_ms = 0;
  std::optional<std::int64_t> expires_at_ms;  // Valid before this moment, no longer at it.
  std::optional<std::int64_t> revoked_at_ms;

  [[nodiscard]] bool is_revoked() const { return revoked_at_ms.has_value(); }
  [[nodiscard]] bool is_expired(std::int64_t now_ms) const { return expires_at_ms && now_ms >= *expires_at_ms; }

  friend bool operator==(const KeyRecord&, const KeyRecord&) = default;
};

}  // namespace vibrato::auth
