// The rows of a part that a reader sees, as a predicate of searches and as a set. For the parts of a collection, and
// for what goes through them.
#pragma once

#include <cstdint>
#include <vibrato/result.hpp>

#include "base/deadline.hpp"
#include "filter/row_set.hpp"
#include "hnsw/beam_search.hpp"
#include "vector/delete_lsns.hpp"

namespace vibrato::vector {

// Whether so few of the rows are alive that a scan is better: a walk would spend its effort on dead ones.
[[nodiscard]] constexpr bool is_mostly_dead(std::uint32_t rows, std::uint32_t dead) {
  constexpr std::uint32_t kAliveShareMin = 8;
  return dead > rows - rows / kAliveShareMin;
}

// Those of the rows that are not deleted for a reader at `visible`, who may see all of them but for that.
// Errors: kTimeout past the deadline.
[[nodiscard]] Result<filter::RowSet> alive_among(const filter::RowSet& rows, const DeleteLsns& deletes, Lsn visible,
                                                 const Deadline& deadline);

// Borrows the deletes; must outlive its predicate.
class AliveRows {
 public:
  AliveRows(const DeleteLsns& deletes, Lsn visible) : deletes_(deletes), visible_(visible) {}

  [[nodiscard]] hnsw::RowPredicate predicate() const { return {&AliveRows::allows, this}; }

 private:
  static bool allows(const void* context, std::uint32_t row) {
    const auto& self = *static_cast<const AliveRows*>(context);
    return !self.deletes_.is_deleted(row, self.visible_);
  }

  const DeleteLsns& deletes_;
  Lsn visible_;
};

}  // namespace vibrato::vector
