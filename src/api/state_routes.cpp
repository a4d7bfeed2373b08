// One key of the state at a time, and lists: GET, PUT and DELETE of /v1/state/{key}, GET /v1/state.
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/api_context.hpp"
#include "api/json_body.hpp"
#include "api/page_cursor.hpp"
#include "api/query_numbers.hpp"
#include "api/read_call.hpp"
#include "api/state_fields.hpp"
#include "api/write_call.hpp"
#include "base/limits.hpp"

namespace vibrato::api {
namespace {

constexpr std::uint64_t kListLimit = 100;
constexpr std::string_view kNextCursorHeader = "x-next-cursor";
constexpr std::string_view kRevisionParameter = "if_revision";

Result<kv::PutInput> read_put(simdjson::dom::object object) {
  auto fields = put_fields();
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, fields));
  kv::PutInput input;
  VIBRATO_RETURN_IF_ERROR(read_put_fields(fields, input));
  return input;
}

Status put_state(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(kv::PutInput input, read_json_object(request.body, read_put));
  VIBRATO_RETURN_IF_ERROR(context->database.check_readable());
  std::string key(request.path_parameter("key"));
  input.key = key;
  const auto outcome = std::make_shared<kv::PutOutcome>();
  WriteCall call;
  VIBRATO_ASSIGN_OR_RETURN(call.write, kv::make_put(context->database.state(), std::move(input), outcome));
  call.make_answer = [key = std::move(key), outcome](Lsn /*last_lsn*/) {
    std::string body;
    JsonWriter json(body);
    json.begin_object();
    write_put_members(key, *outcome, json);
    return body;
  };
  return submit_write(context, request, responder, std::move(call));
}

Result<std::optional<std::uint64_t>> if_revision_of(const Request& request) {
  const auto text = request.query_parameter(kRevisionParameter);
  if (!text.has_value()) {
    return std::optional<std::uint64_t>();
  }
  const std::optional<std::uint64_t> revision = parse_whole(*text);
  return revision.has_value() ? Result<std::optional<std::uint64_t>>(revision)
                              : invalid_argument("query parameter if_revision must be a whole number");
}

Status check_delete_parameters(const Request& request) {
  VIBRATO_RETURN_IF_ERROR(check_write_parameters(request));
  return if_revision_of(request).status();
}

Status delete_state(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_RETURN_IF_ERROR(context->database.check_readable());
  kv::DeleteInput input;
  input.key = request.path_parameter("key");
  VIBRATO_ASSIGN_OR_RETURN(input.if_revision, if_revision_of(request));
  const auto outcome = std::make_shared<kv::DeleteOutcome>();
  WriteCall call;
  VIBRATO_ASSIGN_OR_RETURN(call.write, kv::make_delete(context->database.state(), std::move(input), outcome));
  call.kind = engine::Database::Kind::kDelete;
  call.make_answer = [outcome](Lsn /*last_lsn*/) {
    return std::string(outcome->deleted ? R"({"deleted":true)" : R"({"deleted":false)");
  };
  // Where only what was over its time went, the client changed nothing.
  call.shows_lsn = [outcome] { return outcome->deleted; };
  return submit_write(context, request, responder, std::move(call));
}

Status get_state(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  std::string key(request.path_parameter("key"));
  VIBRATO_RETURN_IF_ERROR(kv::check_key(key));
  return answer_read(context, request, responder, [context, key = std::move(key)](Reply& reply) -> Status {
    VIBRATO_RETURN_IF_ERROR(context->database.check_readable());
    VIBRATO_ASSIGN_OR_RETURN(const overlay::RowPtr row, context->database.state().get(key));
    if (!row) {
      return not_found("there is no key '" + key + "' in the state");
    }
    JsonWriter json(reply.body);
    write_state_item(key, *row, json);
    return ok_status();
  });
}

Result<kv::StateListQuery> read_list(const Request& request) {
  kv::StateListQuery query;
  query.prefix = request.query_parameter("prefix").value_or("");
  query.bytes_max = kPageBytesMax;
  if (!query.prefix.empty()) {
    VIBRATO_RETURN_IF_ERROR(kv::check_key(query.prefix, "query parameter prefix"));
  }
  VIBRATO_ASSIGN_OR_RETURN(query.limit, query_number(request, "limit", 1, limits::kPageItemsMax, kListLimit));
  if (const auto cursor = request.query_parameter("cursor"); cursor.has_value()) {
    VIBRATO_ASSIGN_OR_RETURN(PointId after, read_cursor(*cursor, limits::kStateKeyBytesMax));
    if (!after.view().is_text) {
      return invalid_argument("cursor must be an x-next-cursor of this route");
    }
    query.after = after.view().text;
  }
  return query;
}

Status check_list_parameters(const Request& request) {
  VIBRATO_RETURN_IF_ERROR(check_read_parameters(request));
  return read_list(request).status();
}

Status list_state(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(kv::StateListQuery query, read_list(request));
  query.deadline = deadline_of(*context, *responder);
  VIBRATO_ASSIGN_OR_RETURN(const std::optional<Lsn> min_lsn, min_lsn_of(request));
  return answer_on_pool(context, min_lsn, responder, [context, query = std::move(query)](Reply& reply) -> Status {
    VIBRATO_RETURN_IF_ERROR(context->database.check_readable());
    VIBRATO_ASSIGN_OR_RETURN(const kv::StatePage page, context->database.state().list(query));
    JsonWriter json(reply.body);
    json.begin_array();
    for (const kv::StateItem& item : page.items) {
      write_state_item(item.key, *item.row, json);
    }
    json.end_array();
    if (page.has_more) {
      PointIdView last;
      last.is_text = true;
      last.text = page.items.back().key;
      reply.headers.emplace_back(kNextCursorHeader, write_cursor(last));
    }
    return ok_status();
  });
}

}  // namespace

void add_state_routes(const ContextPtr& context, RouteTable& table) {
  const auto bound = [&](auto handler) -> AsyncHandler {
    return [context, handler](const Request& request, const ResponderPtr& responder) {
      return handler(context, request, responder);
    };
  };
  constexpr std::string_view kOneKey = "/v1/state/{key}";
  table.add({.method = Method::kGet,
             .pattern = "/v1/state",
             .role = Role::kQuery,
             .known_query_parameters = {{"prefix", "limit", "cursor", std::string(kMinLsnParameter)}},
             .check_query = check_list_parameters,
             .async_handler = bound(list_state)});
  table.add({.method = Method::kGet,
             .pattern = std::string(kOneKey),
             .role = Role::kQuery,
             .known_query_parameters = {{std::string(kMinLsnParameter)}},
             .check_query = check_read_parameters,
             .async_handler = bound(get_state)});
  Route put = make_write_route(context, std::string(kOneKey), bound(put_state));
  put.method = Method::kPut;
  put.reach = Reach::kWholeDatabase;
  table.add(std::move(put));
  table.add({.method = Method::kDelete,
             .pattern = std::string(kOneKey),
             .role = Role::kIngest,
             .known_query_parameters = {{std::string(kRevisionParameter), std::string(kDurabilityParameter)}},
             .check_query = check_delete_parameters,
             .async_handler = bound(delete_state)});
}

}  // namespace vibrato::api
