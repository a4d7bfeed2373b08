#include "api/query_fields.hpp"

#include <fmt/format.h>
#include <limits>

#include "api/json_body.hpp"
#include "api/point_fields.hpp"
#include "base/limits.hpp"
#include "filter/parse_filter.hpp"

namespace vibrato::api {

Result<std::optional<filter::Filter>> read_filter(const Field& field) {
  if (!field.is_there()) {
    return std::optional<filter::Filter>();
  }
  VIBRATO_ASSIGN_OR_RETURN(filter::Filter filter, filter::parse_filter(*field.value, field.name));
  return std::optional(std::move(filter));
}

Result<std::optional<Lsn>> read_min_lsn(const Field& field) {
  if (!field.is_there()) {
    return std::optional<Lsn>();
  }
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t lsn, read_whole(*field.value, field.name, 0, kMax));
  return std::optional(Lsn(lsn));
}

Result<std::vector<PointId>> read_ids(const Field& field) {
  if (!field.is_there()) {
    return missing_field(field.name, "an array of ids");
  }
  simdjson::dom::array array;
  if (field.value->get(array) != simdjson::SUCCESS) {
    return wrong_type(field.name, "an array of ids");
  }
  if (array.size() == 0 || array.size() > limits::kBatchItemsMax) {
    return invalid_argument(fmt::format("{} must have 1 to {} elements", field.name, limits::kBatchItemsMax));
  }
  std::vector<PointId> ids;
  ids.reserve(array.size());
  for (const simdjson::dom::element element : array) {
    VIBRATO_ASSIGN_OR_RETURN(const PointIdView id,
                             read_point_id(element, fmt::format("{}[{}]", field.name, ids.size())));
    ids.emplace_back(id);
  }
  return ids;
}

}  // namespace vibrato::api
