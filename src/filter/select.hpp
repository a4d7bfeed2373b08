// Which rows of a segment match a filter, by its meta index.
//
// The index does not know everything: strings that are too long and what is past its caps it leaves to the meta itself.
// So the answer is two sets, and only the second asks for a look at the rows.
#pragma once

#include <functional>
#include <vector>
#include <vibrato/result.hpp>

#include "base/point_id.hpp"
#include "filter/condition.hpp"
#include "filter/row_set.hpp"
#include "format/meta_index.hpp"

namespace vibrato::filter {

// Sets of rows of one segment. Disjoint.
struct Selection {
  RowSet certain;   // They match.
  RowSet doubtful;  // They may; the matcher knows.
};

// Appends the rows of the segment whose id is one of these, dead ones too, in any order.
using RowsOfIds = std::function<Status(const std::vector<PointId>& ids, std::vector<std::uint32_t>& rows)>;

// `index`: of rows [0, row_count), or null for a segment without meta: then no row has any key.
// Errors: kCorruption; what `rows_of_ids` answers.
[[nodiscard]] Result<Selection> select(const Filter& filter, const format::MetaIndexView* index,
                                       std::uint32_t row_count, const RowsOfIds& rows_of_ids);

// A stored set of rows. Errors: kCorruption.
[[nodiscard]] Result<RowSet> read_set(const format::MetaIndexView& index, const format::MetaSetRef& ref,
                                      std::uint32_t row_count);

}  // namespace vibrato::filter
