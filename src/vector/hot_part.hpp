// The mutable part of a collection: a HotSegment (vectors, meta, codes, graph) with what the log adds to a row: its id,
// its LSN, and the row that the same id had here before.
//
// Rows come in LSN order from one thread, the one that applies records; the rows that a reader at an LSN may see are
// therefore the first n. Indexing is somebody else's work (index_step), so that an idle collection costs no thread.
// Frozen, it takes no more rows and is waiting to be sealed; it is searched on until its file has taken its place.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vibrato/result.hpp>

#include "vector/collection_settings.hpp"
#include "vector/segment.hpp"

namespace vibrato::vector {

class HotSegment;

struct HotPartOptions {
  CollectionSettings settings;
  std::uint32_t row_capacity = 0;  // Address space only, until rows come.
};

class HotPart final : public Segment {
 public:
  // Cheap (no thread, no big allocation): 1,000 small collections must cost next to nothing.
  // Errors: kUnavailable without address space.
  [[nodiscard]] static Result<std::shared_ptr<HotPart>> create(const HotPartOptions& options);
  ~HotPart() override;

  // The applier's. Requires: vector.size() == dim, lsn above that of the row before, !is_full().
  // Errors: kUnavailable without memory.
  [[nodiscard]] Result<std::uint32_t> append(const PointIdView& id, std::span<const float> vector,
                                             std::string_view meta_json, Lsn lsn);
  [[nodiscard]] bool is_full() const;
  // Bytes of vectors, meta and ids: what a checkpoint would make durable, and what the budgets count.
  [[nodiscard]] std::uint64_t data_bytes() const;

  // Inserts at most about `rows_max` waiting rows into the graph (the first call for enough rows also trains the
  // codes). One thread at a time. False when nothing is left to index (kFlat and small parts are never indexed).
  [[nodiscard]] bool index_step(std::uint32_t rows_max);
  [[nodiscard]] bool needs_indexing() const;
  // For sealing: the rows, codes and graph as they stand. Requires: frozen (no append any more).
  [[nodiscard]] const HotSegment& rows() const { return *rows_; }

  [[nodiscard]] std::uint32_t row_count() const override;
  [[nodiscard]] std::uint32_t indexed_count() const override;
  [[nodiscard]] Lsn first_lsn() const override;
  [[nodiscard]] Lsn last_lsn() const override;
  [[nodiscard]] const std::shared_ptr<DeleteLsns>& deletes() const override { return deletes_; }
  [[nodiscard]] Status search(const SegmentQuery& query, hnsw::SearchScratch& scratch, std::vector<hnsw::Hit>& hits,
                              SegmentStats* stats) const override;
  [[nodiscard]] Result<std::optional<std::uint32_t>> find(const PointIdView& id, Lsn visible) const override;
  [[nodiscard]] Result<PointIdView> id(std::uint32_t row) const override;
  [[nodiscard]] Lsn row_lsn(std::uint32_t row) const override;
  [[nodiscard]] Result<std::span<const float>> vector(std::uint32_t row) const override;
  [[nodiscard]] Result<std::string_view> meta_json(std::uint32_t row) const override;
  [[nodiscard]] std::uint64_t bytes_in_memory() const override;
  [[nodiscard]] std::uint64_t bytes_on_disk() const override { return 0; }

 private:
  class Impl;
  std::unique_ptr<HotSegment> rows_;
  std::shared_ptr<DeleteLsns> deletes_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vibrato::vector
