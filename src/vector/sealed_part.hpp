// A sealed part of a collection: one `.vdb` image (a file, or a part of a pack of small ones) with ids, row LSNs and
// the index, searched and looked up straight from the map, plus its deletes.
#pragma once

#include <memory>
#include <string>
#include <vibrato/result.hpp>

#include "catalog/segments_table.hpp"
#include "io/file_system.hpp"
#include "store/id_index.hpp"
#include "store/pack_file.hpp"
#include "vector/collection_damage.hpp"
#include "vector/collection_settings.hpp"
#include "vector/filter_cache.hpp"
#include "vector/sealed_segment.hpp"
#include "vector/segment.hpp"

namespace vibrato::vector {

class SealedPart final : public Segment {
 public:
  // Opens the image that `entry` names below `data_folder` and checks that it is one of `settings` (dim, metric, rows,
  // ids, LSNs). Reads headers and tables only. `deletes` is that of the frozen part whose rows these are; null: a fresh
  // one. `packs` shares the map of a pack among its parts: whoever opens many parts keeps one for all of them (null: a
  // map for this part alone). Errors: kCorruption, kNotFound, kIoError, naming the file.
  [[nodiscard]] static Result<std::shared_ptr<SealedPart>> open(io::FileSystem& fs, const std::string& data_folder,
                                                                const catalog::Segment& entry,
                                                                const CollectionSettings& settings,
                                                                std::shared_ptr<DeleteLsns> deletes = nullptr,
                                                                store::PackMaps* packs = nullptr,
                                                                VectorAccess access = VectorAccess::kRandom);

  [[nodiscard]] const catalog::Segment& entry() const { return entry_; }
  // What the catalog named it, once it has. Before the part is shared.
  void set_segment_id(catalog::SegmentId id) { entry_.id = id; }
  // The rows of an import have the LSN of its record, which was not known when the file was written: kUnknownLsn stands
  // there. Before the part is shared.
  static constexpr Lsn kUnknownLsn{1};
  void set_lsn(Lsn lsn) { entry_.first_lsn = entry_.last_lsn = lsn; }
  // Where it reports what its methods find damaged: those of its collection. Before the part is shared.
  void set_damage(std::shared_ptr<CollectionDamage> damage) { damage_ = std::move(damage); }
  // Where it keeps what filters were evaluated to. Not null. Before the part is shared.
  void set_filter_cache(std::shared_ptr<FilterCache> cache);
  // Somebody else found it damaged, verifying it: nothing unless that is what `found` says.
  void report(const Status& found) const;
  [[nodiscard]] const SealedSegment& rows() const { return *rows_; }
  // For lookups by order, and to see stored LSNs with their errors.
  [[nodiscard]] const store::IdIndex& ids() const { return ids_; }

  [[nodiscard]] const store::IdIndex* id_index() const override { return &ids_; }
  [[nodiscard]] std::uint8_t level() const override { return entry_.level; }
  [[nodiscard]] float distance(const float* query, std::uint32_t row) const override;
  [[nodiscard]] std::uint32_t row_count() const override;
  [[nodiscard]] std::uint32_t indexed_count() const override;
  [[nodiscard]] Lsn first_lsn() const override { return entry_.first_lsn; }
  [[nodiscard]] Lsn last_lsn() const override { return entry_.last_lsn; }
  [[nodiscard]] const std::shared_ptr<DeleteLsns>& deletes() const override { return deletes_; }
  [[nodiscard]] Status search(const SegmentQuery& query, hnsw::SearchScratch& scratch, std::vector<hnsw::Hit>& hits,
                              SegmentStats* stats) const override;
  // Kept in the filter cache, if there is one and the filter comes again.
  [[nodiscard]] Result<filter::RowSetPtr> matching(const filter::Filter& filter, Lsn visible,
                                                   const Deadline& deadline) const override;
  [[nodiscard]] Status count_values(const filter::FieldPath& path, const filter::RowSet& rows, const Deadline& deadline,
                                    filter::FacetCounts& counts) const override;
  [[nodiscard]] Result<std::optional<std::uint32_t>> find(const PointIdView& id, Lsn visible) const override;
  [[nodiscard]] Result<PointIdView> id(std::uint32_t row) const override;
  // Always between first_lsn() and last_lsn(): a row whose stored LSN is damaged does not vanish from searches.
  [[nodiscard]] Lsn row_lsn(std::uint32_t row) const override;
  [[nodiscard]] Result<std::span<const float>> vector(std::uint32_t row) const override;
  [[nodiscard]] Result<std::string_view> meta_json(std::uint32_t row) const override;
  [[nodiscard]] std::uint64_t bytes_in_memory() const override;
  [[nodiscard]] std::uint64_t bytes_on_disk() const override { return entry_.bytes; }

 private:
  template <typename T>
  [[nodiscard]] Result<T> reported(Result<T> result) const;

  SealedPart(catalog::Segment entry, std::unique_ptr<SealedSegment> rows, const store::IdIndex& ids,
             std::shared_ptr<DeleteLsns> deletes);

  // Its own, or the newest of the collection.
  [[nodiscard]] bool is_borrowed(const WalkRule& rule) const {
    return rule.is_calibrated && rows_->calibration() == nullptr;
  }
  // Of a search on codes: whether the hits keep the distances of these.
  [[nodiscard]] bool scores_codes(const SegmentQuery& query) const {
    return rows_->space().has_codes() && (!query.rescore || !rows_->space().has_vectors());
  }
  [[nodiscard]] const format::Calibration* calibration(const SegmentQuery& query) const {
    return rows_->calibration() != nullptr ? rows_->calibration() : query.newest;
  }
  [[nodiscard]] Result<filter::RowSet> select(const filter::Filter& filter, Lsn visible,
                                              const Deadline& deadline) const;
  [[nodiscard]] Status search_allowed(const SegmentQuery& query, hnsw::SearchScratch& scratch,
                                      std::vector<hnsw::Hit>& hits, SegmentStats* stats) const;
  void scan(const SegmentQuery& query, const hnsw::RowPredicate& alive, bool on_codes, std::vector<hnsw::Hit>& hits,
            SegmentStats& stats) const;

  catalog::Segment entry_;
  std::unique_ptr<SealedSegment> rows_;
  store::IdIndex ids_;  // Borrows the file of rows_.
  std::shared_ptr<DeleteLsns> deletes_;
  std::shared_ptr<CollectionDamage> damage_;    // May be null.
  std::unique_ptr<FilterCache::Part> filters_;  // May be null.
};

}  // namespace vibrato::vector
