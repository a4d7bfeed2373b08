#include "vector/alive_rows.hpp"

#include <bit>
#include <cstddef>
#include <utility>
#include <vector>

#include "vector/flat_scan.hpp"

namespace vibrato::vector {

Result<filter::RowSet> alive_among(const filter::RowSet& rows, const DeleteLsns& deletes, Lsn visible,
                                   const Deadline& deadline) {
  if (deletes.count() == 0) {
    return rows;
  }
  constexpr std::size_t kBits = 64;
  std::vector<std::uint64_t> words((rows.row_count() + kBits - 1) / kBits);
  rows.copy_bits(words);
  std::vector<std::uint32_t> dead;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i % (kScanCheckRows / kBits) == 0) {
      VIBRATO_RETURN_IF_ERROR(deadline.check());
    }
    for (std::uint64_t left = words[i]; left != 0; left &= left - 1) {
      const auto row = static_cast<std::uint32_t>(i * kBits) + static_cast<std::uint32_t>(std::countr_zero(left));
      if (deletes.is_deleted(row, visible)) {
        dead.push_back(row);
      }
    }
  }
  return rows.without(filter::RowSet::of(std::move(dead), rows.row_count()));
}

}  // namespace vibrato::vector
