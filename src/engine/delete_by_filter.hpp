// Deletes the points of a collection that match a filter, however many: pages of them, each chosen at one moment, so
// that memory does not grow with their number, and deleted by groups of the log that are small, so that the writes of
// others find their turn between them. A point that is written between its choice and its deletion stays.
//
// With an idempotency key each group says how far the request came. Whatever ends it early, a crash included, the same
// request again goes on behind that, and answers the number of all.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vibrato/result.hpp>

#include "base/deadline.hpp"
#include "base/limits.hpp"
#include "engine/database.hpp"
#include "filter/condition.hpp"

namespace vibrato::engine {

struct DeletedByFilter {
  std::uint64_t points = 0;
  Lsn last_lsn;  // Of the last of them; 0 without one.
};

struct DeleteByFilter {
  filter::Filter filter;
  Deadline deadline;
  commit::Durability durability = commit::Durability::kSynced;
  std::optional<commit::IdempotencyKey> key;
  std::uint32_t page_points = limits::kBatchItemsMax;
  std::uint32_t group_points = 1000;  // At most limits::kBatchItemsMax.
  // The body that is answered, and kept for the key.
  std::function<std::string(const DeletedByFilter& deleted)> make_answer;
};

// Waits: never on an I/O thread. Requires: no other call with the same key runs. The message of an error says how many
// points were deleted before it. Errors: those of vector::list_points and of Database::commit; kConflict for the key of
// another request.
[[nodiscard]] Result<std::string> delete_by_filter(Database& database, const vector::CollectionPtr& collection,
                                                   const DeleteByFilter& request);

}  // namespace vibrato::engine
