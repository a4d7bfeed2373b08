// The cursor of a listing: the id behind which the next page begins, as text that clients keep and do not read.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

#include "base/limits.hpp"
#include "base/point_id.hpp"

namespace vibrato::api {

[[nodiscard]] std::string write_cursor(const PointIdView& id);

// Errors: kInvalidArgument for what write_cursor does not write, and for a text of more than `text_bytes_max` bytes.
[[nodiscard]] Result<PointId> read_cursor(std::string_view cursor,
                                          std::size_t text_bytes_max = limits::kPointIdBytesMax);

}  // namespace vibrato::api
