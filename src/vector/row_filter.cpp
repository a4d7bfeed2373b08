#include "vector/row_filter.hpp"

#include <algorithm>
#include <utility>

#include "vector/flat_scan.hpp"
#include "vector/segment.hpp"

namespace vibrato::vector {

Result<filter::RowSet> RowFilter::select(const format::MetaIndexView* index, std::uint32_t first, std::uint32_t count) {
  const filter::RowsOfIds with_ids = [&](const std::vector<PointId>& ids, std::vector<std::uint32_t>& rows) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(const std::vector<std::uint32_t>* all, rows_of(ids));
    for (auto row = std::lower_bound(all->begin(), all->end(), first); row != all->end() && *row - first < count;
         ++row) {
      rows.push_back(*row - first);
    }
    return ok_status();
  };
  VIBRATO_ASSIGN_OR_RETURN(filter::Selection found, filter::select(filter_, index, count, with_ids));
  if (found.doubtful.empty()) {
    return std::move(found.certain);
  }
  std::vector<std::uint32_t> doubtful;
  found.doubtful.append_to(doubtful);
  std::vector<std::uint32_t> matching;
  std::uint32_t looked_at = 0;
  for (const std::uint32_t row : doubtful) {
    if (++looked_at % kScanCheckRows == 0) {
      VIBRATO_RETURN_IF_ERROR(deadline_.check());
    }
    VIBRATO_ASSIGN_OR_RETURN(const bool is_match, matches(first + row));
    if (is_match) {
      matching.push_back(row);
    }
  }
  return found.certain.united_with(filter::RowSet::of(std::move(matching), count));
}

Status RowFilter::match(std::uint32_t first, std::uint32_t end, std::vector<std::uint32_t>& rows) {
  for (std::uint32_t row = first; row < end; ++row) {
    if ((row - first) % kScanCheckRows == kScanCheckRows - 1) {
      VIBRATO_RETURN_IF_ERROR(deadline_.check());
    }
    VIBRATO_ASSIGN_OR_RETURN(const bool is_match, matches(row));
    if (is_match) {
      rows.push_back(row);
    }
  }
  return ok_status();
}

Result<bool> RowFilter::matches(std::uint32_t row) {
  VIBRATO_ASSIGN_OR_RETURN(const PointIdView id, segment_.id(row));
  VIBRATO_ASSIGN_OR_RETURN(const std::string_view meta, segment_.meta_json(row));
  return matcher_.matches(id, meta);
}

Result<const std::vector<std::uint32_t>*> RowFilter::rows_of(const std::vector<PointId>& ids) {
  const auto known = rows_of_ids_.find(&ids);
  if (known != rows_of_ids_.end()) {
    return &known->second;
  }
  std::vector<std::uint32_t> rows;
  for (const PointId& id : ids) {
    VIBRATO_ASSIGN_OR_RETURN(const std::optional<std::uint32_t> row, segment_.find(id.view(), visible_));
    if (row) {
      rows.push_back(*row);
    }
  }
  std::sort(rows.begin(), rows.end());
  return &rows_of_ids_.emplace(&ids, std::move(rows)).first->second;
}

Status count_row_values(const Segment& segment, const format::MetaIndexView* index, std::uint32_t first,
                        const filter::RowSet& rows, const filter::FieldPath& path, const Deadline& deadline,
                        filter::FacetCounts& counts) {
  VIBRATO_ASSIGN_OR_RETURN(const filter::RowSet unknown,
                           filter::count_values(
                               index, rows, path, [&] { return deadline.check(); }, counts));
  std::vector<std::uint32_t> list;
  unknown.append_to(list);
  std::for_each(list.begin(), list.end(), [first](std::uint32_t& row) { row += first; });
  return count_row_values(segment, list, path, deadline, counts);
}

Status count_row_values(const Segment& segment, std::span<const std::uint32_t> rows, const filter::FieldPath& path,
                        const Deadline& deadline, filter::FacetCounts& counts) {
  filter::ValueCounter counter(path, counts);
  std::uint32_t looked_at = 0;
  for (const std::uint32_t row : rows) {
    if (++looked_at % kScanCheckRows == 0) {
      VIBRATO_RETURN_IF_ERROR(deadline.check());
    }
    VIBRATO_ASSIGN_OR_RETURN(const std::string_view meta, segment.meta_json(row));
    VIBRATO_RETURN_IF_ERROR(counter.add(meta));
  }
  return ok_status();
}

}  // namespace vibrato::vector
