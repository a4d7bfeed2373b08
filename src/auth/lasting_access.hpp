// Whether a key that was let in still would be: for answers that live longer than their request, as streams do.
//
// Once a revocation is answered, holds() is false, whatever ran beside it: a revocation raises the epoch behind its
// commit, and the first holds() asks the store in any case, so that none is missed between the request and it.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "auth/authenticator.hpp"
#include "auth/principal.hpp"

namespace vibrato::auth {

// Thread-safety: one thread at a time.
class LastingAccess {
 public:
  // `principal` may be null, where no keys are asked for: it holds always. `authenticator` must outlive it.
  LastingAccess(Authenticator& authenticator, PrincipalPtr principal)
      : authenticator_(authenticator), principal_(std::move(principal)) {}

  // The state of the key now. Asks the store on the first call and after each revocation of any key; else it compares
  // two numbers. A store that cannot answer lets nobody in here either.
  [[nodiscard]] AuthState check(std::int64_t now_ms);
  [[nodiscard]] bool holds(std::int64_t now_ms) { return check(now_ms) == AuthState::kAuthenticated; }

 private:
  Authenticator& authenticator_;
  const PrincipalPtr principal_;
  std::optional<std::uint64_t> checked_epoch_;
};

}  // namespace vibrato::auth
