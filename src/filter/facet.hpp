// How many points have which value under a key. Strings, numbers and bools count, and of an array each distinct element
// once a point; null and objects do not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <vibrato/result.hpp>

#include "base/limits.hpp"
#include "filter/condition.hpp"
#include "filter/row_set.hpp"
#include "format/meta_index.hpp"

namespace vibrato::filter {

// Values and how many points have them, ascending, in bounded memory.
class FacetCounts {
 public:
  explicit FacetCounts(std::size_t bytes_max = limits::kFacetBytesMax) : bytes_max_(bytes_max) {}

  // Errors: kPayloadTooLarge for a new value past the bound.
  [[nodiscard]] Status add(const Scalar& value, std::uint64_t count);
  // What a value takes of the bound.
  [[nodiscard]] static std::size_t bytes_of(const Scalar& value);

  [[nodiscard]] std::size_t size() const { return counts_.size(); }
  [[nodiscard]] auto begin() const { return counts_.begin(); }
  [[nodiscard]] auto end() const { return counts_.end(); }
  friend bool operator==(const FacetCounts& a, const FacetCounts& b) { return a.counts_ == b.counts_; }

 private:
  std::map<Scalar, std::uint64_t> counts_;
  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
};

// Adds what the index knows of these rows, and answers those of them that only their meta can tell (values that are
// too long, or past the caps of the index): none of their values was counted. `index`: null without meta.
// `keep_going`: asked now and then. Errors: kCorruption; those of keep_going and of FacetCounts::add.
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

  // Errors: kCorruption for meta that is no JSON; those of FacetCounts::add.
  [[nodiscard]] Status add(std::string_view meta_json);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vibrato::filter
