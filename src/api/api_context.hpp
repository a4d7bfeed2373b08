// What the handlers of the database share. Made once, constant afterwards; used by the route groups of this folder.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "api/api_metrics.hpp"
#include "api/database_api.hpp"
#include "auth/crypto.hpp"
#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "engine/database.hpp"

namespace vibrato::api {

struct ApiContext {
  engine::Database& database;
  MetricsRegistry& registry;
  const Clock& clock;
  DatabaseApiOptions options;
  ApiMetrics metrics;
  auth::Sha256 sha256 = {};  // Of requests with an Idempotency-Key.
  std::shared_ptr<std::atomic<std::uint32_t>> exports = std::make_shared<std::atomic<std::uint32_t>>(0);  // Running.
};
using ContextPtr = std::shared_ptr<const ApiContext>;

// Each adds the routes of its file. Handlers keep the context alive.
void add_collection_routes(const ContextPtr& context, RouteTable& table);
void add_point_routes(const ContextPtr& context, RouteTable& table);
void add_batch_routes(const ContextPtr& context, RouteTable& table);
void add_batch_route(const ContextPtr& context, RouteTable& table);
void add_search_routes(const ContextPtr& context, RouteTable& table);
void add_identify_routes(const ContextPtr& context, RouteTable& table);
void add_recommend_route(const ContextPtr& context, RouteTable& table);
void add_delete_by_filter_route(const ContextPtr& context, RouteTable& table);
void add_search_batch_routes(const ContextPtr& context, RouteTable& table);
void add_listing_routes(const ContextPtr& context, RouteTable& table);
void add_import_route(const ContextPtr& context, RouteTable& table);
void add_export_route(const ContextPtr& context, RouteTable& table);
void add_sql_routes(const ContextPtr& context, RouteTable& table);
void add_state_routes(const ContextPtr& context, RouteTable& table);
void add_state_batch_routes(const ContextPtr& context, RouteTable& table);
void add_doc_routes(const ContextPtr& context, RouteTable& table);
void add_event_routes(const ContextPtr& context, RouteTable& table);
void add_job_routes(const ContextPtr& context, RouteTable& table);
void add_admin_routes(const ContextPtr& context, RouteTable& table);
void add_key_routes(const ContextPtr& context, RouteTable& table);
void add_health_routes(const ContextPtr& context, RouteTable& table);
void add_page_routes(const ContextPtr& context, RouteTable& table);
void add_v2_write_routes(const ContextPtr& context, RouteTable& table);
void add_v2_query_routes(const ContextPtr& context, RouteTable& table);
void add_v2_operation_routes(const ContextPtr& context, RouteTable& table);

}  // namespace vibrato::api
