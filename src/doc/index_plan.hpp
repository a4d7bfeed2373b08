// Which conditions of a filter an index can serve, and by which of its entries. Pure.
//
// A condition can be served if each document that matches the whole filter has an entry in the ranges; they may have
// entries of other documents as well, so what is found by them is asked the filter again. Conditions that must hold are
// looked at, in nested filters too; those under must_not, and alternatives, are not.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "doc/value_key.hpp"
#include "filter/condition.hpp"

namespace vibrato::doc {

struct ServableCondition {
  filter::FieldPath path;
  std::vector<ValueRange> ranges;  // Disjoint, ascending; none: no document matches.
};

struct IndexPlan {
  std::vector<ServableCondition> conditions;
  // The ids that a has_id leaves, ascending: no index is needed then.
  std::optional<std::vector<std::string>> ids;
};

[[nodiscard]] IndexPlan plan_of(const filter::Filter& filter);

}  // namespace vibrato::doc
