// What records replaced or deleted in parts that are too damaged to be asked for an id: the part is passed over when
// the record is applied, and the old row is marked as deleted later, by going through all of the part's ids. For
// Collection.
//
// Invariant: once count() is 0 again, every row that a noted id has in its part and whose id can be read is deleted at
// the LSN of the note. A row whose id cannot be read is shown to nobody: reading it is an error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>

#include "base/ids.hpp"
#include "base/point_id.hpp"
#include "vector/segment.hpp"

namespace vibrato::vector {

// Thread-safety: one thread at a time, the one that may mark deletes.
class PassedOver {
 public:
  // The rows of the id in `part` are deleted since `lsn`. LSNs rise.
  void note(const std::shared_ptr<const Segment>& part, const PointIdView& id, Lsn lsn);
  // Noted, and not settled yet.
  [[nodiscard]] std::size_t count() const { return count_; }
  // Whether anything was ever noted of the part.
  [[nodiscard]] bool has_met(const Segment& part) const;

  // Reads all ids of the parts and marks the rows. Answers how many rows were alive until then. A part for whose marks
  // there is no memory is left to the next call.
  [[nodiscard]] std::uint64_t settle();

 private:
  using Ids = std::unordered_map<PointId, Lsn, PointIdHash, PointIdEqual>;

  // Stays when it is settled, without ids. Parts that are met stay in memory: those of damaged collections are not
  // merged away.
  std::map<std::shared_ptr<const Segment>, Ids> parts_;
  std::size_t count_ = 0;
};

}  // namespace vibrato::vector
