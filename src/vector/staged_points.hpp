// The puts and deletes of points that are in flight (commit/staged_records.hpp), by collection and id. For VectorModel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "base/ids.hpp"
#include "base/point_id.hpp"
#include "commit/staged_records.hpp"

namespace vibrato::vector {

// Borrows the bodies of the records. Thread-safety: one thread.
class StagedPoints {
 public:
  // Requires: a kPointPut or kPointDeleted record, with an LSN above those before.
  void stage(const wal::StoredRecord& record) { records_.stage(record); }
  // Forgets the records at and above `lsn`.
  void unstage_from(Lsn lsn);
  // The records up to `lsn` are applied. Their bodies may go.
  void set_applied(Lsn lsn);

  // The newest record in flight of that point; null if there is none. Valid until the next call of another method.
  [[nodiscard]] const wal::StoredRecord* find(CollectionNumber collection, const PointIdView& id) {
    return records_.find({collection, id});
  }
  // Above every number that a put in flight has as its id; 0 if none has.
  [[nodiscard]] std::uint64_t next_number(CollectionNumber collection);

 private:
  struct Keys {
    struct Key {
      CollectionNumber collection;
      PointIdView id;  // Borrowed from a record's body.

      friend bool operator==(const Key&, const Key&) = default;
    };
    struct Hash {
      [[nodiscard]] std::size_t operator()(const Key& key) const noexcept {
        return PointIdHash()(key.id) ^ (std::size_t{key.collection.value()} * 0x9E3779B97F4A7C15U);
      }
    };
    [[nodiscard]] static Key of(const wal::StoredRecord& record);
  };

  void forget_numbers();

  commit::StagedRecords<Keys> records_;
  Lsn in_numbers_;  // Records up to here are in next_numbers_, which may hold applied ones as well.
  std::unordered_map<CollectionNumber, std::uint64_t> next_numbers_;
};

}  // namespace vibrato::vector
