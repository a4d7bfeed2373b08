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
#include "api/query_fields.hpp"
#include "api/read_call.hpp"
#include "api/write_call.hpp"
#include "base/limits.hpp"
#include "commit/idempotent_write.hpp"
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

// Owns all it needs.
struct DeleteCall {
  std::string collection;
  filter::Filter filter;
  Deadline deadline;
  commit::Durability durability = commit::Durability::kSynced;
  std::optional<commit::IdempotencyKey> key;
};

struct Deletion {
  std::uint64_t deleted = 0;
  Lsn last_lsn;
};

Result<commit::Committed> commit_write(const ApiContext& context, const DeleteCall& call,
                                       const vector::CollectionPtr& collection, vector::WritePtr write) {
  return context.database.commit(std::move(write), engine::Database::Kind::kDelete, collection.get(), call.durability);
}

// Adds what it did to `done`, also when it ends with an error.
Status delete_matching(const ApiContext& context, const DeleteCall& call, const vector::CollectionPtr& collection,
                       Deletion& done) {
  vector::ListRequest request;
  request.filter = &call.filter;
  request.limit = limits::kBatchItemsMax;
  request.deadline = call.deadline;
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
    VIBRATO_ASSIGN_OR_RETURN(const commit::Committed committed,
                             commit_write(context, call, collection,
                                          vector::make_delete_unchanged(context.database.vectors(), collection,
                                                                        std::move(ids), page.visible, deleted)));
    done.deleted += *deleted;
    done.last_lsn = *deleted > 0 ? committed.last_lsn : done.last_lsn;
  }
  return ok_status();
}

Result<std::string> delete_and_answer(const ApiContext& context, const DeleteCall& call,
                                      const vector::CollectionPtr& collection) {
  Deletion done;
  const Status status = delete_matching(context, call, collection, done);
  if (!status.ok()) {
    return Status(status.code(), fmt::format("{} points were deleted before this: {}", done.deleted, status.message()));
  }
  std::string body = fmt::format(R"({{"deleted":{})", done.deleted);
  end_write_answer(done.last_lsn, call.durability, body);
  return body;
}

// Asks first whether the request was done already, and keeps the answer once all is deleted.
Result<std::string> delete_once(const ApiContext& context, const DeleteCall& call,
                                const vector::CollectionPtr& collection) {
  commit::IdempotencyKeys& keys = context.database.idempotency_keys();
  const auto outcome = std::make_shared<commit::IdempotentOutcome>();
  const auto asked = commit_write(context, call, collection, commit::make_idempotency_check(keys, *call.key, outcome));
  VIBRATO_RETURN_IF_ERROR(asked.status());
  if (outcome->repeated) {
    return outcome->answer.body;
  }
  VIBRATO_ASSIGN_OR_RETURN(std::string body, delete_and_answer(context, call, collection));
  const auto kept = commit_write(context, call, collection,
                                 commit::make_idempotent(
                                     keys, nullptr, *call.key,
                                     [body](Lsn /*last_lsn*/, std::int64_t /*time_ms*/) {
                                       return commit::IdempotentAnswer{200, body};
                                     },
                                     outcome));
  VIBRATO_RETURN_IF_ERROR(kept.status());
  return outcome->answer.body;
}

Status delete_by_filter(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(filter::Filter filter, read_json_object(request.body, read_required_filter));
  VIBRATO_ASSIGN_OR_RETURN(auto key, idempotency_key_of(*context, request));
  const auto call = std::make_shared<const DeleteCall>(DeleteCall{std::string(request.path_parameter("collection")),
                                                                  std::move(filter), deadline_of(*context, *responder),
                                                                  durability_of(request), std::move(key)});
  return answer_on_pool(context, std::nullopt, responder, [context, call](Reply& reply) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, find_collection(*context, call->collection));
    VIBRATO_ASSIGN_OR_RETURN(reply.body, call->key ? delete_once(*context, *call, collection)
                                                   : delete_and_answer(*context, *call, collection));
    return ok_status();
  });
}

}  // namespace

void add_delete_by_filter_route(const ContextPtr& context, RouteTable& table) {
  table.add(make_write_route(context, "/v1/vector/{collection}/delete_by_filter",
                             [context](const Request& request, const ResponderPtr& responder) {
                               return delete_by_filter(context, request, responder);
                             }));
}

}  // namespace vibrato::api
