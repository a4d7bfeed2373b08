// The gate in front of every route that is not public: authenticates, authorizes, and leaves an audit row of each
// denial. The server calls it once a request, after the head and before the body, with what the matched route needs.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vibrato/status.hpp>

#include "auth/audit.hpp"
#include "auth/authenticator.hpp"
#include "auth/authorize.hpp"
#include "auth/lasting_access.hpp"

namespace vibrato::auth {

// What is being asked for, as the audit names it.
struct AccessAttempt {
  Credentials credentials;
  Access access;
  std::string_view action;  // Method and pattern of the route, never its raw path.
  std::string_view request_id;
  std::string_view client;  // The address that the request came from.
  std::int64_t now_ms = 0;
  ErrorCode code_of_revoked = ErrorCode::kUnauthenticated;  // What this surface answers to a revoked key.
};

struct Admission {
  Status status;           // Ok, kUnauthenticated, kForbidden, or kInternal when the store failed.
  AuthState state;         // For surfaces that name what is wrong with a key.
  PrincipalPtr principal;  // Not null if and only if the status is ok.
};

// Thread-safety: all methods may be called from many threads at once.
class AccessGuard {
 public:
  // Both must outlive it.
  AccessGuard(Authenticator& authenticator, AuditLog& audit) : authenticator_(authenticator), audit_(audit) {}

  [[nodiscard]] Admission admit(const AccessAttempt& attempt);

  // For an answer that goes on after its request; `principal` is the one that was let in, or null. Must not outlive
  // the guard's authenticator.
  [[nodiscard]] LastingAccess lasting(PrincipalPtr principal) { return {authenticator_, std::move(principal)}; }

 private:
  Authenticator& authenticator_;
  AuditLog& audit_;
};

}  // namespace vibrato::auth
