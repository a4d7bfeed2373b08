// The answer of the metrics routes, for /v1 and /v2.
#pragma once

#include "api/api_context.hpp"
#include "api/reply.hpp"

namespace vibrato::api {

// Prometheus text: the registry, and what there is one of a collection.
[[nodiscard]] Status write_metrics(const ApiContext& context, Reply& reply);

}  // namespace vibrato::api
