// Which rows of a part match a filter: by its meta index, and where that does not know by the rows themselves.
// For the parts of a collection.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>
#include <vibrato/result.hpp>

#include "base/deadline.hpp"
#include "base/ids.hpp"
#include "filter/condition.hpp"
#include "filter/facet.hpp"
#include "filter/matcher.hpp"
#include "filter/row_set.hpp"
#include "filter/select.hpp"
#include "format/meta_index.hpp"

namespace vibrato::vector {

class Segment;

// One filter on one part for one reader. Borrows all. Thread-safety: one thread at a time.
class RowFilter {
 public:
  RowFilter(const filter::Filter& filter, const Segment& segment, Lsn visible, const Deadline& deadline)
      : segment_(segment), visible_(visible), deadline_(deadline), filter_(filter), matcher_(filter) {}

  // Of the rows [first, first + index->row_count()), numbered from 0; with null of `count` rows without meta.
  // Errors: kCorruption; kTimeout past the deadline.
  [[nodiscard]] Result<filter::RowSet> select(const format::MetaIndexView* index, std::uint32_t first,
                                              std::uint32_t count);
  // Appends the rows of [first, end) that match, looked at one by one. Errors: as select.
  [[nodiscard]] Status match(std::uint32_t first, std::uint32_t end, std::vector<std::uint32_t>& rows);

 private:
  [[nodiscard]] Result<bool> matches(std::uint32_t row);
  // The newest row of each id, ascending: older ones are dead.
  [[nodiscard]] Result<const std::vector<std::uint32_t>*> rows_of(const std::vector<PointId>& ids);

  const Segment& segment_;
  const Lsn visible_;
  const Deadline deadline_;
  const filter::Filter& filter_;
  filter::Matcher matcher_;
  std::map<const std::vector<PointId>*, std::vector<std::uint32_t>> rows_of_ids_;
};

// Adds how many of the rows of a part have which value under a key: of rows [first, first + rows.row_count()), numbered
// from 0, whose index this is. With null their meta is read. Errors: kCorruption; kTimeout past the deadline.
[[nodiscard]] Status count_row_values(const Segment& segment, const format::MetaIndexView* index, std::uint32_t first,
                                      const filter::RowSet& rows, const filter::FieldPath& path,
                                      const Deadline& deadline, filter::FacetCounts& counts);
[[nodiscard]] Status count_row_values(const Segment& segment, std::span<const std::uint32_t> rows,
                                      const filter::FieldPath& path, const Deadline& deadline,
                                      filter::FacetCounts& counts);

}  // namespace vibrato::vector
