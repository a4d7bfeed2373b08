// The living row of an id among the parts of a version. For the bodies of Collection.
#pragma once

#include <memory>
#include <optional>
#include <vector>
#include <vibrato/result.hpp>

#include "vector/collection.hpp"

namespace vibrato::vector {

struct Place {
  std::shared_ptr<const Segment> segment;
  std::uint32_t row = 0;
};

// The row of an id that a reader at `visible` sees. There is at most one; older rows of the id, in whatever part, are
// deleted. Parts are asked newest first, but a merge of parts that were not neighbours may leave a dead row in front of
// the one that is alive: the search ends at the latter only. Damaged parts are an error, or passed over and named in
// `passed_over`.
[[nodiscard]] Result<std::optional<Place>> find_alive(
    const CollectionVersion& version, const PointIdView& id, Lsn visible,
    std::vector<std::shared_ptr<const Segment>>* passed_over = nullptr);

}  // namespace vibrato::vector
