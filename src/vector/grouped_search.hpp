// Searches whose hits are spread over groups: points with the same value under a key of their meta.
#pragma once

#include <cstdint>
#include <vibrato/result.hpp>

#include "filter/condition.hpp"
#include "vector/collection.hpp"

namespace vibrato::vector {

struct Grouping {
  filter::FieldPath key;
  std::uint32_t per_group = 1;  // Hits of one group, at most.
};

// The nearest points, at most per_group of each group, until there are request.k groups; best first. A point without
// the key is a group of its own; a group is the whole JSON value. request.offset counts hits. Where the
// nearest limits::kSearchKMax points do not hold enough groups, all points are looked at. Errors: as
// Collection::search.
[[nodiscard]] Result<SearchAnswer> search_groups(const Collection& collection, const SearchRequest& request,
                                                 const Grouping& grouping, bool explain = false);

}  // namespace vibrato::vector
