// Which rows a deletion in groups takes next, for the models whose rows these are.
#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "base/deadline.hpp"
#include "overlay/row_store.hpp"

namespace vibrato::overlay {

struct RowsToChoose {
  std::size_t count = 0;                                               // At most so many.
  Lsn written_up_to = Lsn(std::numeric_limits<std::uint64_t>::max());  // Those that were written later stay.
  Deadline deadline = {};
};

struct ChosenRow {
  std::string key;
  Lsn revision;
};

// In byte order of keys. Errors: kTimeout, kIoError, kCorruption.
[[nodiscard]] Result<std::vector<ChosenRow>> choose_rows(const RowStore& rows, const KeyRange& range, Lsn as_of,
                                                         const RowsToChoose& which,
                                                         const std::function<bool(const Row& row)>& takes);

}  // namespace vibrato::overlay
