// Whether one point matches a filter: the definition of what filters mean. Meta indexes answer the same for many points
// at once, and are tested against this.
#pragma once

#include <memory>
#include <string_view>
#include <vibrato/result.hpp>

#include "filter/condition.hpp"

namespace vibrato::filter {

// Reuses its parser's memory from point to point. Thread-safety: one thread at a time.
class Matcher {
 public:
  // Borrows the filter.
  explicit Matcher(const Filter& filter);
  ~Matcher();
  Matcher(const Matcher&) = delete;
  Matcher& operator=(const Matcher&) = delete;

  // meta_json: empty for a point without meta, which has no key at all. Of a key that comes twice in an object the last
  // counts. Errors: kCorruption for meta that is no JSON.
  [[nodiscard]] Result<bool> matches(const PointIdView& id, std::string_view meta_json);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vibrato::filter
