// The values of a statement, from JSON text: the same for a request and for a record.
#include <limits>
#include <nlohmann/json.hpp>

#include "base/limits.hpp"
#include "base/plain_text.hpp"
#include "sql/sql_writes.hpp"

namespace vibrato::sql {
namespace {

using Json = nlohmann::json;

Status read_value(const Json& json, std::size_t index, sqlite::SqlValue& value) {
  const std::string name = "params[" + std::to_string(index) + "]: ";
  switch (json.type()) {
    case Json::value_t::null:
      value = std::monostate();
      return ok_status();
    case Json::value_t::boolean:
      value = std::int64_t{json.get<bool>() ? 1 : 0};
      return ok_status();
    case Json::value_t::number_integer:
      value = json.get<std::int64_t>();
      return ok_status();
    case Json::value_t::number_unsigned: {
      const auto number = json.get<std::uint64_t>();
      if (number <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        value = static_cast<std::int64_t>(number);
      } else {
        value = static_cast<double>(number);
      }
      return ok_status();
    }
    case Json::value_t::number_float:
      value = json.get<double>();
      return ok_status();
    case Json::value_t::string: {
      const auto& text = json.get_ref<const std::string&>();
      if (text.size() > limits::kSqlValueBytesMax) {
        return {ErrorCode::kPayloadTooLarge,
                name + std::to_string(text.size()) + " bytes, at most " + std::to_string(limits::kSqlValueBytesMax)};
      }
      value = text;
      return ok_status();
    }
    default:
      return invalid_argument(name + "expected null, a bool, a number or a string");
  }
}

}  // namespace

Result<std::vector<sqlite::SqlValue>> parse_parameters(std::string_view json) {
  if (json.size() > limits::kSqlParameterBytesMax) {
    return Status(ErrorCode::kPayloadTooLarge, "params: " + std::to_string(json.size()) + " bytes, at most " +
                                                   std::to_string(limits::kSqlParameterBytesMax));
  }
  const Json parsed = Json::parse(json, nullptr, false);
  if (!parsed.is_array()) {
    return invalid_argument("params: expected an array of null, bools, numbers and strings");
  }
  if (parsed.size() > limits::kSqlParametersMax) {
    return invalid_argument("params: " + std::to_string(parsed.size()) + " values, at most " +
                            std::to_string(limits::kSqlParametersMax));
  }
  std::vector<sqlite::SqlValue> values;
  values.reserve(parsed.size());
  for (const Json& one : parsed) {
    const std::size_t index = values.size();
    VIBRATO_RETURN_IF_ERROR(read_value(one, index, values.emplace_back()));
  }
  return values;
}

Status check_statement(std::string_view statement) {
  if (statement.size() > limits::kSqlRequestBytesMax) {
    return {ErrorCode::kPayloadTooLarge, "sql: " + std::to_string(statement.size()) + " bytes, at most " +
                                             std::to_string(limits::kSqlRequestBytesMax) +
                                             "; pass values as params, or do it in several statements"};
  }
  if (statement.empty()) {
    return invalid_argument("sql: there is no statement");
  }
  if (statement.find('\0') != std::string_view::npos || !is_utf8(statement)) {
    return invalid_argument("sql: the statement must be UTF-8 without NUL characters");
  }
  return ok_status();
}

}  // namespace vibrato::sql
