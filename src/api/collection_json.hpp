// Settings and state of a collection in requests and answers. For the .cpp files of this folder.
#pragma once

#include <string_view>
#include <vibrato/result.hpp>

#include "api/json_writer.hpp"
#include "vector/collection.hpp"
#include "vector/collection_settings.hpp"

namespace vibrato::api {

// The body of POST /v1/vector/{collection}. Errors: those of read_json_object, kUnknownField, kInvalidArgument naming
// the field.
[[nodiscard]] Result<vector::CollectionSettings> read_settings(std::string_view body, std::uint32_t dim_max);

// The members of a collection's info, inside an object that the caller begins and ends.
void write_info_members(const vector::CollectionInfo& info, JsonWriter& json);

}  // namespace vibrato::api
