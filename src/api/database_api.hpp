// The routes of the database: /v1/vector, /v1/admin, health and metrics, the /v2 adapter, description and pages.
// One file a group of routes (docs/ARCHITECTURE.md); this is the table they all go into.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vibrato/metric.hpp>

#include "api/route_table.hpp"
#include "base/clock.hpp"
#include "base/limits.hpp"
#include "base/metrics.hpp"
#include "engine/database.hpp"

namespace vibrato::api {

struct DatabaseApiOptions {
  std::uint32_t dim_max = limits::kDimDefaultMax;
  std::uint32_t search_k_max = limits::kSearchKDefaultMax;
  std::size_t body_bytes_max = limits::kBodyBytesDefault;
  std::uint64_t inline_search_us = 2000;  // Searches estimated above it leave the I/O thread.

  bool no_auth = false;         // No key is asked for, on any route.
  bool public_metrics = false;  // Else for admins.
  bool public_health = true;    // Of /v2, else for queries; that of /v1 is always public.

  std::string v2_collection = "default";     // What /v2 speaks to; made by its first write if it is missing.
  std::optional<std::uint32_t> v2_dim = {};  // Of that collection when it is made; nothing: as the first vector.
  Metric v2_metric = Metric::kDot;
};

// The table, with its authorizer. `database`, `metrics` and `clock` outlive it.
[[nodiscard]] RouteTable make_database_routes(engine::Database& database, MetricsRegistry& metrics, const Clock& clock,
                                              const DatabaseApiOptions& options);

}  // namespace vibrato::api
