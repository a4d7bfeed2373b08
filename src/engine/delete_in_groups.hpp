// Deletes many rows that are chosen bit by bit, by groups of the log that are small, so that the writes of others find
// their turn between them.
//
// With an idempotency key each group says how far the request came. Whatever ends it early, a crash included, the same
// request again goes on behind that, and answers the number of all.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

#include "base/deadline.hpp"
#include "engine/database.hpp"

namespace vibrato::engine {

struct DeletedRows {
  std::uint64_t rows = 0;
  Lsn last_lsn;  // Of the last of them; 0 without one.
};

struct DeleteInGroups {
  // Makes the write of a group; asked again if the queue is full. It sets `deleted` to its number by its validate().
  using MakeWrite = std::function<std::unique_ptr<commit::Write>(std::shared_ptr<std::uint64_t> deleted)>;
  // The next group of rows; empty if there are no more. Waits for nobody.
  std::function<Result<MakeWrite>()> next;
  std::string_view rows_name;                      // "points", for messages.
  const vector::Collection* collection = nullptr;  // Charged with the writes; null for none.
  Deadline deadline;
  commit::Durability durability = commit::Durability::kSynced;
  std::optional<commit::IdempotencyKey> key;
  // The body that is answered, and kept for the key.
  std::function<std::string(const DeletedRows& deleted)> make_answer;
};

// Waits: never on an I/O thread. Requires: no other call with the same key runs. The message of an error says how many
// rows were deleted before it. Errors: those of `next` and of Database::commit; kConflict for the key of another
// request.
[[nodiscard]] Result<std::string> delete_in_groups(Database& database, const DeleteInGroups& request);

}  // namespace vibrato::engine
