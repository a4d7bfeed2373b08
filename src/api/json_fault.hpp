// Where a text stops being JSON, for the message about it. The fast parser only says that it does; this is a second,
// slower look at a body that was refused already.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace vibrato::api {

// The offset of the first byte that cannot stand where it does; the length of the text if it ends too early; nothing if
// no fault is found. Total, and its memory does not grow with the depth of nesting by more than a bit a level.
[[nodiscard]] std::optional<std::size_t> find_json_fault(std::string_view text);

}  // namespace vibrato::api
