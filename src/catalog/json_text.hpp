// Columns that hold JSON which the catalog itself does not read. Pure; used by the tables of this folder.
#pragma once

#include <string_view>
#include <vibrato/status.hpp>

namespace vibrato::catalog {

// kInvalidArgument, naming `field`, unless `text` is one JSON value.
[[nodiscard]] Status check_json(std::string_view text, std::string_view field);

}  // namespace vibrato::catalog
