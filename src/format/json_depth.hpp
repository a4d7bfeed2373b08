// How deep a JSON text nests, without parsing it.
#pragma once

#include <cstddef>
#include <string_view>

namespace vibrato::format {

// Levels of brackets, those in strings left out: 0 for a scalar, 1 for `[]`. Linear, for any text; of one that is no
// JSON it is at least the depth that a parser reaches before it finds that out.
[[nodiscard]] std::size_t json_depth(std::string_view text);

}  // namespace vibrato::format
