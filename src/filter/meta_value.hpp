// The value that a point has under a key, as text: what groups of hits and runs of frames compare.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

#include "filter/condition.hpp"

namespace vibrato::filter {

// "a.b" -> a, b.
[[nodiscard]] FieldPath path_of(std::string_view key);

// Reuses its parser's memory from point to point. Thread-safety: one thread at a time.
class MetaValues {
 public:
  MetaValues();
  ~MetaValues();
  MetaValues(const MetaValues&) = delete;
  MetaValues& operator=(const MetaValues&) = delete;

  // A text that equal values have in common, and different ones never: 3 and 3.0 are equal, and so are objects whose
  // fields come in another order. Of a number it is the number. Nothing where the key is absent. Errors: kCorruption
  // for meta that is no JSON.
  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view meta_json, const FieldPath& path);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vibrato::filter
