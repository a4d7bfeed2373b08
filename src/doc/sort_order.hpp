// The order of a find's answer, and the place of a document in it, which is what a cursor holds. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "doc/find_request.hpp"

namespace vibrato::doc {

struct Place {
  std::vector<std::string> values;  // Of the keys to sort by (doc/value_key.hpp), in their order.
  std::string id;

  [[nodiscard]] std::size_t bytes() const;
};

// Thread-safety: immutable.
class SortOrder {
 public:
  explicit SortOrder(const std::vector<SortKey>& keys) : keys_(keys) {}

  // Requires: both places have a value for each key. No two documents have one place.
  [[nodiscard]] bool is_before(const Place& a, const Place& b) const;

  [[nodiscard]] std::string write_cursor(const Place& place) const;
  // Errors: kInvalidArgument for what write_cursor() of the same order does not write.
  [[nodiscard]] Result<Place> read_cursor(std::string_view cursor) const;

 private:
  [[nodiscard]] std::uint32_t fingerprint() const;

  const std::vector<SortKey>& keys_;
};

}  // namespace vibrato::doc
