// All points of a collection in the order of their ids, as of one moment, one after the other: what an export reads.
//
// It holds the version that it began with: the files of its segments stay, and so do its rows in memory, until it goes.
// Memory of its own: 4 bytes for each row that no stored order covers (those in memory).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>
#include <vibrato/result.hpp>

#include "vector/collection.hpp"
#include "vector/listing.hpp"

namespace vibrato::vector {

// Thread-safety: one thread at a time.
class OrderedPoints {
 public:
  // Errors: kUnavailable for a part that could not be opened; kCorruption.
  [[nodiscard]] static Result<std::unique_ptr<OrderedPoints>> open(const Collection& collection);

  // The next point; nothing at the end. Errors: kCorruption.
  [[nodiscard]] Result<std::optional<ListedPoint>> next();

 private:
  // One part, from its lowest id on.
  struct Walk {
    std::shared_ptr<const Segment> part;
    const store::IdIndex* ids = nullptr;  // Has the order; null: `rows` has it.
    std::vector<std::uint32_t> rows;      // Those that are alive, by id.
    std::uint32_t position = 0;
    ListedPoint now;
  };

  explicit OrderedPoints(Lsn visible) : visible_(visible) {}
  [[nodiscard]] Status add(std::shared_ptr<const Segment> part);
  // Moves to the next row that is alive; false at the end.
  [[nodiscard]] Result<bool> advance(Walk& walk) const;

  Lsn visible_;
  std::vector<std::unique_ptr<Walk>> walks_;  // A heap, the lowest id in front.
};

}  // namespace vibrato::vector
