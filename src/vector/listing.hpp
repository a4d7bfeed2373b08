// Points of a collection in the order of their ids (numbers, then strings bytewise), and how many there are: what
// scroll, count, export and delete_by_filter stand on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>
#include <vibrato/result.hpp>

#include "base/deadline.hpp"
#include "base/limits.hpp"
#include "base/point_id.hpp"
#include "filter/condition.hpp"
#include "vector/collection.hpp"

namespace vibrato::vector {

struct ListRequest {
  const filter::Filter* filter = nullptr;  // Null: all points. Borrowed.
  std::optional<PointId> after;            // Only points behind this id, whether it is there or not.
  std::uint32_t limit = 100;
  Deadline deadline;
};

struct ListedPoint {
  std::shared_ptr<const Segment> segment;  // Keeps what `row` and `id` refer to alive.
  std::uint32_t row = 0;
  PointIdView id;
};

struct ListPage {
  std::vector<ListedPoint> points;  // By id.
  bool has_more = false;            // Behind the last one.
  Lsn visible;                      // As of which LSN.
};

// The first points behind `after`, of one moment. A client that asks again behind the last id of each page sees every
// point that was there all the time exactly once, whatever is written meanwhile.
// Errors: kCorruption, kUnavailable (a part that could not be opened), kTimeout.
[[nodiscard]] Result<ListPage> list_points(const Collection& collection, const ListRequest& request);

// Exact, of one moment. Errors: as list_points.
[[nodiscard]] Result<std::uint64_t> count_points(const Collection& collection, const filter::Filter* filter,
                                                 const Deadline& deadline);

struct FacetValue {
  filter::Scalar value;
  std::uint64_t count = 0;
};
// The most frequent values under a key, equally frequent ones in the order false, true, numbers, strings: exact, of one
// moment. Errors: as list_points; kPayloadTooLarge when the different values need more than `bytes_max` of memory.
[[nodiscard]] Result<std::vector<FacetValue>> facet_points(const Collection& collection, const filter::FieldPath& path,
                                                           const filter::Filter* filter, std::uint32_t limit,
                                                           const Deadline& deadline,
                                                           std::size_t bytes_max = limits::kFacetBytesMax);

}  // namespace vibrato::vector
