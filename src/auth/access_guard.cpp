#include "auth/access_guard.hpp"

#include <string>
#include <utility>

namespace vibrato::auth {

Admission AccessGuard::admit(const AccessAttempt& attempt) {
  Authentication who = authenticator_.authenticate(attempt.credentials, attempt.now_ms);
  Status status = who.principal ? authorize(*who.principal, attempt.access) : to_status(who.state);
  if (who.state == AuthState::kRevoked) {
    status = Status(attempt.code_of_revoked, status.message());
  }
  if (status.ok()) {
    return {ok_status(), who.state, std::move(who.principal)};
  }
  AuditEvent event;
  event.time_ms = attempt.now_ms;
  event.actor = who.principal ? who.principal->key_id : who.key_id;
  event.client = attempt.client;
  event.action = attempt.action;
  event.outcome = status.code();
  event.detail = who.principal ? status.message() : std::string(to_string(who.state));
  if (!who.store_error.ok()) {
    event.detail += ": " + who.store_error.message();
  }
  event.request_id = attempt.request_id;
  audit_.record(event);
  return {std::move(status), who.state, nullptr};
}

}  // namespace vibrato::auth
