// The mutable part of a collection: a HotSegment (vectors, meta, codes, graph) with what the log adds to a row: its id,
// its LSN, and the row that the same id had here before.
//
// Rows come in LSN order from one thread, the one that applies records; the rows that a reader at an LSN may see are
// therefore the first n. Indexing is somebody else's work (index_step), so that an idle collection costs no thread.
// Frozen, it takes no more rows and is waiting to be sealed; it is searched on until its file has taken its place.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vibrato/result.hpp>

#include "vector/collection_settings.hpp"
#include "vector/growing_array.hpp"
#include "vector/hot_ids.hpp"
#include "vector/hot_segment.hpp"
#include "vector/meta_blocks.hpp"
#include "vector/segment.hpp"

namespace vibrato::vector {

struct HotPartOptions {
  CollectionSettings settings;
  std::uint32_t row_capacity = 0;    // Address space only, until rows come.
  std::uint64_t data_bytes_max = 0;  // Full from there on; 0: only the rows count.
};

// Thread-safety: as Segment; append is the applier's, index_step may come from any thread and waits for another one's.
class HotPart final : public Segment {
 public:
  // Cheap (no thread, no big allocation): 1,000 small collections must cost next to nothing.
  // Errors: kInvalidArgument (capacity above limits::kHotRowsMax), kUnavailable without address space.
  [[nodiscard]] static Result<std::shared_ptr<HotPart>> create(const HotPartOptions& options);
  ~HotPart() override;

  // The applier's. Requires: vector.size() == dim, lsn not below that of the row before, !is_full(), not frozen.
  // Errors: kUnavailable without memory.
  [[nodiscard]] Result<std::uint32_t> append(const PointIdView& id, std::span<const float> vector,
                                             std::string_view meta_json, Lsn lsn);
  [[nodiscard]] bool is_full() const;
  // Bytes of vectors, meta and ids: what a checkpoint would make durable, and what the budgets count.
  [[nodiscard]] std::uint64_t data_bytes() const;
  // Of them, those of rows that the index does not find yet (in proportion).
  [[nodiscard]] std::uint64_t unindexed_bytes() const;
  // It takes no more rows; all that wait are due for the index.
  void freeze() { frozen_.store(true, std::memory_order_release); }
  [[nodiscard]] bool is_frozen() const { return frozen_.load(std::memory_order_acquire); }

  // Indexes the meta of a block of rows, or inserts at most `rows_max` waiting rows into the graph. False when nothing
  // waits (kFlat and small parts have no graph). Once it is false for a frozen part, or with `all`, indexed_count() is
  // row_count(), unless those exceptions hold.
  [[nodiscard]] bool index_step(std::uint32_t rows_max, bool all = false);
  [[nodiscard]] const MetaBlocks& meta_blocks() const { return meta_; }
  // Whether enough rows wait for a batch; any, with `all` and once it is frozen.
  [[nodiscard]] bool needs_indexing(bool all = false) const { return meta_.is_due(row_count()) || needs_graph(all); }
  // For sealing: the rows, codes and graph as they stand. Requires: frozen (no append any more).
  [[nodiscard]] const HotSegment& rows() const { return *rows_; }

  [[nodiscard]] std::uint32_t row_count() const override { return rows_->row_count(); }
  [[nodiscard]] std::uint32_t indexed_count() const override { return rows_->indexed_count(); }
  [[nodiscard]] Lsn first_lsn() const override;
  [[nodiscard]] Lsn last_lsn() const override;
  [[nodiscard]] const std::shared_ptr<DeleteLsns>& deletes() const override { return deletes_; }
  [[nodiscard]] Status search(const SegmentQuery& query, hnsw::SearchScratch& scratch, std::vector<hnsw::Hit>& hits,
                              SegmentStats* stats = nullptr) const override;
  [[nodiscard]] Result<filter::RowSetPtr> matching(const filter::Filter& filter, Lsn visible,
                                                   const Deadline& deadline) const override;
  [[nodiscard]] Status count_values(const filter::FieldPath& path, const filter::RowSet& rows, const Deadline& deadline,
                                    filter::FacetCounts& counts) const override;
  [[nodiscard]] Result<std::optional<std::uint32_t>> find(const PointIdView& id, Lsn visible) const override;
  [[nodiscard]] Result<PointIdView> id(std::uint32_t row) const override;
  [[nodiscard]] Lsn row_lsn(std::uint32_t row) const override;
  [[nodiscard]] Result<std::span<const float>> vector(std::uint32_t row) const override;
  [[nodiscard]] Result<std::string_view> meta_json(std::uint32_t row) const override;
  [[nodiscard]] std::uint64_t bytes_in_memory() const override;
  [[nodiscard]] std::uint64_t bytes_on_disk() const override { return 0; }

  [[nodiscard]] float distance(const float* query, std::uint32_t row) const override;
  // Whether rows wait for the graph, as needs_indexing without the meta.
  [[nodiscard]] bool needs_graph(bool all = false) const { return rows_->needs_indexing(all || is_frozen()); }

  // How many rows a reader at the LSN may see, dead ones included: the rows below the result.
  [[nodiscard]] std::uint32_t rows_at(Lsn visible) const;

 private:
  // What the log adds to a row. Immutable once the row is counted.
  struct Record {
    PointId id;
    Lsn lsn;
    std::uint32_t previous = HotIds::kNoRow;  // The row that the id had before.
  };

  HotPart(const HotPartOptions& options, std::unique_ptr<HotSegment> rows);
  [[nodiscard]] std::uint32_t newest_row(const PointIdView& id) const;
  [[nodiscard]] Status search_allowed(const SegmentQuery& query, const hnsw::RowPredicate& alive,
                                      hnsw::SearchScratch& scratch, std::vector<hnsw::Hit>& hits,
                                      SegmentStats* stats) const;

  const HotPartOptions options_;
  std::unique_ptr<HotSegment> rows_;
  std::shared_ptr<DeleteLsns> deletes_;
  GrowingArray<Record> records_;
  HotIds ids_;
  MetaBlocks meta_;
  std::atomic<std::uint64_t> id_bytes_{0};
  std::atomic<bool> frozen_{false};
  std::mutex index_mutex_;  // One index_step at a time.
};

}  // namespace vibrato::vector
