#include "filter/matcher.hpp"

#include <algorithm>
#include <optional>
#include <simdjson.h>

#include "filter/json_path.hpp"

namespace vibrato::filter {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using Value = std::optional<element>;

bool is_listed(const std::vector<Scalar>& values, const Scalar& scalar) {
  return std::binary_search(values.begin(), values.end(), scalar);
}

bool is_empty(const Value& value) {
  array elements;
  return !value || value->is_null() || (value->get(elements) == simdjson::SUCCESS && elements.size() == 0);
}

// One point under test.
struct Point {
  const PointIdView& id;
  Value meta;

  [[nodiscard]] bool matches(const Condition& condition) const {
    return std::visit([this](const auto& test) { return (*this)(test); }, condition.test);
  }

  bool operator()(const Group& group) const {
    const auto holds = [this](const Condition& condition) { return matches(condition); };
    return std::all_of(group.must.begin(), group.must.end(), holds) &&
           std::none_of(group.must_not.begin(), group.must_not.end(), holds) &&
           (group.should.empty() || std::any_of(group.should.begin(), group.should.end(), holds));
  }
  bool operator()(const MatchAny& test) const {
    return any_scalar(at_path(meta, test.path), [&](const Scalar& scalar) { return is_listed(test.values, scalar); });
  }
  bool operator()(const MatchExcept& test) const {
    const Value value = at_path(meta, test.path);
    return value && !any_scalar(value, [&](const Scalar& scalar) { return is_listed(test.values, scalar); });
  }
  bool operator()(const MatchPrefix& test) const {
    return any_scalar(at_path(meta, test.path), [&](const Scalar& scalar) {
      const auto* text = std::get_if<std::string>(&scalar);
      return text != nullptr && text->starts_with(test.prefix);
    });
  }
  bool operator()(const Range<Number>& test) const {
    return any_scalar(at_path(meta, test.path), [&](const Scalar& scalar) {
      const auto* number = std::get_if<Number>(&scalar);
      return number != nullptr && test.holds(*number);
    });
  }
  bool operator()(const Range<Time>& test) const {
    return any_scalar(at_path(meta, test.path), [&](const Scalar& scalar) {
      const auto* text = std::get_if<std::string>(&scalar);
      const auto time = text != nullptr ? parse_time(*text) : std::nullopt;
      return time && test.holds(*time);
    });
  }
  bool operator()(const HasId& test) const {
    const auto at = std::lower_bound(test.ids.begin(), test.ids.end(), id,
                                     [](const PointId& a, const PointIdView& b) { return a.view() < b; });
    return at != test.ids.end() && at->view() == id;
  }
  bool operator()(const IsNull& test) const {
    const Value value = at_path(meta, test.path);
    return value && value->is_null();
  }
  bool operator()(const IsEmpty& test) const { return is_empty(at_path(meta, test.path)); }
};

}  // namespace

class Matcher::Impl {
 public:
  explicit Impl(const Filter& filter) : filter_(filter) {}

  Result<bool> matches(const PointIdView& id, std::string_view meta_json) {
    Point point{id, std::nullopt};
    if (!meta_json.empty()) {
      element root;
      if (parser_.parse(meta_json.data(), meta_json.size()).get(root) != simdjson::SUCCESS) {
        return corruption("the stored meta of a point is no JSON");
      }
      point.meta = root;
    }
    return point.matches(filter_);
  }

 private:
  const Filter& filter_;
  simdjson::dom::parser parser_;
};

Matcher::Matcher(const Filter& filter) : impl_(std::make_unique<Impl>(filter)) {}

Matcher::~Matcher() = default;

Result<bool> Matcher::matches(const PointIdView& id, std::string_view meta_json) {
  return impl_->matches(id, meta_json);
}

}  // namespace vibrato::filter
