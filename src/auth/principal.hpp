// Who a request comes from, once its key is verified: what handlers, lists and streams need to know of the key.
// Only the authenticator makes one; immutable and shared by all requests with the same key.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "auth/roles.hpp"
#include "auth/scope.hpp"

namespace vibrato::auth {

struct Principal {
  std::string key_id;
  std::string name;
  RoleSet roles;
  Scope scope;
  std::optional<std::int64_t> expires_at_ms;
};

using PrincipalPtr = std::shared_ptr<const Principal>;

}  // namespace vibrato::auth
