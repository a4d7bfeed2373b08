#include "doc/index_plan.hpp"

#include <utility>
#include <variant>

#include "base/limits.hpp"

namespace vibrato::doc {
namespace {

std::string_view kept_text(std::string_view text) {
  return text.substr(0, limits::kIndexedTextBytesMax);
}

ValueRange range_of_scalar(const filter::Scalar& scalar) {
  const auto* text = std::get_if<std::string>(&scalar);
  return range_of_one(text != nullptr ? key_of(kept_text(*text)) : key_of(scalar));
}

ValueRange range_of_prefix(std::string_view prefix) {
  const std::string_view kept = kept_text(prefix);
  return kept.size() < prefix.size() ? range_of_one(key_of(kept)) : range_of_beginning(key_of(kept));
}

template <typename T>
ValueRange range_between(const filter::Range<T>& range, ValueKind kind) {
  ValueRange keys = range_of(kind);
  if (range.low) {
    ValueRange one = range_of_one(key_of(range.low->value));
    keys.from = range.low->inclusive ? std::move(one.from) : std::move(one.to);
  }
  if (range.high) {
    ValueRange one = range_of_one(key_of(range.high->value));
    keys.to = range.high->inclusive ? std::move(one.to) : std::move(one.from);
  }
  return keys;
}

class Planner {
 public:
  void look_at(const filter::Condition& condition) {
    std::visit([this](const auto& test) { (*this)(test); }, condition.test);
  }
  IndexPlan take() { return std::move(plan_); }

  void operator()(const filter::Group& group) {
    for (const filter::Condition& condition : group.must) {
      look_at(condition);
    }
    if (group.should.size() == 1) {
      look_at(group.should.front());
    }
  }
  void operator()(const filter::MatchAny& test) {
    std::vector<ValueRange> ranges;
    for (const filter::Scalar& value : test.values) {
      ValueRange range = range_of_scalar(value);
      if (ranges.empty() || ranges.back().from != range.from) {  // Long strings may be cut to the same one.
        ranges.push_back(std::move(range));
      }
    }
    add(test.path, std::move(ranges));
  }
  void operator()(const filter::MatchPrefix& test) { add(test.path, {range_of_prefix(test.prefix)}); }
  void operator()(const filter::Range<filter::Number>& test) {
    add(test.path, {range_between(test, ValueKind::kNumber)});
  }
  void operator()(const filter::Range<filter::Time>& test) { add(test.path, {range_between(test, ValueKind::kTime)}); }
  void operator()(const filter::IsNull& test) { plan_.conditions.push_back({test.path, {range_of(ValueKind::kNull)}}); }
  void operator()(const filter::HasId& test) {
    if (plan_.ids) {
      return;  // One of them is enough: the filter is asked again.
    }
    plan_.ids.emplace();
    for (const PointId& id : test.ids) {
      if (id.view().is_text) {
        plan_.ids->emplace_back(id.view().text);
      }
    }
  }
  void operator()(const filter::MatchExcept& /*test*/) {}
  void operator()(const filter::IsEmpty& /*test*/) {}

 private:
  // For conditions that an element of an array fulfils too.
  void add(const filter::FieldPath& path, std::vector<ValueRange> ranges) {
    if (!ranges.empty()) {
      ranges.push_back(range_of(ValueKind::kManyElements));
    }
    plan_.conditions.push_back({path, std::move(ranges)});
  }

  IndexPlan plan_;
};

}  // namespace

IndexPlan plan_of(const filter::Filter& filter) {
  Planner planner;
  planner.look_at(filter);
  return planner.take();
}

}  // namespace vibrato::doc
