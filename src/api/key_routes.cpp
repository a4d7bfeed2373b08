// API keys over HTTP: make, list, revoke. The key manager leaves the audit rows of what it does; here they are flushed
// before the answer, and what never came to it gets a row as well.
#include <array>
#include <fmt/format.h>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/admin_call.hpp"
#include "api/api_context.hpp"
#include "api/caller.hpp"
#include "api/json_body.hpp"
#include "api/json_fields.hpp"
#include "api/json_writer.hpp"

namespace vibrato::api {
namespace {

Result<std::vector<std::string>> read_strings(const Field& field, std::size_t count_max) {
  simdjson::dom::array array;
  if (field.value->get(array) != simdjson::SUCCESS) {
    return wrong_type(field.name, "an array of strings");
  }
  if (array.size() > count_max) {
    return invalid_argument(fmt::format("{} has more than {} elements", field.name, count_max));
  }
  std::vector<std::string> texts;
  for (const simdjson::dom::element element : array) {
    VIBRATO_ASSIGN_OR_RETURN(const std::string_view text,
                             read_string(element, fmt::format("{}[{}]", field.name, texts.size())));
    texts.emplace_back(text);
  }
  return texts;
}

Result<auth::KeyRequest> read_key_request(simdjson::dom::object object) {
  std::array<Field, 4> fields{{{"name"}, {"roles"}, {"collections"}, {"expires_at_ms"}}};
  const auto& [name, roles, collections, expires_at_ms] = fields;
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, fields));
  if (!name.is_there()) {
    return missing_field("name", "a string");
  }
  auth::KeyRequest key;
  VIBRATO_ASSIGN_OR_RETURN(key.name, read_string(*name.value, "name"));
  if (!roles.is_there()) {
    return missing_field("roles", R"(an array of "query", "ingest" and "admin")");
  }
  constexpr std::size_t kRolesMax = 16;
  VIBRATO_ASSIGN_OR_RETURN(const std::vector<std::string> words, read_strings(roles, kRolesMax));
  const auto parsed_roles = auth::parse_roles(words);
  VIBRATO_RETURN_IF_ERROR(parsed_roles.status().with_context(roles.name));
  key.roles = *parsed_roles;
  if (collections.is_there()) {
    VIBRATO_ASSIGN_OR_RETURN(std::vector<std::string> names, read_strings(collections, limits::kKeyCollectionsMax));
    VIBRATO_ASSIGN_OR_RETURN(key.scope, auth::Scope::only(std::move(names)));
  }
  if (expires_at_ms.is_there()) {
    constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
    VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t time, read_whole(*expires_at_ms.value, "expires_at_ms", 0, kMax));
    key.expires_at_ms = static_cast<std::int64_t>(time);
  }
  return key;
}

Status create_key(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(const auth::KeyRequest key, read_json_object(request.body, read_key_request));
  const auth::Caller caller = caller_of(request);
  return answer_from_pool(context, responder, [context, caller, key](Reply& reply) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(const auth::CreatedKey created, context->database.keys().create(caller, key));
    JsonWriter json(reply.body);
    json.begin_object();
    json.key("id");
    json.string(created.record.id);
    json.key("key");
    json.string(created.token.view());
    json.end_object();
    return ok_status();
  });
}

void write_optional_time(std::string_view name, const std::optional<std::int64_t>& time_ms, JsonWriter& json) {
  json.key(name);
  if (time_ms.has_value()) {
    json.number(static_cast<std::uint64_t>(*time_ms));
  } else {
    json.null();
  }
}

void write_key(const auth::KeyRecord& key, JsonWriter& json) {
  json.begin_object();
  json.key("id");
  json.string(key.id);
  json.key("name");
  json.string(key.name);
  json.key("roles");
  json.begin_array();
  for (const auth::Role role : auth::kAllRoles) {
    if (key.roles.contains(role)) {
      json.string(to_string(role));
    }
  }
  json.end_array();
  json.key("collections");
  if (key.scope.is_everything()) {
    json.null();
  } else {
    json.begin_array();
    for (const std::string& name : key.scope.collections()) {
      json.string(name);
    }
    json.end_array();
  }
  write_optional_time("created_at_ms", key.created_at_ms, json);
  write_optional_time("expires_at_ms", key.expires_at_ms, json);
  write_optional_time("revoked_at_ms", key.revoked_at_ms, json);
  json.end_object();
}

Status list_keys(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  const auth::Caller caller = caller_of(request);
  return answer_from_pool(context, responder, [context, caller](Reply& reply) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(const std::vector<auth::KeyRecord> keys, context->database.keys().list(caller));
    JsonWriter json(reply.body);
    json.begin_object();
    json.key("keys");
    json.begin_array();
    for (const auth::KeyRecord& key : keys) {
      write_key(key, json);
    }
    json.end_array();
    json.end_object();
    return ok_status();
  });
}

Status revoke_key(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  const auth::Caller caller = caller_of(request);
  const std::string id(request.path_parameter("id"));
  return answer_from_pool(context, responder, [context, caller, id](Reply& reply) -> Status {
    VIBRATO_RETURN_IF_ERROR(context->database.keys().revoke(caller, id));
    reply.body = R"({"revoked":true})";
    return ok_status();
  });
}

}  // namespace

void add_key_routes(const ContextPtr& context, RouteTable& table) {
  const auto add = [&](Method method, std::string pattern, BodyKind body, auto handler) {
    Route route{.method = method,
                .pattern = std::move(pattern),
                .role = Role::kAdmin,
                .body = body,
                .body_bytes_max = kSmallBodyBytes,
                .refuses_idempotency_key = method != Method::kGet,
                .known_query_parameters = {std::vector<std::string>()}};
    const auto bound = [context, handler](const Request& request, const ResponderPtr& responder) {
      return handler(context, request, responder);
    };
    route.async_handler = audited(context, route, bound, AuditRows::kOfRefusals);
    table.add(std::move(route));
  };
  add(Method::kPost, "/v1/admin/keys", BodyKind::kJson, create_key);
  add(Method::kGet, "/v1/admin/keys", BodyKind::kNone, list_keys);
  add(Method::kDelete, "/v1/admin/keys/{id}", BodyKind::kNone, revoke_key);
}

}  // namespace vibrato::api
