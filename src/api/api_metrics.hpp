// The counters that the routes themselves keep, and the latency of each route. What is known to the engine alone is
// the engine's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "api/request.hpp"
#include "api/route_table.hpp"
#include "base/metrics.hpp"

namespace vibrato::api {

// Thread-safety: constant references to instruments that may be used from many threads at once.
struct ApiMetrics {
  explicit ApiMetrics(MetricsRegistry& registry);

  Counter& queries;               // Searches answered.
  Counter& identifies;            // Identifications answered.
  Counter& ingested;              // Points written.
  Counter& auth_failures;         // 401 and 403.
  Counter& audit_failures;        // Audit rows that could not be written.
  Counter& quarantine_evictions;  // The engine's, as the next; shown in the stats of /v2.
  Counter& catalog_read_timeouts;
  Histogram& query_latency_us;
};

// Requests and their latency by route pattern and method, for HttpServerOptions::on_request.
// Thread-safety: observe() may be called from many threads at once.
class RouteMetrics {
 public:
  // Registers one histogram a route of `table`. `registry` outlives it.
  RouteMetrics(MetricsRegistry& registry, const RouteTable& table);

  // `pattern` is that of the matched route, empty if there is none.
  void observe(Method method, std::string_view pattern, int status, std::int64_t duration_ns) const;

 private:
  static constexpr std::size_t kMethods = static_cast<std::size_t>(Method::kOther) + 1;
  static constexpr std::size_t kStatusClasses = 6;
  using ByMethod = std::array<Histogram*, kMethods>;

  std::map<std::string, ByMethod, std::less<>> latency_;    // By pattern.
  std::array<Counter*, kStatusClasses> by_status_class_{};  // 2 for 2xx, ...
};

}  // namespace vibrato::api
