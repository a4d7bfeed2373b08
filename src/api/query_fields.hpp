// Fields that the bodies of several queries have. For the .cpp files of this folder, as api/json_body.hpp.
#pragma once

#include <optional>
#include <vector>
#include <vibrato/result.hpp>

#include "api/json_fields.hpp"
#include "base/ids.hpp"
#include "base/point_id.hpp"
#include "filter/condition.hpp"
#include "vector/collection.hpp"

namespace vibrato::api {

// Errors: kInvalidFilter naming the place inside of the filter.
[[nodiscard]] Result<std::optional<filter::Filter>> read_filter(const Field& field);

// Errors, here and below: kInvalidArgument naming the field.
[[nodiscard]] Result<std::optional<Lsn>> read_min_lsn(const Field& field);

// A recall target; nothing if the field is absent.
[[nodiscard]] Result<std::optional<float>> read_recall(const Field& field);

// 1 to limits::kBatchItemsMax ids.
[[nodiscard]] Result<std::vector<PointId>> read_ids(const Field& field);

// "active", "all" or "archive"; all if the field is absent.
[[nodiscard]] Result<vector::Tier> read_tier(const Field& field);

// The filter of /v2: {tags_any?, tags_all?, bpm_gte?, bpm_lte?}, all of which must hold; nothing for none of them. An
// empty list is none: clients of the earlier system send one for what they do not ask for.
[[nodiscard]] Result<std::optional<filter::Filter>> read_v2_filter(const Field& field);

}  // namespace vibrato::api
