#include "api/point_fields.hpp"

#include <fmt/format.h>
#include <utility>

#include "api/base64.hpp"
#include "api/json_body.hpp"
#include "api/query_numbers.hpp"
#include "api/request.hpp"
#include "base/limits.hpp"
#include "vector/point_writes.hpp"

namespace vibrato::api {
namespace {

// The message of check_point_id begins with "id": it gets the name of the field.
Status check_id(const PointIdView& id, std::string_view field) {
  Status status = vector::check_point_id(id);
  if (status.ok()) {
    return status;
  }
  constexpr std::string_view kName = "id";
  std::string_view message = status.message();
  message.remove_prefix(message.starts_with(kName) ? kName.size() : 0);
  return {status.code(), fmt::format("{}{}", field, message)};
}

// Decimal digits without a leading zero: 7 and 0, not 007.
std::optional<std::uint64_t> canonical_number(std::string_view text) {
  return text.size() == 1 || !text.starts_with('0') ? parse_whole(text) : std::nullopt;
}

Result<std::string> unquote_id(std::string_view text) {
  std::string body = fmt::format(R"({{"id":{}}})", text);
  const std::size_t size = body.size();
  body.append(kBodyPadding, ' ');
  const Status fault = invalid_argument("query parameter id begins with a quote, and is no JSON string");
  const auto read = [&](simdjson::dom::object object) -> Result<std::string> {
    std::string_view id;
    return object.size() == 1 && object.at_key("id").get(id) == simdjson::SUCCESS ? Result(std::string(id)) : fault;
  };
  Result<std::string> id = read_json_object(std::string_view(body).substr(0, size), read);
  return id.ok() ? std::move(id) : fault;
}

}  // namespace

Result<PointIdView> read_point_id(simdjson::dom::element value, std::string_view field) {
  PointIdView id;
  if (value.get(id.text) == simdjson::SUCCESS) {
    id.is_text = true;
  } else if (value.get(id.number) != simdjson::SUCCESS) {
    return wrong_type(field, "a string or a whole number from 0 to 18446744073709551615");
  }
  VIBRATO_RETURN_IF_ERROR(check_id(id, field));
  return id;
}

Result<bool> read_vector(const Field& vector, const Field& vector_b64, std::vector<float>& out) {
  if (vector.is_there() && vector_b64.is_there()) {
    return invalid_argument("vector and vector_b64 are both there; give one");
  }
  if (vector.is_there()) {
    VIBRATO_RETURN_IF_ERROR(read_floats(*vector.value, vector.name, limits::kDimMax, out));
    return true;
  }
  if (vector_b64.is_there()) {
    VIBRATO_ASSIGN_OR_RETURN(const std::string_view text, read_string(*vector_b64.value, vector_b64.name));
    VIBRATO_RETURN_IF_ERROR(read_base64_floats(text, vector_b64.name, limits::kDimMax, out));
    return true;
  }
  return false;
}

Result<std::string> read_meta(simdjson::dom::element value, std::string_view field) {
  std::string text = simdjson::minify(value);
  if (text.size() > limits::kMetaBytesMax) {
    return Status(ErrorCode::kPayloadTooLarge, fmt::format("{} is {} bytes of compact JSON; at most {} are taken",
                                                           field, text.size(), limits::kMetaBytesMax));
  }
  return text;
}

Status PointFields::read(vector::PointInput& point) const {
  const auto& [id, vector, vector_b64, meta] = fields_;
  VIBRATO_ASSIGN_OR_RETURN(point.id, read_required_id(id));
  VIBRATO_ASSIGN_OR_RETURN(const bool has_vector, read_vector(vector, vector_b64, point.vector));
  if (!has_vector) {
    return missing_field("vector", "an array of numbers");
  }
  if (meta.is_there()) {
    VIBRATO_ASSIGN_OR_RETURN(point.meta_json, read_meta(*meta.value, meta.name));
  }
  return ok_status();
}

Result<PointId> read_required_id(const Field& field) {
  if (!field.is_there()) {
    return missing_field(field.name, "a string or a whole number");
  }
  VIBRATO_ASSIGN_OR_RETURN(const PointIdView id, read_point_id(*field.value, field.name));
  return PointId(id);
}

Result<QueryId> parse_query_id(std::string_view text) {
  QueryId id;
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    VIBRATO_ASSIGN_OR_RETURN(std::string unquoted, unquote_id(text));
    id.text = PointId(std::move(unquoted));
  } else {
    if (const auto number = canonical_number(text); number.has_value()) {
      id.number = PointId(*number);
    }
    id.text = PointId(std::string(text));
  }
  VIBRATO_RETURN_IF_ERROR(check_id(id.text->view(), "query parameter id"));
  return id;
}

void write_id(const PointIdView& id, JsonWriter& json) {
  if (id.is_text) {
    json.string(id.text);
  } else {
    json.number(id.number);
  }
}

}  // namespace vibrato::api
