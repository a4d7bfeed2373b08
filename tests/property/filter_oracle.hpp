// What a filter means, written from the description of the interface alone and as plainly as it goes: over whole JSON
// values, without indexes. Random runs are held against it.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <ctime>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace vibrato::test {

using nlohmann::json;

// A scalar as facets order them: bools, numbers by their exact value, strings. long double holds every u64, i64 and
// f64.
static_assert(std::numeric_limits<long double>::digits >= 64);
using OracleScalar = std::tuple<int, long double, std::string>;

inline std::optional<OracleScalar> oracle_scalar(const json& value) {
  if (value.is_boolean()) return OracleScalar{0, value.get<bool>() ? 1 : 0, ""};
  if (value.is_number_unsigned()) return OracleScalar{1, value.get<std::uint64_t>(), ""};
  if (value.is_number_integer()) return OracleScalar{1, value.get<std::int64_t>(), ""};
  if (value.is_number_float()) return OracleScalar{1, value.get<double>(), ""};
  if (value.is_string()) return OracleScalar{2, 0, value.get<std::string>()};
  return std::nullopt;
}

// Numbers by their exact values, which json's own == rounds.
inline bool oracle_equal(const json& a, const json& b) {
  if (a.is_array() && b.is_array()) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), oracle_equal);
  }
  if (a.is_object() && b.is_object()) {
    return a.size() == b.size() && std::all_of(a.items().begin(), a.items().end(), [&](const auto& field) {
             return b.contains(field.key()) && oracle_equal(field.value(), b[field.key()]);
           });
  }
  const auto scalar = oracle_scalar(a);
  return scalar ? scalar == oracle_scalar(b) : a.type() == b.type();
}

// Null where the key is absent.
inline const json* oracle_value(const json& meta, const std::string& key) {
  const json* here = &meta;
  for (std::size_t begin = 0; begin <= key.size();) {
    const std::size_t end = std::min(key.find('.', begin), key.size());
    if (!here->is_object()) return nullptr;
    const auto found = here->find(key.substr(begin, end - begin));
    if (found == here->end()) return nullptr;
    here = &*found;
    begin = end + 1;
  }
  return here;
}

// The scalar itself, or those among the elements of an array.
inline std::vector<OracleScalar> oracle_scalars(const json* value) {
  std::vector<OracleScalar> scalars;
  const auto add = [&](const json& one) {
    if (const auto scalar = oracle_scalar(one)) scalars.push_back(*scalar);
  };
  if (value != nullptr && value->is_array()) {
    std::for_each(value->begin(), value->end(), add);
  } else if (value != nullptr) {
    add(*value);
  }
  return scalars;
}

// The parts of a text in the form of an RFC 3339 time: year to second, digits of the fraction, and the offset with
// sign.
struct OracleTimeParts {
  std::array<int, 6> clock{};
  std::string fraction;
  int sign = 1;
  std::array<int, 2> ahead{};
};

inline std::optional<OracleTimeParts> oracle_time_parts(const std::string& text) {
  OracleTimeParts parts;
  std::size_t at = 0;
  const auto is_digit = [&] { return at < text.size() && text[at] >= '0' && text[at] <= '9'; };
  const auto take = [&](std::string_view one_of) {
    const bool is_there = at < text.size() && one_of.find(text[at]) != std::string_view::npos;
    at += is_there ? 1 : 0;
    return is_there;
  };
  const auto digits = [&](int count, int& number) {
    for (number = 0; count > 0 && is_digit(); --count) {
      number = number * 10 + (text[at++] - '0');
    }
    return count == 0;
  };
  constexpr std::array<std::string_view, 6> kBefore = {"", "-", "-", "Tt ", ":", ":"};
  for (std::size_t i = 0; i < kBefore.size(); ++i) {
    if ((i > 0 && !take(kBefore.at(i))) || !digits(i == 0 ? 4 : 2, parts.clock.at(i))) return std::nullopt;
  }
  if (take(".")) {
    while (is_digit()) parts.fraction += text[at++];
    if (parts.fraction.empty()) return std::nullopt;
  }
  if (!take("Zz")) {
    parts.sign = at < text.size() && text[at] == '-' ? -1 : 1;
    if (!take("+-") || !digits(2, parts.ahead[0]) || !take(":") || !digits(2, parts.ahead[1])) return std::nullopt;
  }
  return at == text.size() ? std::optional(parts) : std::nullopt;
}

// Seconds and nanoseconds of an RFC 3339 time.
inline std::optional<std::pair<std::int64_t, int>> oracle_time(const std::string& text) {
  const std::optional<OracleTimeParts> parts = oracle_time_parts(text);
  if (!parts) return std::nullopt;
  const auto& [year, month, month_day, hour, minute, second] = parts->clock;
  std::tm day{};
  day.tm_year = year - 1900;
  day.tm_mon = month - 1;
  day.tm_mday = month_day;
  const std::tm written = day;
  const std::int64_t midnight = ::timegm(&day);
  if (day.tm_year != written.tm_year || day.tm_mon != written.tm_mon || day.tm_mday != written.tm_mday) {
    return std::nullopt;
  }
  if (hour > 23 || minute > 59 || second > 60 || parts->ahead[0] > 23 || parts->ahead[1] > 59) return std::nullopt;
  const int ahead = (parts->ahead[0] * 60 + parts->ahead[1]) * 60 * parts->sign;
  const int nanoseconds = std::stoi((parts->fraction + "000000000").substr(0, 9));
  return std::pair(midnight + hour * 3600 + minute * 60 + second - ahead, nanoseconds);
}

template <typename T>
bool oracle_within(const T& value, const std::map<std::string, T>& bounds) {
  return std::all_of(bounds.begin(), bounds.end(), [&](const auto& bound) {
    if (bound.first == "gt") return value > bound.second;
    if (bound.first == "gte") return value >= bound.second;
    if (bound.first == "lt") return value < bound.second;
    return value <= bound.second;
  });
}

inline bool oracle_range(const std::vector<OracleScalar>& values, const json& range) {
  std::map<std::string, long double> numbers;
  std::map<std::string, std::pair<std::int64_t, int>> times;
  for (const auto& [name, bound] : range.items()) {
    if (bound.is_string()) {
      times[name] = oracle_time(bound.get<std::string>()).value();
    } else {
      numbers[name] = std::get<1>(oracle_scalar(bound).value());
    }
  }
  return std::any_of(values.begin(), values.end(), [&](const OracleScalar& value) {
    const auto& [kind, number, text] = value;
    if (!numbers.empty()) return kind == 1 && oracle_within(number, numbers);
    const auto time = kind == 2 ? oracle_time(text) : std::nullopt;
    return time && oracle_within(*time, times);
  });
}

inline bool oracle_match(const json* value, const json& match) {
  const std::vector<OracleScalar> values = oracle_scalars(value);
  const auto any_of = [&](const json& listed) {
    return std::any_of(listed.begin(), listed.end(), [&](const json& one) {
      return std::find(values.begin(), values.end(), oracle_scalar(one).value()) != values.end();
    });
  };
  if (match.contains("value")) return any_of(json::array({match["value"]}));
  if (match.contains("any")) return any_of(match["any"]);
  if (match.contains("except")) return value != nullptr && !any_of(match["except"]);
  return std::any_of(values.begin(), values.end(), [&](const OracleScalar& one) {
    return std::get<0>(one) == 2 && std::get<2>(one).starts_with(match["prefix"].get<std::string>());
  });
}

// `id` as the interface writes it; `meta`: null for none.
inline bool oracle_matches(const json& filter, const json& id, const json& meta) {
  if (filter.contains("key")) {
    const json* const value = oracle_value(meta, filter["key"]);
    return filter.contains("match") ? oracle_match(value, filter["match"])
                                    : oracle_range(oracle_scalars(value), filter["range"]);
  }
  if (filter.contains("has_id")) {
    return std::any_of(filter["has_id"].begin(), filter["has_id"].end(),
                       [&](const json& one) { return one.is_string() == id.is_string() && one == id; });
  }
  if (filter.contains("is_null")) {
    const json* const value = oracle_value(meta, filter["is_null"]);
    return value != nullptr && value->is_null();
  }
  if (filter.contains("is_empty")) {
    const json* const value = oracle_value(meta, filter["is_empty"]);
    return value == nullptr || value->is_null() || (value->is_array() && value->empty());
  }
  const auto conditions = [&](const char* name) {
    const json given = filter.value(name, json::array());
    return given.is_array() ? given : json::array({given});
  };
  const auto holds = [&](const json& condition) { return oracle_matches(condition, id, meta); };
  const json must = conditions("must");
  const json should = conditions("should");
  const json must_not = conditions("must_not");
  return std::all_of(must.begin(), must.end(), holds) && std::none_of(must_not.begin(), must_not.end(), holds) &&
         (should.empty() || std::any_of(should.begin(), should.end(), holds));
}

// As facets answer it: the most frequent first, then in the order of the values.
using OracleFacet = std::vector<std::pair<OracleScalar, std::uint64_t>>;

inline OracleFacet oracle_facet(const std::map<OracleScalar, std::uint64_t>& counts, std::size_t limit) {
  OracleFacet facet(counts.begin(), counts.end());
  std::stable_sort(facet.begin(), facet.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  facet.resize(std::min(limit, facet.size()));
  return facet;
}

}  // namespace vibrato::test
