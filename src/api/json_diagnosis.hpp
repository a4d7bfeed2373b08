// The slow second look at a body that the fast parser refused over a number: it says only that, not which and why.
#pragma once

#include <string_view>
#include <vibrato/status.hpp>

namespace vibrato::api {

// kInvalidArgument with the field's name if the text is JSON but holds a number that no 64-bit form can (1e999, an
// integer of 30 digits); kInvalidJson if it is not JSON (01, 1., NaN). Never ok.
[[nodiscard]] Status diagnose_bad_number(std::string_view body);

}  // namespace vibrato::api
