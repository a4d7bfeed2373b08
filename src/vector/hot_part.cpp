#include "vector/hot_part.hpp"

#include <algorithm>
#include <utility>
#include <vibrato/check.hpp>

#include "vector/alive_rows.hpp"
#include "vector/allowed_search.hpp"
#include "vector/row_filter.hpp"

namespace vibrato::vector {
namespace {

HotOptions options_of(const HotPartOptions& part) {
  HotOptions options;
  options.dim = part.settings.dim;
  options.metric = part.settings.metric;
  options.capacity = part.row_capacity;
  options.m = part.settings.m;
  options.ef_construction = part.settings.ef_construction;
  options.graph = part.settings.index == IndexKind::kHnsw;
  // A flat collection promises exact answers.
  options.codes = options.graph && part.settings.quantization != Quantization::kNone;
  return options;
}

std::string_view plan_of(const HotSearchStats& stats) {
  if (stats.walked > 0) {
    return stats.coded + stats.scanned > 0 ? "graph+tail" : "graph";
  }
  return stats.coded > 0 ? "coded_scan" : "scan";
}

}  // namespace

Result<std::shared_ptr<HotPart>> HotPart::create(const HotPartOptions& options) {
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<HotSegment> rows, HotSegment::create(options_of(options)));
  return std::shared_ptr<HotPart>(new HotPart(options, std::move(rows)));
}

HotPart::HotPart(const HotPartOptions& options, std::unique_ptr<HotSegment> rows)
    : options_(options),
      rows_(std::move(rows)),
      deletes_(std::make_shared<DeleteLsns>(options.row_capacity)),
      records_(options.row_capacity),
      meta_(options.row_capacity) {}

HotPart::~HotPart() = default;

std::uint32_t HotPart::newest_row(const PointIdView& id) const {
  return ids_.find(PointIdHash()(id), [&](std::uint32_t row) { return records_[row].id.view() == id; });
}

Result<std::uint32_t> HotPart::append(const PointIdView& id, std::span<const float> vector, std::string_view meta_json,
                                      Lsn lsn) {
  const std::uint32_t row = row_count();
  VIBRATO_CHECK(!is_frozen() && lsn >= last_lsn());
  if (!records_.make_room(row) || !ids_.make_room()) {
    return unavailable("no memory for more rows");
  }
  records_[row] = {PointId(id), lsn, newest_row(id)};
  VIBRATO_ASSIGN_OR_RETURN(const std::uint32_t appended, rows_->append(vector, std::string(meta_json)));
  VIBRATO_CHECK(appended == row);
  id_bytes_.fetch_add(id.is_text ? id.text.size() : sizeof(id.number), std::memory_order_relaxed);
  ids_.put(PointIdHash()(id), row, [&](std::uint32_t other) { return records_[other].id.view() == id; });
  return row;
}

bool HotPart::is_full() const {
  return row_count() == options_.row_capacity ||
         (options_.data_bytes_max != 0 && data_bytes() >= options_.data_bytes_max);
}

std::uint64_t HotPart::data_bytes() const {
  return std::uint64_t{row_count()} * options_.settings.dim * sizeof(float) + rows_->meta_bytes() +
         id_bytes_.load(std::memory_order_relaxed);
}

std::uint64_t HotPart::unindexed_bytes() const {
  const std::uint64_t indexed = indexed_count();
  const std::uint64_t rows = row_count();
  return rows == 0 ? 0 : data_bytes() / rows * (rows - indexed);
}

bool HotPart::index_step(std::uint32_t rows_max, bool all) {
  const std::lock_guard lock(index_mutex_);
  // Meta first: it costs little, and every row without it is looked at by each filter.
  if (meta_.is_due(row_count())) {
    return meta_.index_next([this](std::uint32_t row) -> std::string_view { return rows_->meta_json(row); });
  }
  return needs_graph(all) && rows_->index_step(rows_max);
}

Lsn HotPart::first_lsn() const {
  return row_count() == 0 ? Lsn() : records_[0].lsn;
}

Lsn HotPart::last_lsn() const {
  const std::uint32_t rows = row_count();
  return rows == 0 ? Lsn() : records_[rows - 1].lsn;
}

std::uint32_t HotPart::rows_at(Lsn visible) const {
  std::uint32_t low = 0;
  std::uint32_t high = row_count();
  if (high == 0 || records_[high - 1].lsn <= visible) {
    return high;
  }
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (records_[middle].lsn <= visible) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

Status HotPart::search(const SegmentQuery& query, hnsw::SearchScratch& scratch, std::vector<hnsw::Hit>& hits,
                       SegmentStats* stats) const {
  const AliveRows alive(*deletes_, query.visible);
  if (query.allowed != nullptr) {
    const hnsw::RowPredicate predicate = deletes_->count() == 0 ? hnsw::RowPredicate{} : alive.predicate();
    return search_allowed(query, predicate, scratch, hits, stats);
  }
  HotQuery hot;
  hot.k = query.k;
  hot.ef = query.ef;
  hot.rescore = query.rescore;
  hot.rows = rows_at(query.visible);
  hot.deadline = query.deadline;
  hot.order = query.order;
  const std::uint32_t dead = deletes_->count();
  if (dead > 0) {
    hot.predicate = alive.predicate();
  }
  if (query.exact || query.order != nullptr) {
    hot.plan = HotQuery::Plan::kExact;
  } else if (is_mostly_dead(hot.rows, dead)) {
    hot.plan = HotQuery::Plan::kScan;
  }
  std::optional<WalkRule> rule;
  if (query.recall) {
    rule = rule_for(query.newest, *query.recall);
    apply(*rule, *query.recall, hot);
  }
  HotSearchStats done;
  rows_->search(query.vector, hot, scratch, hits, &done);
  if (stats != nullptr) {
    stats->rule = done.walked > 0 ? rule : std::nullopt;
    stats->plan = plan_of(done);
    stats->is_by_codes = !query.rescore && done.walked + done.coded > 0 && rows_->space().has_codes();
    stats->distances = std::uint64_t{done.walked} + done.coded + done.scanned;
    stats->rows_visited = stats->distances;
  }
  return query.deadline.check();
}

Status HotPart::search_allowed(const SegmentQuery& query, const hnsw::RowPredicate& alive, hnsw::SearchScratch& scratch,
                               std::vector<hnsw::Hit>& hits, SegmentStats* stats) const {
  // Loaded in the order of HotSegment's publication.
  const std::uint32_t indexed = std::min(rows_->indexed_count(), query.allowed->row_count());
  const std::uint32_t encoded = std::min(rows_->encoded_count(), query.allowed->row_count());
  const hnsw::RowSpace coded = rows_->space();
  const hnsw::RowSpace plain = rows_->plain_space();
  std::optional<hnsw::GraphView> graph;
  SearchedRows rows;
  if (indexed > 0) {
    graph = rows_->graph()->view(options_.row_capacity);
    rows.graph = &*graph;
  }
  rows.indexed = indexed;
  rows.coded = coded.has_codes() ? &coded : nullptr;
  rows.encoded = encoded;
  rows.plain = &plain;
  rows.calibration = query.newest;
  return search_allowed_rows(rows, query, alive, scratch, hits, stats);
}

Result<filter::RowSetPtr> HotPart::matching(const filter::Filter& filter, Lsn visible, const Deadline& deadline) const {
  const std::uint32_t rows = rows_at(visible);
  RowFilter row_filter(filter, *this, visible, deadline);
  std::vector<std::uint32_t> found;
  std::uint32_t first = 0;
  for (std::uint32_t block = 0; first < rows && block < meta_.block_count(); ++block, first += MetaBlocks::kRows) {
    VIBRATO_ASSIGN_OR_RETURN(const filter::RowSet of_block,
                             row_filter.select(meta_.block(block), first, MetaBlocks::kRows));
    const std::size_t begin = found.size();
    of_block.append_to(found);
    std::for_each(found.begin() + static_cast<std::ptrdiff_t>(begin), found.end(),
                  [first](std::uint32_t& row) { row += first; });
  }
  VIBRATO_RETURN_IF_ERROR(row_filter.match(std::min(first, rows), rows, found));
  return std::make_shared<const filter::RowSet>(filter::RowSet::of(std::move(found), rows));
}

float HotPart::distance(const float* query, std::uint32_t row) const {
  VIBRATO_CHECK(row < row_count());
  const hnsw::RowSpace space = rows_->plain_space();
  float distance = 0;
  hnsw::ExactScorer(simd::kernels(), space, query).score(&row, 1, &distance);
  return distance;
}

Status HotPart::count_values(const filter::FieldPath& path, const filter::RowSet& rows, const Deadline& deadline,
                             filter::FacetCounts& counts) const {
  std::vector<std::uint32_t> list;
  rows.append_to(list);
  auto begin = list.begin();
  for (std::uint32_t block = 0; block < meta_.block_count() && begin != list.end(); ++block) {
    const std::uint32_t first = block * MetaBlocks::kRows;
    const auto end = std::lower_bound(begin, list.end(), first + MetaBlocks::kRows);
    std::vector<std::uint32_t> of_block(begin, end);
    std::for_each(of_block.begin(), of_block.end(), [first](std::uint32_t& row) { row -= first; });
    VIBRATO_RETURN_IF_ERROR(count_row_values(*this, meta_.block(block), first,
                                             filter::RowSet::of(std::move(of_block), MetaBlocks::kRows), path, deadline,
                                             counts));
    begin = end;
  }
  return count_row_values(*this, std::span(begin, list.end()), path, deadline, counts);
}

Result<std::optional<std::uint32_t>> HotPart::find(const PointIdView& id, Lsn visible) const {
  std::uint32_t row = newest_row(id);
  while (row != HotIds::kNoRow && records_[row].lsn > visible) {
    row = records_[row].previous;
  }
  return row == HotIds::kNoRow ? std::nullopt : std::optional(row);
}

Result<PointIdView> HotPart::id(std::uint32_t row) const {
  VIBRATO_CHECK(row < row_count());
  return records_[row].id.view();
}

Lsn HotPart::row_lsn(std::uint32_t row) const {
  VIBRATO_CHECK(row < row_count());
  return records_[row].lsn;
}

Result<std::span<const float>> HotPart::vector(std::uint32_t row) const {
  return rows_->vector(row);
}

Result<std::string_view> HotPart::meta_json(std::uint32_t row) const {
  return std::string_view(rows_->meta_json(row));
}

std::uint64_t HotPart::bytes_in_memory() const {
  return sizeof(*this) + rows_->bytes_in_memory() + records_.bytes_in_memory(row_count()) + ids_.bytes_in_memory() +
         meta_.bytes_in_memory() + id_bytes_.load(std::memory_order_relaxed) + deletes_->bytes_in_memory();
}

}  // namespace vibrato::vector
