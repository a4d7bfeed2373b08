// The rows of a part that a reader sees, as a predicate of searches. For the parts of a collection.
#pragma once

#include <cstdint>

#include "hnsw/beam_search.hpp"
#include "vector/delete_lsns.hpp"

namespace vibrato::vector {

// Whether so few of the rows are alive that a scan is better: a walk would spend its effort on dead ones.
[[nodiscard]] constexpr bool is_mostly_dead(std::uint32_t rows, std::uint32_t dead) {
  constexpr std::uint32_t kAliveShareMin = 8;
  return dead > rows - rows / kAliveShareMin;
}

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
