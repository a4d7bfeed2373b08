#include "vector/sealed_part.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "filter/filter_key.hpp"
#include "io/safe_path.hpp"
#include "vector/alive_rows.hpp"
#include "vector/allowed_search.hpp"
#include "vector/flat_scan.hpp"
#include "vector/row_filter.hpp"

namespace vibrato::vector {
namespace {

Status does_not_fit(const store::VdbFile& file, std::string_view what, const std::string& expected,
                    const std::string& found) {
  return corruption(fmt::format("{}: {}: expected {} (the catalog's), found {}", file.path(), what, expected, found));
}

Status check_fits(const store::VdbFile& file, const catalog::Segment& entry, const CollectionSettings& settings) {
  if (file.version() != format::kVdbVersion) {
    return does_not_fit(file, "format version", std::to_string(format::kVdbVersion), std::to_string(file.version()));
  }
  if (file.dim() != settings.dim || file.metric() != settings.metric) {
    return does_not_fit(file, "dimensions and metric", fmt::format("{}, {}", settings.dim, to_string(settings.metric)),
                        fmt::format("{}, {}", file.dim(), to_string(file.metric())));
  }
  if (file.rows() != entry.row_count) {
    return does_not_fit(file, "rows", std::to_string(entry.row_count), std::to_string(file.rows()));
  }
  const format::VdbLayout& layout = file.layout();
  const std::uint64_t unknown = SealedPart::kUnknownLsn.value();
  const bool is_imported =
      layout.first_lsn == unknown && layout.last_lsn == unknown && entry.first_lsn == entry.last_lsn;
  if (!is_imported && (layout.first_lsn != entry.first_lsn.value() || layout.last_lsn != entry.last_lsn.value())) {
    return does_not_fit(file, "LSNs of the rows",
                        fmt::format("{} to {}", entry.first_lsn.value(), entry.last_lsn.value()),
                        fmt::format("{} to {}", layout.first_lsn, layout.last_lsn));
  }
  return ok_status();
}

}  // namespace

Result<std::shared_ptr<SealedPart>> SealedPart::open(io::FileSystem& fs, const std::string& data_folder,
                                                     const catalog::Segment& entry, const CollectionSettings& settings,
                                                     std::shared_ptr<DeleteLsns> deletes, store::PackMaps* packs,
                                                     VectorAccess access) {
  VIBRATO_ASSIGN_OR_RETURN(const std::string path, io::join_beneath(data_folder, entry.file));
  store::PackMaps alone;
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<store::VdbFile> file,
                           (packs != nullptr ? *packs : alone).open(fs, path, entry.part));
  VIBRATO_RETURN_IF_ERROR(check_fits(*file, entry, settings));
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<SealedSegment> rows, SealedSegment::from_file(std::move(file), access));
  VIBRATO_ASSIGN_OR_RETURN(const store::IdIndex ids, store::IdIndex::open(rows->file()));
  if (deletes == nullptr) {
    deletes = std::make_shared<DeleteLsns>(rows->row_count());
  }
  return std::shared_ptr<SealedPart>(new SealedPart(entry, std::move(rows), ids, std::move(deletes)));
}

SealedPart::SealedPart(catalog::Segment entry, std::unique_ptr<SealedSegment> rows, const store::IdIndex& ids,
                       std::shared_ptr<DeleteLsns> deletes)
    : entry_(std::move(entry)), rows_(std::move(rows)), ids_(ids), deletes_(std::move(deletes)) {}

// Nothing is locked as long as all is well.
void SealedPart::report(const Status& found) const {
  if (found.code() == ErrorCode::kCorruption && damage_ != nullptr) {
    damage_->report(entry_.id, found.message());
  }
}

template <typename T>
Result<T> SealedPart::reported(Result<T> result) const {
  if (!result.ok()) {
    report(result.status());
  }
  return result;
}

std::uint32_t SealedPart::row_count() const {
  return rows_->row_count();
}

std::uint32_t SealedPart::indexed_count() const {
  return rows_->has_graph() ? rows_->row_count() : 0;
}

Status SealedPart::search(const SegmentQuery& query, hnsw::SearchScratch& scratch, std::vector<hnsw::Hit>& hits,
                          SegmentStats* stats) const {
  if (query.allowed != nullptr) {
    return search_allowed(query, scratch, hits, stats);
  }
  SegmentStats local;
  const std::uint32_t dead = deletes_->count();
  const AliveRows alive(*deletes_, query.visible);
  const hnsw::RowPredicate predicate = dead == 0 ? hnsw::RowPredicate{} : alive.predicate();
  hits.clear();
  bool found_all = false;
  const bool walks = rows_->has_graph() && query.k < row_count() / kScanShare && !is_mostly_dead(row_count(), dead);
  const bool exact = query.exact || query.order != nullptr;
  if (!exact && walks) {
    hnsw::SearchParams params;
    params.k = query.k;
    params.ef = query.ef;
    params.rescore = query.rescore;
    params.predicate = predicate;
    params.known = query.known;
    if (query.recall) {
      local.rule = rule_for(calibration(query), *query.recall);
      local.rule->is_borrowed = is_borrowed(*local.rule);
      apply(*local.rule, *query.recall, params);
    }
    hnsw::SearchStats walk;
    hnsw::search(simd::kernels(), rows_->graph(), rows_->space(), query.vector, params, scratch, hits, &walk);
    local.plan = "graph";
    local.rows_visited = walk.walk.expanded;
    local.distances = std::uint64_t{walk.walk.distances} + walk.rescored;
    local.is_by_codes = scores_codes(query);
    found_all = walk.vouched >= query.k;
  }
  if (!found_all) {
    local.rule.reset();
    scan(query, predicate, !exact && !rows_->has_graph(), hits, local);
  }
  if (stats != nullptr) {
    *stats = local;
  }
  return query.deadline.check();
}

void SealedPart::scan(const SegmentQuery& query, const hnsw::RowPredicate& alive, bool on_codes,
                      std::vector<hnsw::Hit>& hits, SegmentStats& stats) const {
  thread_local ScanScratch scratch;
  const std::uint32_t rows = row_count();
  const HitOrder order = query.order == nullptr ? HitOrder() : *query.order;
  stats.rows_visited += rows;
  stats.distances += rows;
  const bool pays = on_codes && rows_->space().has_codes() && rows > kCodedScanMin * coded_scan_candidates(query.k);
  if (pays || !rows_->space().has_vectors()) {
    scan_coded_rows(simd::kernels(), rows_->space(), query.vector, 0, rows, query.k, scratch, hits, alive,
                    query.rescore, query.deadline, order);
    stats.plan = "coded_scan";
    stats.is_by_codes = scores_codes(query);
    return;
  }
  stats.is_by_codes = false;
  scan_rows(simd::kernels(), rows_->space(), query.vector, 0, rows, query.k, scratch, hits, alive, query.deadline,
            order);
  stats.plan = "scan";
}

Status SealedPart::search_allowed(const SegmentQuery& query, hnsw::SearchScratch& scratch, std::vector<hnsw::Hit>& hits,
                                  SegmentStats* stats) const {
  const AliveRows alive(*deletes_, query.visible);
  const hnsw::RowPredicate predicate = deletes_->count() == 0 ? hnsw::RowPredicate{} : alive.predicate();
  const hnsw::RowSpace& space = rows_->space();
  SearchedRows rows;
  rows.graph = rows_->has_graph() ? &rows_->graph() : nullptr;
  rows.indexed = indexed_count();
  rows.coded = space.has_codes() ? &space : nullptr;
  rows.encoded = space.has_codes() ? row_count() : 0;
  rows.plain = space.has_vectors() ? &space : nullptr;
  rows.calibration = calibration(query);
  SegmentStats local;
  VIBRATO_RETURN_IF_ERROR(search_allowed_rows(rows, query, predicate, scratch, hits, &local));
  if (local.rule) {
    local.rule->is_borrowed = is_borrowed(*local.rule);
  }
  if (stats != nullptr) {
    *stats = local;
  }
  return ok_status();
}

void SealedPart::set_filter_cache(std::shared_ptr<FilterCache> cache) {
  filters_ = std::make_unique<FilterCache::Part>(std::move(cache));
}

// What a filter matches here never changes: rows and ids are those of the file, for every reader, and nothing is said
// of deletes.
Result<filter::RowSetPtr> SealedPart::matching(const filter::Filter& filter, Lsn visible,
                                               const Deadline& deadline) const {
  std::string key;
  FilterCache::Part::Known known;
  if (filters_ != nullptr) {
    filter::append_filter_key(filter, key);
    known = filters_->find(key);
    if (known.rows != nullptr) {
      return known.rows;
    }
  }
  VIBRATO_ASSIGN_OR_RETURN(filter::RowSet found, select(filter, visible, deadline));
  auto rows = std::make_shared<const filter::RowSet>(std::move(found));
  if (known.is_wanted) {
    filters_->keep(key, rows);
  }
  return rows;
}

Result<filter::RowSet> SealedPart::select(const filter::Filter& filter, Lsn visible, const Deadline& deadline) const {
  RowFilter rows(filter, *this, visible, deadline);
  const format::MetaIndexView* const index = rows_->meta_index();
  if (index != nullptr || !rows_->file().has_meta()) {
    return reported(rows.select(index, 0, row_count()));
  }
  std::vector<std::uint32_t> found;
  const Status matched = rows.match(0, row_count(), found);
  report(matched);
  VIBRATO_RETURN_IF_ERROR(matched);
  return filter::RowSet::of(std::move(found), row_count());
}

float SealedPart::distance(const float* query, std::uint32_t row) const {
  VIBRATO_CHECK(row < row_count());
  const hnsw::RowSpace& space = rows_->space();
  float distance = 0;
  if (space.has_vectors()) {
    hnsw::ExactScorer(simd::kernels(), space, query).score(&row, 1, &distance);
  } else {
    thread_local quant::PreparedQuery prepared;
    hnsw::prepare_query(simd::kernels(), space, query, prepared);
    hnsw::WalkScorer(simd::kernels(), space, prepared).score(&row, 1, &distance);
  }
  return distance;
}

Status SealedPart::count_values(const filter::FieldPath& path, const filter::RowSet& rows, const Deadline& deadline,
                                filter::FacetCounts& counts) const {
  const format::MetaIndexView* const index = rows_->meta_index();
  Status counted;
  if (index != nullptr || !rows_->file().has_meta()) {
    counted = count_row_values(*this, index, 0, rows, path, deadline, counts);
  } else {
    std::vector<std::uint32_t> list;
    rows.append_to(list);
    counted = count_row_values(*this, list, path, deadline, counts);
  }
  report(counted);
  return counted;
}

Result<std::optional<std::uint32_t>> SealedPart::find(const PointIdView& id, Lsn /*visible*/) const {
  // Every row of a sealed part is at or below what any of its readers sees.
  return reported(ids_.find(id));
}

Result<PointIdView> SealedPart::id(std::uint32_t row) const {
  return reported(ids_.id(row));
}

Lsn SealedPart::row_lsn(std::uint32_t row) const {
  return std::clamp(Lsn(ids_.stored_lsn(row)), first_lsn(), last_lsn());
}

Result<std::span<const float>> SealedPart::vector(std::uint32_t row) const {
  VIBRATO_CHECK(row < row_count());
  using Values = Result<std::span<const float>>;
  const format::VdbLayout& layout = rows_->file().layout();
  if (!layout.has_vectors()) {
    return Status(ErrorCode::kGone, "the raw vectors of archived points were dropped");
  }
  const std::uint64_t offset = layout.vectors.offset + row * layout.row_stride_bytes;
  const Status whole = rows_->file().check_once(offset, layout.row_stride_bytes);
  return whole.ok() ? Values(rows_->file().vectors().row(row)) : reported(Values(whole));
}

Result<std::string_view> SealedPart::meta_json(std::uint32_t row) const {
  return reported(rows_->file().meta_view(row));
}

std::uint64_t SealedPart::bytes_in_memory() const {
  const format::VdbLayout& layout = rows_->file().layout();
  const std::uint64_t centre_bytes =
      rows_->space().has_codes() ? std::uint64_t{layout.dim} * sizeof(float) * 4 : 0;  // And the rotation's.
  // Centroids, and a norm of each.
  const quant::ProductQuantizer* product = rows_->space().product;
  const std::uint64_t codebook_bytes =
      product == nullptr ? 0 : (layout.dim + product->layout().code_bytes) * simd::kProductEntries * sizeof(float);
  return sizeof(SealedPart) + sizeof(SealedSegment) + sizeof(store::VdbFile) +
         layout.sections.capacity() * sizeof(format::SectionEntry) + layout.block_count / 8 + entry_.file.capacity() +
         rows_->file().path().capacity() + centre_bytes + codebook_bytes + deletes_->bytes_in_memory();
}

}  // namespace vibrato::vector
