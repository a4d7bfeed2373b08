#include "filter/time.hpp"

#include <chrono>

namespace vibrato::filter {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Reads from the front of a text; once something does not fit, everything answers false.
class Reader {
 public:
  explicit Reader(std::string_view text) : left_(text) {}

  // Exactly `digits` of them, with a value from `min` to `max`.
  bool number(std::size_t digits, int min, int max, int& value) {
    if (left_.size() < digits) {
      return false;
    }
    value = 0;
    for (const char c : left_.substr(0, digits)) {
      if (!is_digit(c)) {
        return false;
      }
      value = value * 10 + (c - '0');
    }
    left_.remove_prefix(digits);
    return value >= min && value <= max;
  }

  bool one_of(std::string_view characters, char& found) {
    if (left_.empty() || characters.find(left_.front()) == std::string_view::npos) {
      return false;
    }
    found = left_.front();
    left_.remove_prefix(1);
    return true;
  }
  bool one_of(std::string_view characters) {
    char ignored = 0;
    return one_of(characters, ignored);
  }

  // ".25", or nothing at all.
  bool fraction(std::uint32_t& nanoseconds) {
    nanoseconds = 0;
    if (!one_of(".")) {
      return true;
    }
    std::uint32_t unit = 100'000'000;
    std::size_t digits = 0;
    for (; digits < left_.size() && is_digit(left_[digits]); ++digits) {
      nanoseconds += unit * static_cast<std::uint32_t>(left_[digits] - '0');
      unit /= 10;
    }
    left_.remove_prefix(digits);
    return digits > 0;
  }

  // Z, or +01:00: seconds that the text is ahead of UTC.
  bool offset(int& seconds) {
    char sign = 0;
    seconds = 0;
    if (one_of("Zz")) {
      return true;
    }
    int hours = 0;
    int minutes = 0;
    if (!one_of("+-", sign) || !number(2, 0, 23, hours) || !one_of(":") || !number(2, 0, 59, minutes)) {
      return false;
    }
    seconds = (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
  }

  [[nodiscard]] bool at_end() const { return left_.empty(); }

 private:
  std::string_view left_;
};

}  // namespace

std::optional<Time> parse_time(std::string_view text) {
  Reader reader(text);
  int year = 0;
  int month = 0;
  int day = 0;
  if (!reader.number(4, 0, 9999, year) || !reader.one_of("-") || !reader.number(2, 1, 12, month) ||
      !reader.one_of("-") || !reader.number(2, 1, 31, day)) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  int hour = 0;
  int minute = 0;
  int second = 0;
  int ahead = 0;
  Time time;
  if (!date.ok() || !reader.one_of("Tt ") || !reader.number(2, 0, 23, hour) || !reader.one_of(":") ||
      !reader.number(2, 0, 59, minute) || !reader.one_of(":") || !reader.number(2, 0, 60, second) ||
      !reader.fraction(time.nanoseconds) || !reader.offset(ahead) || !reader.at_end()) {
    return std::nullopt;
  }
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  time.seconds = days * 86'400 + hour * 3600 + minute * 60 + second - ahead;
  return time;
}

}  // namespace vibrato::filter
