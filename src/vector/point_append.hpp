// Points whose ids the collection gives: the next numbers, dense and in the order of the log. For /v2 and migrations.
//
// The count is no record of its own: it follows from the ids of the puts (vector/point_numbers.hpp), so that every node
// that applies one log gives the same numbers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "commit/idempotency_keys.hpp"
#include "vector/point_writes.hpp"
#include "vector/vector_model.hpp"

namespace vibrato::vector {

struct AppendItem {
  PointInput point;             // Its id is not looked at.
  std::string idempotency_key;  // Empty for none; else check_idempotency_key() holds.
};

struct AppendOutcome {
  struct Item {
    std::uint64_t id = 0;
    bool created = false;  // False: the id that the same key got before.
  };
  std::vector<Item> items;  // In the order of the items, set by validate.
};

// All of the items, or none. A key that the collection saw before, or that an earlier item has, whatever came with it,
// makes no point. Errors of validate: those of every write to a collection; kConflict when its numbers are used up.
// Requires: check_point() of each. `keys` outlives the write.
[[nodiscard]] WritePtr make_append(VectorModel& model, commit::IdempotencyKeys& keys, CollectionPtr collection,
                                   std::vector<AppendItem> items, std::shared_ptr<AppendOutcome> outcome);

}  // namespace vibrato::vector
