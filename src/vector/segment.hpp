// One part of a collection, hot or sealed, as searches, lookups and merges see it: rows with ids, LSNs, vectors and
// meta, that are searched together. This is the one interface behind which every index kind stands.
//
// Rows are numbered from 0 in the order of their LSNs in a hot part, in any order in a sealed one. A row is alive for a
// reader at an LSN if it was written at or below it and not deleted at or below it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "base/deadline.hpp"
#include "base/ids.hpp"
#include "base/point_id.hpp"
#include "filter/condition.hpp"
#include "filter/facet.hpp"
#include "filter/row_set.hpp"
#include "hnsw/searcher.hpp"
#include "vector/delete_lsns.hpp"
#include "vector/recall_rule.hpp"

namespace vibrato::store {
class IdIndex;
}  // namespace vibrato::store

namespace vibrato::vector {

struct HitOrder;

struct SegmentQuery {
  const float* vector = nullptr;  // Shape [dim]; checked by check_vector.
  std::uint32_t k = 10;
  std::uint32_t ef = 128;
  // If there is one: it ends walks in place of ef, by the part's own calibration, or the newest of the collection where
  // the part has none (null: nor has the collection).
  std::optional<RecallTarget> recall;
  const format::Calibration* newest = nullptr;
  bool exact = false;   // Scan everything on f32.
  bool rescore = true;  // Exact distances for the final candidates.
  // If there is one: as `exact`, and of the rows that tie for the last places those that come first by it are taken.
  const HitOrder* order = nullptr;
  // Rows that are farther may be left out: other parts have k rows that are not. hnsw::Hit::distance.
  float known = std::numeric_limits<float>::infinity();
  const filter::RowSet* allowed = nullptr;  // What matching() answered for the same reader; null: all rows.
  Lsn visible;                              // The reader's LSN.
  Deadline deadline;  // Looked at every kScanCheckRows rows of a scan (flat_scan.hpp), and after a walk.
};

// What a search of one segment did, for `explain` and metrics.
struct SegmentStats {
  // "graph", "scan", "coded_scan", "graph+tail", "filtered_scan", "filtered_graph"; "none" where nothing was to be
  // found.
  std::string_view plan = "none";
  std::uint64_t rows_visited = 0;
  std::uint64_t distances = 0;
  std::optional<WalkRule> rule;  // Of a walk with a recall target.
  bool is_by_codes = false;      // The hits have the distances of their codes.
};

// Thread-safety: all const methods may be called from many threads at once, beside one thread that appends (hot parts)
// and marks deletes.
class Segment {
 public:
  virtual ~Segment() = default;

  // Rows ever written, dead ones included.
  [[nodiscard]] virtual std::uint32_t row_count() const = 0;
  // Rows below it that are found by an index rather than a scan.
  [[nodiscard]] virtual std::uint32_t indexed_count() const = 0;
  // Of the rows; 0 without any.
  [[nodiscard]] virtual Lsn first_lsn() const = 0;
  [[nodiscard]] virtual Lsn last_lsn() const = 0;
  [[nodiscard]] virtual const std::shared_ptr<DeleteLsns>& deletes() const = 0;

  // Writes the min(k, alive) nearest alive rows to `hits`, but for those beyond query.known (some of which may be among
  // them all the same), nearest first, ties by row. Errors: kCorruption;
  // kTimeout past the deadline.
  [[nodiscard]] virtual Status search(const SegmentQuery& query, hnsw::SearchScratch& scratch,
                                      std::vector<hnsw::Hit>& hits, SegmentStats* stats = nullptr) const = 0;

  // The rows that match the filter among those that a reader at `visible` may see, dead ones too, never null. Rows from
  // its row_count() on came later. Errors: kCorruption; kTimeout past the deadline.
  [[nodiscard]] virtual Result<filter::RowSetPtr> matching(const filter::Filter& filter, Lsn visible,
                                                           const Deadline& deadline) const = 0;

  // Adds how many of these rows have which value under a key; `rows` as matching() answers them. Errors: as matching.
  [[nodiscard]] virtual Status count_values(const filter::FieldPath& path, const filter::RowSet& rows,
                                            const Deadline& deadline, filter::FacetCounts& counts) const = 0;

  // The newest row of the id that was written at or below `visible`, alive or not; nothing if there is none.
  // Errors: kCorruption (file and offset named).
  [[nodiscard]] virtual Result<std::optional<std::uint32_t>> find(const PointIdView& id, Lsn visible) const = 0;

  // 0 and 1; from 2 on it is an archive.
  [[nodiscard]] virtual std::uint8_t level() const { return 0; }
  // As hnsw::Hit::distance; that of the codes where the raw vectors were dropped. query: as SegmentQuery::vector.
  // Requires: row < row_count().
  [[nodiscard]] virtual float distance(const float* query, std::uint32_t row) const = 0;

  // The ids with their order, where they are stored; null for rows in memory.
  [[nodiscard]] virtual const store::IdIndex* id_index() const { return nullptr; }

  // The following require: row < row_count(). Borrowed for as long as the segment lives. Errors: kCorruption.
  [[nodiscard]] virtual Result<PointIdView> id(std::uint32_t row) const = 0;
  [[nodiscard]] virtual Lsn row_lsn(std::uint32_t row) const = 0;
  // Shape [dim], as the client wrote it. kGone if the raw vectors were dropped.
  [[nodiscard]] virtual Result<std::span<const float>> vector(std::uint32_t row) const = 0;
  // JSON text, empty for none.
  [[nodiscard]] virtual Result<std::string_view> meta_json(std::uint32_t row) const = 0;

  [[nodiscard]] virtual std::uint64_t bytes_in_memory() const = 0;
  [[nodiscard]] virtual std::uint64_t bytes_on_disk() const = 0;

  [[nodiscard]] bool is_alive(std::uint32_t row, Lsn visible) const {
    return row_lsn(row) <= visible && !deletes()->is_deleted(row, visible);
  }
};

}  // namespace vibrato::vector
