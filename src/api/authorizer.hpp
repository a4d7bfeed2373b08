// The gate in front of the routes: hands the credentials of a request and the needs of its route to auth::AccessGuard.
#pragma once

#include "api/route_table.hpp"
#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "engine/database.hpp"

namespace vibrato::api {

// Sets Request::principal to an auth::Principal. Under /v2 a revoked key is kForbidden, and denials carry the codes
// that its clients know. Counts denials in `failures`. All outlive it.
[[nodiscard]] Authorizer make_authorizer(engine::Database& database, const Clock& clock, Counter& failures);

}  // namespace vibrato::api
