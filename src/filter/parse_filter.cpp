#include "filter/parse_filter.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <optional>
#include <string>
#include <utility>
#include <vibrato/check.hpp>

#include "base/limits.hpp"
#include "filter/json_scalar.hpp"
#include "filter/meta_value.hpp"

namespace vibrato::filter {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

// Where in the filter the parser is; made to text for messages only.
struct Place {
  const Place* outer = nullptr;
  std::string_view name;
  std::optional<std::size_t> index;

  [[nodiscard]] std::string text() const {
    if (outer == nullptr) {
      return std::string(name);
    }
    return index ? fmt::format("{}[{}]", outer->text(), *index) : fmt::format("{}.{}", outer->text(), name);
  }
};

Status fault(const Place& place, std::string_view what) {
  return {ErrorCode::kInvalidFilter, fmt::format("{}: {}", place.text(), what)};
}

constexpr std::string_view kConditions =
    "must be a filter (must, should, must_not) or a condition: key with match or range, has_id, is_null, is_empty";

template <typename T>
void sort_unique(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

// The fields of an object by name; each known one at most once.
template <std::size_t kCount>
class Fields {
 public:
  using Names = std::array<std::string_view, kCount>;

  static Result<Fields> read(const object& json, const Names& names, const Place& place) {
    Fields fields(names);
    for (const auto& [key, value] : json) {
      const auto known = std::find(names.begin(), names.end(), key);
      if (known == names.end()) {
        return fault(place, fmt::format("unknown field \"{}\"; it {}", key, kConditions));
      }
      std::optional<element>& field = fields.values_[static_cast<std::size_t>(known - names.begin())];
      if (field) {
        return fault(place, fmt::format("\"{}\" comes twice", key));
      }
      field = value;
      ++fields.count_;
    }
    return fields;
  }

  [[nodiscard]] const std::optional<element>& get(std::string_view name) const {
    const auto known = std::find(names_.begin(), names_.end(), name);
    VIBRATO_CHECK(known != names_.end());
    return values_[static_cast<std::size_t>(known - names_.begin())];
  }
  [[nodiscard]] bool has(std::string_view name) const { return get(name).has_value(); }
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  explicit Fields(const Names& names) : names_(names) {}

  Names names_;
  std::array<std::optional<element>, kCount> values_;
  std::size_t count_ = 0;
};

class Parser {
 public:
  Result<Condition> condition(const element& json, const Place& place) {
    if (++nodes_ > limits::kFilterNodesMax) {
      return fault(place, fmt::format("too many conditions; a filter has at most {}", limits::kFilterNodesMax));
    }
    object fields_json;
    if (json.get(fields_json) != simdjson::SUCCESS) {
      return fault(place, kConditions);
    }
    constexpr Fields<9>::Names kNames{"must",  "should", "must_not", "key",     "match",
                                      "range", "has_id", "is_null",  "is_empty"};
    VIBRATO_ASSIGN_OR_RETURN(const Fields<9> fields, Fields<9>::read(fields_json, kNames, place));
    const bool is_group = fields.has("must") || fields.has("should") || fields.has("must_not");
    const bool is_keyed = fields.has("key") || fields.has("match") || fields.has("range");
    const int kinds = int{is_group} + int{is_keyed} + int{fields.has("has_id")} + int{fields.has("is_null")} +
                      int{fields.has("is_empty")};
    if (kinds > 1) {
      return fault(place, "mixes conditions; put each in an object of its own");
    }
    if (is_keyed) {
      return keyed(fields, place);
    }
    if (fields.has("has_id")) {
      return has_id(*fields.get("has_id"), {&place, "has_id", {}});
    }
    if (fields.has("is_null")) {
      VIBRATO_ASSIGN_OR_RETURN(FieldPath path, key_path(*fields.get("is_null"), {&place, "is_null", {}}));
      return Condition{IsNull{std::move(path)}};
    }
    if (fields.has("is_empty")) {
      VIBRATO_ASSIGN_OR_RETURN(FieldPath path, key_path(*fields.get("is_empty"), {&place, "is_empty", {}}));
      return Condition{IsEmpty{std::move(path)}};
    }
    return group(fields, place);
  }

  Result<Condition> equalities(const element& json, const Place& place) {
    object fields;
    if (json.get(fields) != simdjson::SUCCESS) {
      return fault(place, "must be an object of keys and the values they must equal");
    }
    Group all;
    for (const auto& [key, value] : fields) {
      const Place here{&place, key, {}};
      if (++nodes_ > limits::kFilterNodesMax) {
        return fault(place, fmt::format("too many keys; at most {}", limits::kFilterNodesMax));
      }
      VIBRATO_RETURN_IF_ERROR(check_key(key, here));
      VIBRATO_ASSIGN_OR_RETURN(Scalar scalar, one_value(value, here));
      all.must.push_back({MatchAny{path_of(key), {std::move(scalar)}}});
    }
    return Condition{std::move(all)};
  }

 private:
  Result<Condition> group(const Fields<9>& fields, const Place& place) {
    Group made;
    VIBRATO_RETURN_IF_ERROR(conditions(fields.get("must"), {&place, "must", {}}, made.must));
    VIBRATO_RETURN_IF_ERROR(conditions(fields.get("should"), {&place, "should", {}}, made.should));
    VIBRATO_RETURN_IF_ERROR(conditions(fields.get("must_not"), {&place, "must_not", {}}, made.must_not));
    return Condition{std::move(made)};
  }

  // One condition, or an array of them.
  Status conditions(const std::optional<element>& json, const Place& place, std::vector<Condition>& out) {
    if (!json) {
      return ok_status();
    }
    array list;
    if (json->get(list) != simdjson::SUCCESS) {
      VIBRATO_ASSIGN_OR_RETURN(Condition one, condition(*json, place));
      out.push_back(std::move(one));
      return ok_status();
    }
    std::size_t index = 0;
    for (const element item : list) {
      VIBRATO_ASSIGN_OR_RETURN(Condition one, condition(item, {&place, {}, index}));
      out.push_back(std::move(one));
      ++index;
    }
    return ok_status();
  }

  Result<Condition> keyed(const Fields<9>& fields, const Place& place) {
    if (!fields.has("key")) {
      return fault(place, "needs \"key\", the dotted path of what it compares");
    }
    if (fields.has("match") == fields.has("range")) {
      return fault(place, "needs either \"match\" or \"range\" beside \"key\"");
    }
    VIBRATO_ASSIGN_OR_RETURN(FieldPath path, key_path(*fields.get("key"), {&place, "key", {}}));
    if (fields.has("match")) {
      return match(std::move(path), *fields.get("match"), {&place, "match", {}});
    }
    return range(std::move(path), *fields.get("range"), {&place, "range", {}});
  }

  static Status check_key(std::string_view key, const Place& place) {
    if (key.empty() || key.size() > limits::kFilterKeyBytesMax) {
      return fault(place, fmt::format("a key has 1 to {} bytes", limits::kFilterKeyBytesMax));
    }
    return ok_status();
  }

  static Result<FieldPath> key_path(const element& json, const Place& place) {
    std::string_view key;
    if (json.get(key) != simdjson::SUCCESS) {
      return fault(place, "must be a string, the dotted path of a key");
    }
    VIBRATO_RETURN_IF_ERROR(check_key(key, place));
    return path_of(key);
  }

  Result<Condition> match(FieldPath path, const element& json, const Place& place) {
    constexpr std::string_view kForms = "must be an object with one of value, any, except, prefix";
    object forms;
    if (json.get(forms) != simdjson::SUCCESS) {
      return fault(place, kForms);
    }
    constexpr Fields<4>::Names kNames{"value", "any", "except", "prefix"};
    VIBRATO_ASSIGN_OR_RETURN(const Fields<4> fields, Fields<4>::read(forms, kNames, place));
    if (fields.count() != 1) {
      return fault(place, kForms);
    }
    if (fields.has("value")) {
      VIBRATO_ASSIGN_OR_RETURN(Scalar scalar, one_value(*fields.get("value"), {&place, "value", {}}));
      return Condition{MatchAny{std::move(path), {std::move(scalar)}}};
    }
    if (fields.has("any")) {
      VIBRATO_ASSIGN_OR_RETURN(auto values, list_of_values(*fields.get("any"), {&place, "any", {}}));
      return Condition{MatchAny{std::move(path), std::move(values)}};
    }
    if (fields.has("except")) {
      VIBRATO_ASSIGN_OR_RETURN(auto values, list_of_values(*fields.get("except"), {&place, "except", {}}));
      return Condition{MatchExcept{std::move(path), std::move(values)}};
    }
    std::string_view prefix;
    if (fields.get("prefix")->get(prefix) != simdjson::SUCCESS) {
      return fault({&place, "prefix", {}}, "must be a string");
    }
    return Condition{MatchPrefix{std::move(path), std::string(prefix)}};
  }

  Status count_value(const Place& place) {
    if (++values_ > limits::kFilterValuesMax) {
      return fault(place, fmt::format("too many values; a filter has at most {}", limits::kFilterValuesMax));
    }
    return ok_status();
  }

  Result<Scalar> one_value(const element& json, const Place& place) {
    VIBRATO_RETURN_IF_ERROR(count_value(place));
    auto scalar = scalar_of(json);
    if (!scalar) {
      return fault(place, "must be a string, a number or a bool; for null use is_null");
    }
    return *std::move(scalar);
  }

  Result<std::vector<Scalar>> list_of_values(const element& json, const Place& place) {
    array list;
    if (json.get(list) != simdjson::SUCCESS) {
      return fault(place, "must be an array of strings, numbers and bools");
    }
    std::vector<Scalar> values;
    std::size_t index = 0;
    for (const element item : list) {
      VIBRATO_ASSIGN_OR_RETURN(Scalar scalar, one_value(item, {&place, {}, index}));
      values.push_back(std::move(scalar));
      ++index;
    }
    sort_unique(values);
    return values;
  }

  Result<Condition> range(FieldPath path, const element& json, const Place& place) {
    object bounds;
    if (json.get(bounds) != simdjson::SUCCESS) {
      return fault(place, "must be an object with gt, gte, lt or lte");
    }
    constexpr Fields<4>::Names kNames{"gt", "gte", "lt", "lte"};
    VIBRATO_ASSIGN_OR_RETURN(const Fields<4> fields, Fields<4>::read(bounds, kNames, place));
    if (fields.count() == 0) {
      return fault(place, "needs a bound: gt, gte, lt or lte");
    }
    Range<Number> numbers{path, {}, {}};
    Range<Time> times{std::move(path), {}, {}};
    for (const std::string_view name : kNames) {
      if (fields.has(name)) {
        VIBRATO_RETURN_IF_ERROR(bound(*fields.get(name), name, {&place, name, {}}, numbers, times));
      }
    }
    const bool has_numbers = numbers.low || numbers.high;
    if (has_numbers && (times.low || times.high)) {
      return fault(place, "one bound is a number, another a time");
    }
    return has_numbers ? Condition{std::move(numbers)} : Condition{std::move(times)};
  }

  static Status bound(const element& json, std::string_view name, const Place& place, Range<Number>& numbers,
                      Range<Time>& times) {
    const bool is_low = name[0] == 'g';
    const bool inclusive = name.size() == 3;
    if (const auto number = number_of(json)) {
      tighten(is_low ? numbers.low : numbers.high, {*number, inclusive}, is_low);
      return ok_status();
    }
    std::string_view text;
    const auto time = json.get(text) == simdjson::SUCCESS ? parse_time(text) : std::nullopt;
    if (!time) {
      return fault(place, "must be a number or a time such as 2026-11-21T07:30:00Z (RFC 3339)");
    }
    tighten(is_low ? times.low : times.high, {*time, inclusive}, is_low);
    return ok_status();
  }

  // Of two bounds on one side, gt and gte, both must hold: the one that lets fewer values through is kept.
  template <typename T>
  static void tighten(std::optional<Bound<T>>& kept, const Bound<T>& other, bool is_low) {
    if (kept && kept->value == other.value) {
      kept->inclusive = kept->inclusive && other.inclusive;
    } else if (!kept || (is_low ? kept->value < other.value : other.value < kept->value)) {
      kept = other;
    }
  }

  Result<Condition> has_id(const element& json, const Place& place) {
    array list;
    if (json.get(list) != simdjson::SUCCESS) {
      return fault(place, "must be an array of ids");
    }
    HasId made;
    std::size_t index = 0;
    for (const element item : list) {
      const Place here{&place, {}, index++};
      VIBRATO_RETURN_IF_ERROR(count_value(here));
      if (item.is_string() && !std::string_view(item).empty() &&
          std::string_view(item).size() <= limits::kPointIdBytesMax) {
        made.ids.emplace_back(std::string(std::string_view(item)));
      } else if (std::uint64_t number = 0; item.get(number) == simdjson::SUCCESS) {
        made.ids.emplace_back(number);
      } else {
        return fault(here, fmt::format("must be an id: a string of 1 to {} bytes, or a whole number from 0 to 2^64 - 1",
                                       limits::kPointIdBytesMax));
      }
    }
    sort_unique(made.ids);
    return Condition{std::move(made)};
  }

  std::size_t nodes_ = 0;
  std::size_t values_ = 0;
};

}  // namespace

Result<Filter> parse_filter(element json, std::string_view name) {
  return Parser().condition(json, {nullptr, name, {}});
}

Result<Filter> parse_equalities(element json, std::string_view name) {
  return Parser().equalities(json, {nullptr, name, {}});
}

Result<FieldPath> parse_path(std::string_view key, std::string_view name) {
  if (key.empty() || key.size() > limits::kFilterKeyBytesMax) {
    return invalid_argument(fmt::format("{} must be a dotted path of 1 to {} bytes", name, limits::kFilterKeyBytesMax));
  }
  return path_of(key);
}

}  // namespace vibrato::filter
