#include "app/time_text.hpp"

#include <charconv>
#include <chrono>
#include <fmt/core.h>

namespace vibrato::app {
namespace {

// "dd": digits of `text` as `pattern` has 'd's; any other character stands for itself. False if they differ.
bool read_digits(std::string_view text, std::string_view pattern, int (&numbers)[6]) {
  if (text.size() != pattern.size()) return false;
  std::size_t count = 0;
  for (std::size_t i = 0; i < pattern.size();) {
    if (pattern[i] != 'd') {
      if (text[i] != pattern[i]) return false;
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < pattern.size() && pattern[end] == 'd') ++end;
    for (std::size_t j = i; j < end; ++j) {
      if (text[j] < '0' || text[j] > '9') return false;
    }
    std::from_chars(text.data() + i, text.data() + end, numbers[count++]);
    i = end;
  }
  return true;
}

}  // namespace

Result<std::int64_t> parse_time(std::string_view text) {
  using namespace std::chrono;
  int numbers[6] = {0, 0, 0, 0, 0, 0};
  const bool is_whole = read_digits(text, "dddd-dd-ddTdd:dd:ddZ", numbers);
  const bool is_read = is_whole || read_digits(text, "dddd-dd-dd", numbers);
  const auto [y, mo, d, h, mi, s] = numbers;
  const year_month_day date{year(y), month(static_cast<unsigned>(mo)), day(static_cast<unsigned>(d))};
  if (!is_read || !date.ok() || y < 1970 || h > 23 || mi > 59 || s > 59) {
    return invalid_argument(
        fmt::format("'{}' is no time in UTC like 2027-01-31 or 2027-01-31T18:30:00Z, from 1970 on", text));
  }
  const auto time = sys_days(date) + hours(h) + minutes(mi) + seconds(s);
  return duration_cast<milliseconds>(time.time_since_epoch()).count();
}

std::string time_text(std::int64_t time_ms) {
  using namespace std::chrono;
  const sys_time<milliseconds> time{milliseconds(time_ms)};
  const auto midnight = floor<days>(time);
  const year_month_day date(midnight);
  const hh_mm_ss clock(floor<seconds>(time - midnight));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

}  // namespace vibrato::app
