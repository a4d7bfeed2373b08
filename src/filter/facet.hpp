// How many points have which value under a key. Strings, numbers and bools count, and of an array each distinct element
// once a point; null and objects do not.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <vibrato/result.hpp>

#include "filter/condition.hpp"
#include "filter/row_set.hpp"
#include "format/meta_index.hpp"

namespace vibrato::filter {

using FacetCounts = std::map<Scalar, std::uint64_t>;

// Adds what the index knows of these rows, and answers those of them that only their meta can tell (values that are
// too long, or past the caps of the index): none of their values was counted. `index`: null without meta.
// `keep_going`: asked now and then. Errors: kCorruption; those of keep_going.
[[nodiscard]] Result<RowSet> count_values(const format::MetaIndexView* index, const RowSet& rows, const FieldPath& path,
                                          const std::function<Status()>& keep_going, FacetCounts& counts);

// The same, point by point. Thread-safety: one thread at a time.
class ValueCounter {
 public:
  // Borrows both.
  ValueCounter(const FieldPath& path, FacetCounts& counts);
  ~ValueCounter();
  ValueCounter(const ValueCounter&) = delete;
  ValueCounter& operator=(const ValueCounter&) = delete;

  // Errors: kCorruption for meta that is no JSON.
  [[nodiscard]] Status add(std::string_view meta_json);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vibrato::filter
