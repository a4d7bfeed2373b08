// The snapshots that are complete. A folder of snapshots that no row names is left over from a crash.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "base/ids.hpp"
#include "catalog/statements.hpp"

namespace vibrato::catalog {

struct Snapshot {
  std::string name;
  std::string folder;  // Relative to the data folder.
  Lsn lsn;             // All up to here is in it, nothing behind.
  std::int64_t created_at_ms = 0;
  std::uint64_t bytes = 0;

  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

// Thread-safety: that of the Catalog.
class SnapshotsTable {
 public:
  [[nodiscard]] static Result<SnapshotsTable> open(sqlite::Connection& connection);

  // By LSN, oldest first.
  [[nodiscard]] Result<std::vector<Snapshot>> all() const;
  [[nodiscard]] Result<std::optional<Snapshot>> find(std::string_view name) const;
  // The newest whose LSN is at most `lsn`.
  [[nodiscard]] Result<std::optional<Snapshot>> newest_up_to(Lsn lsn) const;
  // Errors: kAlreadyExists for name or folder, kInvalidArgument for an unsafe one.
  [[nodiscard]] Status insert(const Snapshot& snapshot);
  // kNotFound if there is none.
  [[nodiscard]] Status remove(std::string_view name);

 private:
  explicit SnapshotsTable(Statements statements) : statements_(std::move(statements)) {}

  Statements statements_;
};

}  // namespace vibrato::catalog
