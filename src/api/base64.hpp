// Vectors as text: base64 (RFC 4648, section 4) of little-endian f32. Pure.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>
#include <vibrato/status.hpp>

namespace vibrato::api {

// Replaces `out` by the numbers of `text`, at most `count_max`. The padding may be left out; blanks, other alphabets
// and leftover bits that are not zero are refused. Errors: kInvalidArgument naming `field` and the position.
Status read_base64_floats(std::string_view text, std::string_view field, std::size_t count_max,
                          std::vector<float>& out);

}  // namespace vibrato::api
