// A filter: what a point's id and meta must be like. One grammar for searches, scrolling, counting, deleting and
// documents; parse_filter.hpp reads it from JSON, matcher.hpp decides for one point, the meta indexes for many.
//
// Words. A *key* is a dotted path; it steps through objects only, never into arrays, and "a.b" never means a key that
// contains a dot. A point has a *value* there or the key is *absent*. A condition on an array holds if it holds for any
// of its elements, which count only where they are strings, numbers or bools.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/point_id.hpp"
#include "filter/number.hpp"
#include "filter/time.hpp"

namespace vibrato::filter {

// What can be compared for equality. Ordered false, true, numbers, strings bytewise: the order of facets and of
// indexes.
using Scalar = std::variant<bool, Number, std::string>;

struct FieldPath {
  std::string key;                 // As written.
  std::vector<std::string> steps;  // Cut at the dots; never empty.

  friend bool operator==(const FieldPath&, const FieldPath&) = default;
};

// The value, or an element, is one of these. {match: {value}} and {match: {any}}.
struct MatchAny {
  FieldPath path;
  std::vector<Scalar> values;  // Ascending, no two equal.
};

// The key is present, and neither the value nor an element is one of these: null, [] and objects are not.
struct MatchExcept {
  FieldPath path;
  std::vector<Scalar> values;  // Ascending, no two equal.
};

// The string, or one among the elements, begins with this, bytewise.
struct MatchPrefix {
  FieldPath path;
  std::string prefix;
};

template <typename T>
struct Bound {
  T value;
  bool inclusive = false;
};

// Both bounds hold for one and the same value or element. T is Number, or Time: then a string that is no time never
// matches.
template <typename T>
struct Range {
  FieldPath path;
  std::optional<Bound<T>> low;
  std::optional<Bound<T>> high;

  [[nodiscard]] bool holds(const T& value) const {
    const bool above = !low || low->value < value || (low->inclusive && low->value == value);
    const bool below = !high || value < high->value || (high->inclusive && high->value == value);
    return above && below;
  }
};

struct HasId {
  std::vector<PointId> ids;  // Ascending, no two equal.
};

// The value is JSON null.
struct IsNull {
  FieldPath path;
};

// Absent, null or [].
struct IsEmpty {
  FieldPath path;
};

struct Condition;

// All of `must`, none of `must_not` and, unless it is empty, at least one of `should`. Without conditions it holds.
struct Group {
  std::vector<Condition> must;
  std::vector<Condition> should;
  std::vector<Condition> must_not;
};

struct Condition {
  std::variant<Group, MatchAny, MatchExcept, MatchPrefix, Range<Number>, Range<Time>, HasId, IsNull, IsEmpty> test;
};

// The root of a filter.
using Filter = Condition;

}  // namespace vibrato::filter
