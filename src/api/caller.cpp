#include "api/caller.hpp"

#include <string>

namespace vibrato::api {

const auth::Principal* principal_of(const Request& request) {
  return static_cast<const auth::Principal*>(request.principal.get());
}

auth::PrincipalPtr shared_principal_of(const Request& request) {
  return std::static_pointer_cast<const auth::Principal>(request.principal);
}

bool may_see(const auth::Principal* principal, std::string_view collection) {
  return principal == nullptr || principal->scope.allows(collection);
}

auth::Caller caller_of(const Request& request) {
  const auth::Principal* const principal = principal_of(request);
  return {.actor = principal == nullptr ? "no-auth" : principal->key_id,
          .request_id = std::string(request.request_id),
          .client = std::string(request.client_address)};
}

}  // namespace vibrato::api
