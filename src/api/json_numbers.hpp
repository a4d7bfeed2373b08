// The slow second look at a body that the fast parser refused over a number. It knows which numbers are JSON and too
// large for any 64-bit form (1e999, an integer of 30 digits), sets them aside in a copy, and says where they were, so
// that the field they stand in is refused, and not all that came with it. For api/json_body.cpp only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <simdjson.h>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "api/json_body.hpp"

namespace vibrato::api {

// Of all numbers of a text, in its order, the one at `ordinal`.
struct LargeNumber {
  std::uint64_t ordinal = 0;
  bool is_integer = false;
  std::size_t end = 0;        // Of what stands for it in the reduced text.
  std::ptrdiff_t growth = 0;  // By how much that is longer than the number.
};

// A text in which other numbers stand for those that are too large: no reader takes them for what is not a number, nor
// for a whole number, but arbitrary JSON takes them.
struct ReducedText {
  std::string padded;  // The text, and kBodyPadding bytes.
  std::size_t size = 0;
  std::vector<LargeNumber> large;

  // Where the byte of the reduced text at `offset` was in the original one. Requires: it is part of no stand-in.
  [[nodiscard]] std::size_t original_offset(std::size_t offset) const;
  [[nodiscard]] std::string_view text() const { return std::string_view(padded).substr(0, size); }
};

// Total: the text need not be JSON. Errors: kInvalidJson naming the byte of a number that is none (01, 1., -), or if
// no number of it is too large.
[[nodiscard]] Result<ReducedText> set_large_numbers_aside(std::string_view body);

// Where the numbers are, by the parsed text() of them. Requires: `large` is that of the text, `root` is an object.
[[nodiscard]] std::vector<NumberFault> locate_large_numbers(simdjson::dom::object root,
                                                            std::span<const LargeNumber> large);

}  // namespace vibrato::api
