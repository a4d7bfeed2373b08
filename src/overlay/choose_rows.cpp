#include "overlay/choose_rows.hpp"

#include <utility>

namespace vibrato::overlay {
namespace {

constexpr std::uint64_t kRowsBetweenChecks = 1024;

}  // namespace

Result<std::vector<ChosenRow>> choose_rows(const RowStore& rows, const KeyRange& range, Lsn as_of,
                                           const RowsToChoose& which,
                                           const std::function<bool(const Row& row)>& takes) {
  // Nearly always so many rows above the file are enough; where many are passed over, all of them are needed.
  for (std::size_t rows_above_max = which.count;; rows_above_max = std::numeric_limits<std::size_t>::max()) {
    std::vector<ChosenRow> chosen;
    VIBRATO_ASSIGN_OR_RETURN(const auto view, rows.view(range, as_of, rows_above_max));
    for (std::uint64_t looked_at = 1; chosen.size() < which.count; ++looked_at) {
      if (looked_at % kRowsBetweenChecks == 0) {
        VIBRATO_RETURN_IF_ERROR(which.deadline.check());
      }
      VIBRATO_ASSIGN_OR_RETURN(std::optional<RowEntry> entry, view->next());
      if (!entry.has_value()) {
        break;
      }
      if (entry->row->lsn <= which.written_up_to && takes(*entry->row)) {
        chosen.push_back({std::move(entry->key), entry->row->lsn});
      }
    }
    if (chosen.size() == which.count || !view->is_cut()) {
      return chosen;
    }
  }
}

}  // namespace vibrato::overlay
