// Times in meta and in filters: RFC 3339 text, for example 2026-11-21T07:30:00.25Z or 2026-11-21T08:30:00+01:00.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

namespace vibrato::filter {

// A moment. Fractions finer than a nanosecond are cut off.
struct Time {
  std::int64_t seconds = 0;  // Since 1970-01-01T00:00:00Z; below 0 before it.
  std::uint32_t nanoseconds = 0;

  friend bool operator==(const Time&, const Time&) = default;
  friend auto operator<=>(const Time&, const Time&) = default;
};

// Nothing unless all of `text` is a time as RFC 3339, section 5.6 says: date, T (or t, or a space), time, and Z, z or
// an offset. The days of months are checked, in years 0000 to 9999; a leap second is the second after it.
[[nodiscard]] std::optional<Time> parse_time(std::string_view text);

}  // namespace vibrato::filter
