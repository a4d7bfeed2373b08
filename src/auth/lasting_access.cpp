#include "auth/lasting_access.hpp"

namespace vibrato::auth {

AuthState LastingAccess::check(std::int64_t now_ms) {
  if (principal_ == nullptr) {
    return AuthState::kAuthenticated;
  }
  const std::uint64_t epoch = authenticator_.epoch();  // Before the store is read.
  if (checked_epoch_ != epoch) {
    const AuthState state = authenticator_.recheck(*principal_, now_ms);
    if (state != AuthState::kAuthenticated) {
      return state;
    }
    checked_epoch_ = epoch;
  }
  const bool is_over = principal_->expires_at_ms.has_value() && now_ms >= *principal_->expires_at_ms;
  return is_over ? AuthState::kExpired : AuthState::kAuthenticated;
}

}  // namespace vibrato::auth
