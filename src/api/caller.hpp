// Who asks: the principal that the authorizer left in a request, as handlers use it.
#pragma once

#include <string_view>

#include "api/request.hpp"
#include "auth/key_manager.hpp"
#include "auth/principal.hpp"

namespace vibrato::api {

// Null on public routes, and where no keys are asked for.
[[nodiscard]] const auth::Principal* principal_of(const Request& request);

// The same, to be kept longer than the request.
[[nodiscard]] auth::PrincipalPtr shared_principal_of(const Request& request);

// Whether lists show the collection to who asks.
[[nodiscard]] bool may_see(const auth::Principal* principal, std::string_view collection);

// For the audit: the key's id, or "no-auth".
[[nodiscard]] auth::Caller caller_of(const Request& request);

}  // namespace vibrato::api
