#include "api/request.hpp"

#include <algorithm>
#include <vibrato/check.hpp>

#include "base/plain_text.hpp"

namespace vibrato::api {
namespace {

const Parameter* find(std::span<const Parameter> parameters, std::string_view name) {
  const auto found =
      std::find_if(parameters.begin(), parameters.end(), [&](const Parameter& one) { return one.name == name; });
  return found == parameters.end() ? nullptr : &*found;
}

}  // namespace

std::string_view to_string(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kHead:
      return "HEAD";
    case Method::kPost:
      return "POST";
    case Method::kPut:
      return "PUT";
    case Method::kPatch:
      return "PATCH";
    case Method::kDelete:
      return "DELETE";
    case Method::kOptions:
      return "OPTIONS";
    case Method::kOther:
      break;
  }
  return "OTHER";
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return ascii_lower(x) == ascii_lower(y); });
}

std::optional<std::string_view> Request::header(std::string_view name) const {
  for (const HeaderField& field : headers) {
    if (equals_ignoring_case(field.name, name)) {
      return field.value;
    }
  }
  return std::nullopt;
}

std::string_view Request::path_parameter(std::string_view name) const {
  const Parameter* parameter = find(path_parameters, name);
  VIBRATO_CHECK(parameter != nullptr);
  return parameter->value;
}

std::optional<std::string_view> Request::query_parameter(std::string_view name) const {
  const Parameter* parameter = find(query_parameters, name);
  return parameter == nullptr ? std::nullopt : std::optional<std::string_view>(parameter->value);
}

}  // namespace vibrato::api
