#include "api/state_fields.hpp"

#include <limits>

#include "api/json_body.hpp"

namespace vibrato::api {
namespace {

void write_revision(Lsn revision, std::optional<std::int64_t> expires_at_ms, JsonWriter& json) {
  json.key("revision");
  json.number(revision.value());
  json.key("expires_at_ms");
  if (expires_at_ms.has_value()) {
    json.number(static_cast<std::uint64_t>(*expires_at_ms));
  } else {
    json.null();
  }
}

}  // namespace

Result<std::optional<std::uint64_t>> optional_whole(const Field& field, std::uint64_t min) {
  if (!field.is_there()) {
    return std::optional<std::uint64_t>();
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t number,
                           read_whole(*field.value, field.name, min, std::numeric_limits<std::uint64_t>::max()));
  return std::optional(number);
}

Result<std::string> required_json(const Field& field) {
  if (!field.came) {
    return missing_field(field.name, "any JSON value");
  }
  return field.is_there() ? simdjson::minify(*field.value) : std::string("null");
}

Status read_put_fields(std::span<const Field, kPutFields> fields, kv::PutInput& input) {
  VIBRATO_ASSIGN_OR_RETURN(input.value_json, required_json(fields[0]));
  VIBRATO_ASSIGN_OR_RETURN(input.ttl_ms, optional_whole(fields[1], 1));
  VIBRATO_ASSIGN_OR_RETURN(input.if_revision, optional_whole(fields[2], 0));
  return ok_status();
}

void write_put_members(std::string_view key, const kv::PutOutcome& outcome, JsonWriter& json) {
  json.key("key");
  json.string(key);
  write_revision(outcome.revision, outcome.expires_at_ms, json);
}

void write_state_item(std::string_view key, const overlay::Row& row, JsonWriter& json) {
  json.begin_object();
  json.key("key");
  json.string(key);
  json.key("value");
  json.raw(row.value);
  write_revision(row.lsn, row.expires_at_ms, json);
  json.end_object();
}

}  // namespace vibrato::api
