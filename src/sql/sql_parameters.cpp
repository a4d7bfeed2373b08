// The values of a statement, from JSON text: the same for a request and for a record.
#include <limits>
#include <nlohmann/json.hpp>

#include "base/limits.hpp"
#include "base/plain_text.hpp"
#include "sql/sql_writes.hpp"

namespace vibrato::sql {
namespace {

using Json = nlohmann::json;

Result<sqlite::SqlValue> value_of(const Json& json, std::size_t index) {
  const auto unfit = [&](std::string_view what) {
    return invalid_argument("params[" + std::to_string(index) + "]: " + std::string(what));
  };
  switch (json.type()) {
    case Json::value_t::null:
      return sqlite::SqlValue();
    case Json::value_t::boolean:
      return sqlite::SqlValue(std::int64_t{json.get<bool>() ? 1 : 0});
    case Json::value_t::number_integer:
      return sqlite::SqlValue(json.get<std::int64_t>());
    case Json::value_t::number_unsigned: {
      const auto number = json.get<std::uint64_t>();
      if (number <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        return sqlite::SqlValue(static_cast<std::int64_t>(number));
      }
      return sqlite::SqlValue(static_cast<double>(number));
    }
    case Json::value_t::number_float:
      return sqlite::SqlValue(json.get<double>());
    case Json::value_t::string: {
      const auto& text = json.get_ref<const std::string&>();
      if (text.size() > limits::kSqlValueBytesMax) {
        return Status(ErrorCode::kPayloadTooLarge, "params[" + std::to_string(index) +
                                                       "]: " + std::to_string(text.size()) + " bytes, at most " +
                                                       std::to_string(limits::kSqlValueBytesMax));
      }
      return sqlite::SqlValue(text);
    }
    default:
      return unfit("expected null, a bool, a number or a string");
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
    VIBRATO_ASSIGN_OR_RETURN(sqlite::SqlValue value, value_of(one, values.size()));
    values.push_back(std::move(value));
  }
  return values;
}

Status check_statement(std::string_view statement) {
  if (statement.size() > limits::kSqlTextBytesMax) {
    return {ErrorCode::kPayloadTooLarge,
            "sql: " + std::to_string(statement.size()) + " bytes, at most " + std::to_string(limits::kSqlTextBytesMax)};
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
