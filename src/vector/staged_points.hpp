// The puts and deletes of points that are in flight: validated, perhaps logged, not applied yet. For VectorModel.
//
// Most writes never ask what is in flight (an upsert replaces whatever there is), so staging only notes the record; the
// table by id is made when a validation asks for the first time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/ids.hpp"
#include "base/point_id.hpp"
#include "wal/log.hpp"

namespace vibrato::vector {

// Borrows the bodies of the records. Thread-safety: one thread.
class StagedPoints {
 public:
  // Requires: a kPointPut or kPointDeleted record, with an LSN above those before.
  void stage(const wal::StoredRecord& record);
  // Forgets the records at and above `lsn`.
  void unstage_from(Lsn lsn);
  // The records up to `lsn` are applied. Their bodies may go.
  void set_applied(Lsn lsn);

  // The newest record in flight of that point; null if there is none. Valid until the next call of another method.
  [[nodiscard]] const wal::StoredRecord* find(CollectionNumber collection, const PointIdView& id);
  // Above every number that a put in flight has as its id; 0 if none has.
  [[nodiscard]] std::uint64_t next_number(CollectionNumber collection);

 private:
  struct Key {
    CollectionNumber collection;
    PointIdView id;  // Borrowed from a record's body.

    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    [[nodiscard]] std::size_t operator()(const Key& key) const noexcept {
      return PointIdHash()(key.id) ^ (std::size_t{key.collection.value()} * 0x9E3779B97F4A7C15U);
    }
  };

  void forget_table();
  void forget_numbers();

  std::vector<wal::StoredRecord> records_;  // By LSN.
  std::size_t applied_ = 0;                 // So many of them, the first, are applied.
  std::size_t in_table_ = 0;                // Up to here they are in the table.
  std::unordered_map<Key, std::size_t, KeyHash> newest_;
  std::size_t in_numbers_ = 0;  // Up to here they are in next_numbers_, which may hold applied ones as well.
  std::unordered_map<CollectionNumber, std::uint64_t> next_numbers_;
};

}  // namespace vibrato::vector
