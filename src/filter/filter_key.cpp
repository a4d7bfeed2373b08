#include "filter/filter_key.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <vector>

namespace vibrato::filter {
namespace {

// Every part has a length of its own, or tells it before: no two sequences of parts give the same bytes.
class KeyWriter {
 public:
  explicit KeyWriter(std::string& key) : key_(key) {}

  void write(const Condition& condition) {
    std::visit([this](const auto& test) { write(test); }, condition.test);
  }

 private:
  void write(const Group& group) {
    const std::size_t conditions = group.must.size() + group.should.size() + group.must_not.size();
    if (conditions == 1 && group.must_not.empty()) {
      write(group.must.empty() ? group.should.front() : group.must.front());
      return;
    }
    tag('G');
    for (const auto* const members : {&group.must, &group.should, &group.must_not}) {
      write_members(*members);
    }
  }

  void write_members(const std::vector<Condition>& members) {
    std::vector<std::string> keys(members.size());
    for (std::size_t i = 0; i < members.size(); ++i) {
      append_filter_key(members[i], keys[i]);
    }
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    value(std::uint64_t{keys.size()});
    for (const std::string& key : keys) {
      text(key);
    }
  }

  void write(const MatchAny& test) {
    tag('A');
    text(test.path.key);
    scalars(test.values);
  }
  void write(const MatchExcept& test) {
    tag('X');
    text(test.path.key);
    scalars(test.values);
  }
  void write(const MatchPrefix& test) {
    tag('P');
    text(test.path.key);
    text(test.prefix);
  }
  void write(const Range<Number>& test) {
    tag('N');
    range(test);
  }
  void write(const Range<Time>& test) {
    tag('T');
    range(test);
  }
  void write(const HasId& test) {
    tag('I');
    value(std::uint64_t{test.ids.size()});
    for (const PointId& id : test.ids) {
      const PointIdView view = id.view();
      tag(view.is_text ? 't' : 'n');
      if (view.is_text) {
        text(view.text);
      } else {
        value(view.number);
      }
    }
  }
  void write(const IsNull& test) {
    tag('0');
    text(test.path.key);
  }
  void write(const IsEmpty& test) {
    tag('E');
    text(test.path.key);
  }

  template <typename T>
  void range(const Range<T>& test) {
    text(test.path.key);
    bound(test.low);
    bound(test.high);
  }
  template <typename T>
  void bound(const std::optional<Bound<T>>& one) {
    if (!one) {
      tag('-');
      return;
    }
    tag(one->inclusive ? '=' : '~');
    scalar(one->value);
  }

  void scalars(const std::vector<Scalar>& values) {
    value(std::uint64_t{values.size()});
    for (const Scalar& one : values) {
      tag(static_cast<char>('a' + one.index()));
      std::visit([this](const auto& known) { scalar(known); }, one);
    }
  }
  void scalar(bool flag) { tag(flag ? '1' : '0'); }
  void scalar(const Number& number) {
    value(number.base());
    value(number.rest());
  }
  void scalar(const Time& time) {
    value(time.seconds);
    value(time.nanoseconds);
  }
  void scalar(const std::string& string) { text(string); }

  void tag(char one) { key_.push_back(one); }
  template <typename T>
  void value(const T& one) {
    static_assert(std::is_arithmetic_v<T>);
    key_.append(reinterpret_cast<const char*>(&one), sizeof(one));
  }
  void text(std::string_view string) {
    value(std::uint64_t{string.size()});
    key_.append(string);
  }

  std::string& key_;
};

}  // namespace

void append_filter_key(const Filter& filter, std::string& key) {
  KeyWriter(key).write(filter);
}

}  // namespace vibrato::filter
