#include "api/authorizer.hpp"

#include <string_view>
#include <vibrato/check.hpp>

#include "auth/access_guard.hpp"

namespace vibrato::api {
namespace {

auth::Role needed_role(Role role) {
  switch (role) {
    case Role::kQuery:
      return auth::Role::kQuery;
    case Role::kIngest:
      return auth::Role::kIngest;
    case Role::kPublic:
    case Role::kAdmin:
      break;
  }
  return auth::Role::kAdmin;
}

auth::Access needed_access(const Request& request, const Route& route) {
  auth::Access access{.role = needed_role(route.role)};
  switch (route.reach) {
    case Reach::kWholeDatabase:
      break;
    case Reach::kVisibleCollections:
      access.reach = auth::Reach::kVisibleCollections;
      break;
    case Reach::kOneCollection:
      access.reach = auth::Reach::kOneCollection;
      VIBRATO_CHECK(!route.collection.empty() || !request.path_parameters.empty());
      access.collection = route.collection.empty() ? std::string_view(request.path_parameters.front().value)
                                                   : std::string_view(route.collection);
      break;
  }
  return access;
}

std::string_view v2_code(auth::AuthState state) {
  switch (state) {
    case auth::AuthState::kMissing:
      return "missing_authorization";
    case auth::AuthState::kGarbled:
    case auth::AuthState::kUnknown:
    case auth::AuthState::kWrongSecret:
    case auth::AuthState::kExpired:
      return "invalid_authorization";
    case auth::AuthState::kUnavailable:
      return "auth_internal";
    case auth::AuthState::kAuthenticated:
    case auth::AuthState::kRevoked:
      break;
  }
  return "forbidden";
}

bool is_v2(const Route& route) {
  return route.pattern.starts_with("/v2/");
}

Status denial(const auth::Admission& admission, const Route& route, Reply& reply) {
  if (is_v2(route)) {
    reply.error_code = v2_code(admission.state);
  }
  if (admission.status.code() == ErrorCode::kUnauthenticated) {
    reply.headers.emplace_back("WWW-Authenticate", "Bearer");
  }
  return admission.status;
}

}  // namespace

Authorizer make_authorizer(engine::Database& database, const Clock& clock, Counter& failures) {
  return [&database, &clock, &failures](Request& request, const Route& route, Reply& reply) -> Status {
    const auth::Admission admission = database.guard().admit(
        {.credentials = {.authorization = request.header("Authorization"), .api_key = request.header("x-api-key")},
         .access = needed_access(request, route),
         .action = route.label,
         .request_id = request.request_id,
         .client = request.client_address,
         .now_ms = clock.now_ms(),
         .code_of_revoked = is_v2(route) ? ErrorCode::kForbidden : ErrorCode::kUnauthenticated});
    if (!admission.status.ok()) {
      failures.add();
      return denial(admission, route, reply);
    }
    request.principal = admission.principal;
    return ok_status();
  };
}

}  // namespace vibrato::api
