// The puts and deletes of state that are in flight (commit/staged_records.hpp), by key. For StateModel.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string_view>

#include "commit/staged_records.hpp"

namespace vibrato::kv {

// Borrows the bodies of the records. Thread-safety: one thread.
class StagedState {
 public:
  // Requires: a kPut or kDeleted record of format::StateRecord, with an LSN above those before.
  void stage(const wal::StoredRecord& record);
  // Forgets the records at and above `lsn`.
  void unstage_from(Lsn lsn) { records_.unstage_from(lsn); }
  // The records up to `lsn` are applied. Their bodies may go.
  void set_applied(Lsn lsn);

  [[nodiscard]] bool is_empty() const { return records_.is_empty(); }
  // The newest record in flight of the key; null if there is none. Valid until the next call of another method.
  [[nodiscard]] const wal::StoredRecord* find(std::string_view key) { return records_.find(key); }
  // The earliest time at which a key in flight ends; INT64_MAX if none does.
  [[nodiscard]] std::int64_t next_expiry_ms() const { return next_expiry_ms_; }

 private:
  struct Keys {
    using Key = std::string_view;
    using Hash = std::hash<std::string_view>;
    [[nodiscard]] static Key of(const wal::StoredRecord& record);
  };

  commit::StagedRecords<Keys> records_;
  // Conservative: of those that were taken back or applied as well.
  std::int64_t next_expiry_ms_ = std::numeric_limits<std::int64_t>::max();
};

}  // namespace vibrato::kv
