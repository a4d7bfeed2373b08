#include "api/database_api.hpp"

#include <memory>

#include "api/api_context.hpp"
#include "api/authorizer.hpp"

namespace vibrato::api {

RouteTable make_database_routes(engine::Database& database, MetricsRegistry& metrics, const Clock& clock,
                                const DatabaseApiOptions& options) {
  const auto context =
      std::make_shared<const ApiContext>(ApiContext{database, metrics, clock, options, ApiMetrics(metrics)});
  RouteTable table(Surface::kDatabase);
  add_collection_routes(context, table);
  add_point_routes(context, table);
  add_batch_routes(context, table);
  add_batch_route(context, table);
  add_search_routes(context, table);
  add_identify_routes(context, table);
  add_recommend_route(context, table);
  add_delete_by_filter_route(context, table);
  add_search_batch_routes(context, table);
  add_listing_routes(context, table);
  add_import_route(context, table);
  add_export_route(context, table);
  add_sql_routes(context, table);
  add_event_routes(context, table);
  add_state_routes(context, table);
  add_state_batch_routes(context, table);
  add_doc_routes(context, table);
  add_job_routes(context, table);
  add_admin_routes(context, table);
  add_key_routes(context, table);
  add_health_routes(context, table);
  add_page_routes(context, table);
  add_v2_write_routes(context, table);
  add_v2_query_routes(context, table);
  add_v2_operation_routes(context, table);
  table.set_outage([context] {
    const engine::Readiness readiness = context->database.readiness();
    return readiness.ready || readiness.replay_progress ? Outage::kBrief : Outage::kLasting;
  });
  if (!options.no_auth) {
    table.set_authorizer(make_authorizer(database, clock, context->metrics.auth_failures));
  }
  return table;
}

}  // namespace vibrato::api
