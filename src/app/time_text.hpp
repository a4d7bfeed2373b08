// Moments as people write them: RFC 3339 in UTC. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

namespace vibrato::app {

// "2027-01-31" (its first moment) or "2027-01-31T18:30:00Z", of the years 1970 to 9999, as milliseconds since
// 1970-01-01 UTC. Errors: kInvalidArgument.
[[nodiscard]] Result<std::int64_t> parse_time(std::string_view text);

// "2027-01-31T18:30:00Z"; milliseconds are cut off.
[[nodiscard]] std::string time_text(std::int64_t time_ms);

}  // namespace vibrato::app
