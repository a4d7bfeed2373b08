// Pages of a listing, and their cursor: the id behind which the next page begins, as text that clients keep and do not
// read.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

#include "base/limits.hpp"
#include "base/point_id.hpp"

namespace vibrato::api {

// A page ends early when its items have become so large; its cursor goes on behind its last one.
inline constexpr std::size_t kPageBytesMax = 4 * limits::kMiB;

[[nodiscard]] std::string write_cursor(const PointIdView& id);

// Errors: kInvalidArgument for what write_cursor does not write, and for a text of more than `text_bytes_max` bytes.
[[nodiscard]] Result<PointId> read_cursor(std::string_view cursor,
                                          std::size_t text_bytes_max = limits::kPointIdBytesMax);

}  // namespace vibrato::api
