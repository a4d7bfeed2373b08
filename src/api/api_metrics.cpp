#include "api/api_metrics.hpp"

#include <array>
#include <fmt/format.h>

namespace vibrato::api {
namespace {

// Those that clients of earlier systems know.
constexpr std::array<double, 9> kQueryBoundsUs = {10, 25, 50, 100, 250, 500, 1000, 2500, 5000};

// HEAD is answered by GET routes.
std::size_t index_of(Method method) {
  return static_cast<std::size_t>(method == Method::kHead ? Method::kGet : method);
}

}  // namespace

ApiMetrics::ApiMetrics(MetricsRegistry& registry)
    : queries(registry.counter("vibrato_query_requests_total", "Searches that were answered.")),
      identifies(registry.counter("vibrato_identify_requests_total", "Identifications that were answered.")),
      ingested(registry.counter("vibrato_ingest_requests_total", "Points that were written.")),
      auth_failures(registry.counter("vibrato_auth_failures_total", "Requests refused for their key or its rights.")),
      audit_failures(registry.counter("vibrato_audit_failures_total", "Audit rows that could not be written.")),
      quarantine_evictions(registry.counter("vibrato_quarantine_evictions_total", "Files that left a full quarantine")),
      catalog_read_timeouts(
          registry.counter("vibrato_catalog_read_timeout_total", "Requests that the catalog kept waiting")),
      query_latency_us(
          registry.histogram("vibrato_query_latency_us", "Microseconds of a search in the engine.", kQueryBoundsUs)) {
  // Dashboards of the earlier system ask for it. What it counts does not happen here.
  registry.counter("vibrato_ingest_semantic_throttle_ms_total",
                   "Always 0: writes are refused rather than slowed down.");
}

RouteMetrics::RouteMetrics(MetricsRegistry& registry, const RouteTable& table) {
  for (const Route* route : table.routes()) {
    const std::string labels = fmt::format(R"(method="{}",route="{}")", to_string(route->method), route->pattern);
    latency_[route->pattern][index_of(route->method)] = &registry.histogram(
        "vibrato_http_request_duration_seconds", "Seconds from the whole head of a request to its answer, by route.",
        latency_bounds_seconds(), labels);
  }
  for (std::size_t status_class = 1; status_class < kStatusClasses; ++status_class) {
    by_status_class_[status_class] =
        &registry.counter("vibrato_http_requests_total", "Requests by the class of their status.",
                          fmt::format(R"(status="{}xx")", status_class));
  }
}

void RouteMetrics::observe(Method method, std::string_view pattern, int status, std::int64_t duration_ns) const {
  const auto status_class = static_cast<std::size_t>(status) / 100;
  if (status_class > 0 && status_class < kStatusClasses) {
    by_status_class_[status_class]->add();
  }
  const auto found = latency_.find(pattern);
  if (found == latency_.end()) {
    return;
  }
  if (Histogram* const latency = found->second[index_of(method)]; latency != nullptr) {
    latency->observe(static_cast<double>(duration_ns) * 1e-9);
  }
}

}  // namespace vibrato::api
