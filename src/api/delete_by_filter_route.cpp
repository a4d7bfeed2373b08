// POST /v1/vector/{collection}/delete_by_filter: pages of matching points, each chosen at one moment and deleted by one
// group of the log, so that memory does not grow with their number. A point that is written between the two stays.
#include <array>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/api_context.hpp"
#include "api/json_body.hpp"
#include "api/json_fields.hpp"
#include "api/json_writer.hpp"
#include "api/query_fields.hpp"
#include "api/read_call.hpp"
#include "api/write_call.hpp"
#include "base/limits.hpp"
#include "vector/listing.hpp"

namespace vibrato::api {
namespace {

Result<filter::Filter> read_required_filter(simdjson::dom::object object) {
  std::array<Field, 1> fields{{{"filter"}}};
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, fields));
  VIBRATO_ASSIGN_OR_RETURN(std::optional<filter::Filter> filter, read_filter(fields[0]));
  return filter ? Result<filter::Filter>(*std::move(filter))
                : missing_field("filter", "an object; {} matches all points");
}

struct Deletion {
  std::uint64_t deleted = 0;
  Lsn last_lsn;
};

// Adds what it did to `done`, also when it ends with an error.
Status delete_matching(const ApiContext& context, const vector::CollectionPtr& collection, const filter::Filter& filter,
                       const Deadline& deadline, Deletion& done) {
  vector::ListRequest request;
  request.filter = &filter;
  request.limit = limits::kBatchItemsMax;
  request.deadline = deadline;
  for (bool has_more = true; has_more;) {
    VIBRATO_ASSIGN_OR_RETURN(const vector::ListPage page, vector::list_points(*collection, request));
    if (page.points.empty()) {
      return ok_status();
    }
    std::vector<PointId> ids;
    ids.reserve(page.points.size());
    for (const vector::ListedPoint& point : page.points) {
      ids.emplace_back(point.id);
    }
    request.after = ids.back();
    has_more = page.has_more;
    const auto deleted = std::make_shared<std::uint64_t>(0);
    VIBRATO_ASSIGN_OR_RETURN(
        const commit::Committed committed,
        context.database.commit(vector::make_delete_unchanged(context.database.vectors(), collection, std::move(ids),
                                                              page.visible, deleted),
                                engine::Database::Kind::kDelete, collection.get()));
    done.deleted += *deleted;
    done.last_lsn = *deleted > 0 ? committed.last_lsn : done.last_lsn;
  }
  return ok_status();
}

Status delete_by_filter(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(filter::Filter read, read_json_object(request.body, read_required_filter));
  const auto filter = std::make_shared<const filter::Filter>(std::move(read));
  const std::string name(request.path_parameter("collection"));
  const Deadline deadline = deadline_of(*context, *responder);
  return answer_on_pool(context, std::nullopt, responder, [context, filter, name, deadline](Reply& reply) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, find_collection(*context, name));
    Deletion done;
    const Status status = delete_matching(*context, collection, *filter, deadline, done);
    if (!status.ok()) {
      return {status.code(), fmt::format("{} points were deleted before this: {}", done.deleted, status.message())};
    }
    JsonWriter json(reply.body);
    json.begin_object();
    json.key("deleted");
    json.number(done.deleted);
    if (done.deleted > 0) {
      json.key("lsn");
      json.number(done.last_lsn.value());
    }
    json.end_object();
    return ok_status();
  });
}

}  // namespace

void add_delete_by_filter_route(const ContextPtr& context, RouteTable& table) {
  Route route = make_write_route(context, "/v1/vector/{collection}/delete_by_filter",
                                 [context](const Request& request, const ResponderPtr& responder) {
                                   return delete_by_filter(context, request, responder);
                                 });
  route.known_query_parameters = std::vector<std::string>();
  table.add(std::move(route));
}

}  // namespace vibrato::api
