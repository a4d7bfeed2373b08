// Numbers in query strings. Pure.
#pragma once

#include <charconv>
#include <cstdint>
#include <fmt/format.h>
#include <optional>
#include <string_view>
#include <vibrato/result.hpp>

#include "api/request.hpp"

namespace vibrato::api {

// All of `text` as decimal digits; nothing for anything else, and past 64 bits.
[[nodiscard]] inline std::optional<std::uint64_t> parse_whole(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop == end ? std::optional(number) : std::nullopt;
}

// The query parameter `name` as a whole number from `min` to `max`, `otherwise` if it is not there.
// Errors: kInvalidArgument naming it.
[[nodiscard]] inline Result<std::uint64_t> query_number(const Request& request, std::string_view name,
                                                        std::uint64_t min, std::uint64_t max, std::uint64_t otherwise) {
  const auto text = request.query_parameter(name);
  if (!text.has_value()) {
    return otherwise;
  }
  const std::optional<std::uint64_t> number = parse_whole(*text);
  if (!number.has_value() || *number < min || *number > max) {
    return invalid_argument(fmt::format("query parameter {} must be a whole number from {} to {}", name, min, max));
  }
  return *number;
}

}  // namespace vibrato::api
