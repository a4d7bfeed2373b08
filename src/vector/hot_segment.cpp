#include "vector/hot_segment.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <utility>
#include <vibrato/check.hpp>

#include "base/limits.hpp"
#include "hnsw/reachability.hpp"
#include "store/vdb_row_writer.hpp"
#include "vector/choose_codes.hpp"
#include "vector/flat_scan.hpp"

namespace vibrato::vector {
namespace {

constexpr std::size_t kRowAlignmentFloats = 16;  // 64 bytes.
// A segment that has grown to this size takes huge pages for what comes.
constexpr std::size_t kHugePagesFrom = 1 * limits::kMiB;

// Rows wait for a batch, as each batch ends with a pass over the whole graph that makes every row reachable. The share
// keeps the cost of those passes in line with that of the inserts; what waits is scanned by each search.
constexpr std::uint32_t kBatchRowsMin = 256;
constexpr std::uint32_t kBatchShare = 64;
// Rows may come much faster than they are indexed. A batch is then cut, so that searches soon have fewer to scan.
constexpr std::uint32_t kBatchRowsMax = 1024;
constexpr std::uint32_t kBatchShareMax = 8;

// Rows that an append encodes beside its own, until none wait.
constexpr std::uint32_t kEncodedPerAppend = 4;

// A predicate, and the end of what a reader may see.
struct Bounded {
  std::uint32_t rows;
  const hnsw::RowPredicate& inner;

  static bool allows(const void* context, std::uint32_t row) {
    const auto& self = *static_cast<const Bounded*>(context);
    return row < self.rows && self.inner(row);
  }
};

}  // namespace

Result<std::unique_ptr<HotSegment>> HotSegment::create(const HotOptions& options) {
  if (options.dim == 0 || options.dim > limits::kDimMax || options.capacity > limits::kHotRowsMax) {
    return invalid_argument("a hot segment cannot hold " + std::to_string(options.capacity) + " rows of " +
                            std::to_string(options.dim) + " dimensions");
  }
  std::unique_ptr<HotSegment> segment(new HotSegment(options));
  VIBRATO_RETURN_IF_ERROR(segment->reserve());
  return segment;
}

HotSegment::HotSegment(const HotOptions& options)
    : options_(options),
      stride_floats_((options.dim + kRowAlignmentFloats - 1) / kRowAlignmentFloats * kRowAlignmentFloats),
      meta_(options.capacity) {}

HotSegment::~HotSegment() = default;

Status HotSegment::reserve() {
  const std::size_t rows = options_.capacity;
  VIBRATO_ASSIGN_OR_RETURN(rows_,
                           LargeBuffer::reserve(rows * stride_floats_ * sizeof(float), LargeBuffer::Pages::kSmall));
  if (options_.metric == Metric::kCosine) {
    VIBRATO_ASSIGN_OR_RETURN(inverse_norms_, LargeBuffer::reserve(rows * sizeof(float), LargeBuffer::Pages::kSmall));
  }
  return ok_status();
}

Result<std::uint32_t> HotSegment::append(std::span<const float> vector, std::string meta_json) {
  VIBRATO_CHECK(vector.size() == options_.dim);
  const std::lock_guard lock(mutex_);
  const std::uint32_t row = row_count_.load(std::memory_order_relaxed);
  if (row == options_.capacity) {
    return unavailable("all " + std::to_string(row) + " rows of the memory buffer are in use: flush, then try again");
  }
  if (!meta_.make_room(row)) {
    return unavailable("no memory for more rows");
  }
  const std::size_t begin = std::size_t{row} * stride_floats_;
  if (!on_huge_pages_ && begin * sizeof(float) >= kHugePagesFrom) {
    rows_.use_huge_pages();
    inverse_norms_.use_huge_pages();
    on_huge_pages_ = true;
  }
  meta_bytes_.fetch_add(meta_json.size(), std::memory_order_relaxed);
  meta_[row] = std::move(meta_json);
  std::memcpy(rows_.as<float>() + begin, vector.data(), vector.size_bytes());
  const float norm = std::sqrt(simd::kernels().norm_squared(vector.data(), vector.size()));
  if (norm > norm_max_.load(std::memory_order_relaxed)) {
    norm_max_.store(norm, std::memory_order_relaxed);
  }
  if (options_.metric == Metric::kCosine) {
    inverse_norms_.as<float>()[row] = store::inverse_norm(vector);
  }
  row_count_.store(row + 1, std::memory_order_release);
  make_codes_if_due();
  if (Codes* codes = codes_.load(std::memory_order_relaxed); codes != nullptr) {
    if (const std::unique_lock encoding(encode_mutex_, std::try_to_lock); encoding) {
      encode_rows(*codes, 1 + kEncodedPerAppend);
    }
  }
  return row;
}

std::span<const float> HotSegment::vector(std::uint32_t row) const {
  VIBRATO_CHECK(row < row_count());
  return {rows_.as<float>() + std::size_t{row} * stride_floats_, options_.dim};
}

const std::string& HotSegment::meta_json(std::uint32_t row) const {
  VIBRATO_CHECK(row < row_count());
  return meta_[row];
}

std::uint64_t HotSegment::bytes_in_memory() const {
  const std::uint64_t rows = row_count();
  std::uint64_t bytes = sizeof(*this) + rows * stride_floats_ * sizeof(float) + meta_bytes();
  bytes += meta_.bytes_in_memory(static_cast<std::uint32_t>(rows));
  bytes += options_.metric == Metric::kCosine ? rows * sizeof(float) : 0;
  if (const quant::CodedRows* coded = codes(); coded != nullptr) {
    bytes += coded->bytes(encoded_count()).size();
  }
  if (const hnsw::MutableGraph* made = graph(); made != nullptr) {
    bytes += made->memory_bytes(indexed_count());
  }
  return bytes;
}

hnsw::RowSpace HotSegment::space(const Codes* codes) const {
  hnsw::RowSpace space;
  space.metric = options_.metric;
  space.row_count = options_.capacity;
  space.vectors = {rows_.as<float>(), stride_floats_, options_.dim};
  space.inverse_norms = inverse_norms_.as<float>();
  space.norm_max = norm_max_.load(std::memory_order_relaxed);
  if (codes != nullptr) {
    space.quantizer = codes->quantizer.get();
    space.codes = codes->rows->view();
  }
  return space;
}

std::uint32_t HotSegment::walk(const float* vector, const HotQuery& query, const Walk& bounds,
                               hnsw::SearchScratch& scratch, std::vector<hnsw::Hit>& hits,
                               HotSearchStats& stats) const {
  const simd::Kernels& kernels = simd::kernels();
  const hnsw::GraphView view = graph_.load(std::memory_order_acquire)->view(options_.capacity);
  const hnsw::RowSpace rows = space();
  const Bounded bounded{bounds.rows, query.predicate};
  const auto is_outside = [&](const hnsw::Hit& hit) { return hit.row >= bounds.rows; };
  hnsw::SearchParams params;
  params.k = query.k;
  params.ef = query.ef;
  params.slack = query.slack;
  params.reach = query.reach;
  params.stop_k = query.stop_k;
  params.rescore = query.rescore;
  if (query.predicate.allows != nullptr || bounds.indexed > bounds.rows) {
    params.predicate = {&Bounded::allows, &bounded};
  }
  hnsw::SearchStats walked;
  hnsw::search(kernels, view, rows, vector, params, scratch, hits, &walked);
  stats.walked += walked.walk.distances;
  if (params.predicate.allows == nullptr && std::any_of(hits.begin(), hits.end(), is_outside)) {
    // Rows that came during the search and were linked at once: rare enough to walk again without them.
    params.predicate = {&Bounded::allows, &bounded};
    hnsw::search(kernels, view, rows, vector, params, scratch, hits, &walked);
    stats.walked += walked.walk.distances;
  }
  if (hits.size() < query.k) {
    hits.clear();
    return 0;
  }
  return std::min(bounds.indexed, bounds.rows);
}

void HotSegment::search(const float* vector, const HotQuery& query, hnsw::SearchScratch& scratch,
                        std::vector<hnsw::Hit>& hits, HotSearchStats* stats) const {
  const simd::Kernels& kernels = simd::kernels();
  thread_local ScanScratch scan;
  thread_local std::vector<hnsw::Hit> scanned;
  const bool exact = query.plan == HotQuery::Plan::kExact;
  const std::uint32_t indexed = indexed_count();
  const std::uint32_t all_encoded = encoded_count_.load(std::memory_order_acquire);
  const std::uint32_t rows = std::min(row_count(), query.rows);
  const std::uint32_t encoded = std::min(all_encoded, rows);
  HotSearchStats local;
  hits.clear();
  std::uint32_t first = 0;  // Rows below it are done.
  if (query.plan == HotQuery::Plan::kBest && query.k < std::min(indexed, rows) / kScanShare) {
    first = walk(vector, query, {indexed, rows}, scratch, hits, local);
  }
  // Rows of a batch that is being linked may be found by walk and scan: merging keeps one.
  if (!exact && encoded > first && encoded - first > kCodedScanMin * coded_scan_candidates(query.k)) {
    scan_coded_rows(kernels, space(), vector, first, encoded, query.k, scan, scanned, query.predicate, true,
                    query.deadline);
    merge_hits(hits, scanned, query.k);
    local.coded = encoded - first;
    first = encoded;
  }
  if (first < rows) {
    scan_rows(kernels, space(nullptr), vector, first, rows, query.k, scan, scanned, query.predicate, query.deadline,
              query.order == nullptr ? HitOrder() : *query.order);
    merge_hits(hits, scanned, query.k);
    local.scanned = rows - first;
  }
  if (stats != nullptr) {
    *stats = local;
  }
}

void HotSegment::search(const float* vector, std::uint32_t k, std::uint32_t ef, hnsw::SearchScratch& scratch,
                        std::vector<hnsw::Hit>& hits) const {
  HotQuery query;
  query.k = k;
  query.ef = ef;
  search(vector, query, scratch, hits);
}

bool HotSegment::needs_indexing(bool all) const {
  const std::uint32_t indexed = indexed_count();
  const std::uint32_t rows = row_count();
  if (!options_.graph || rows < kCodedRowsMin || no_memory_.load(std::memory_order_acquire)) {
    return false;
  }
  return indexed == 0 || rows - indexed >= (all ? 1 : std::max(kBatchRowsMin, indexed / kBatchShare));
}

std::uint32_t HotSegment::batch_rows() const {
  return std::max(kBatchRowsMax, indexed_count() / kBatchShareMax);
}

bool HotSegment::wants_codes() const {
  return options_.codes && options_.dim >= kCodedDimMin;
}

void HotSegment::make_codes_if_due() {
  if (owned_codes_ != nullptr || !wants_codes() || no_memory_.load(std::memory_order_relaxed) ||
      row_count_.load(std::memory_order_relaxed) < kCodedRowsMin) {
    return;
  }
  // 8 bits do for any set; which codes suit the rows best is measured when they are sealed.
  std::vector<std::uint32_t> first_rows(kCodedRowsMin);
  std::iota(first_rows.begin(), first_rows.end(), 0U);
  auto codes = std::make_unique<Codes>();
  codes->quantizer = std::make_unique<quant::ScalarQuantizer>(
      options_.metric, quant::CodeKind::kSq8,
      quant::mean_of_rows(options_.metric, simd::kernels(), space(nullptr).vectors, first_rows), options_.seed);
  auto rows = quant::CodedRows::create(*codes->quantizer, options_.capacity);
  if (!rows.ok()) {
    no_memory_.store(true, std::memory_order_release);
    return;
  }
  codes->rows.emplace(std::move(rows).value());
  owned_codes_ = std::move(codes);
  codes_.store(owned_codes_.get(), std::memory_order_release);
}

void HotSegment::encode_rows(Codes& codes, std::uint32_t rows_max) {
  const std::uint32_t first = encoded_count_.load(std::memory_order_relaxed);
  const std::uint32_t end = first + std::min(row_count() - first, rows_max);
  for (std::uint32_t row = first; row < end; ++row) {
    codes.rows->encode(simd::kernels(), row, vector(row).data(), encode_scratch_);
  }
  encoded_count_.store(end, std::memory_order_release);
}

hnsw::MutableGraph* HotSegment::graph_to_fill() {
  if (owned_graph_ == nullptr) {
    hnsw::GraphParams params;
    params.m = options_.m;
    params.ef_construction = options_.ef_construction;
    params.seed = options_.seed;
    auto graph = hnsw::MutableGraph::create(options_.capacity, params);
    if (!graph.ok()) {
      no_memory_.store(true, std::memory_order_release);
      return nullptr;
    }
    owned_graph_ = std::move(graph).value();
    graph_.store(owned_graph_.get(), std::memory_order_release);
  }
  return owned_graph_.get();
}

bool HotSegment::index_step(std::uint32_t rows_max, const std::atomic<bool>* stop) {
  VIBRATO_CHECK(rows_max > 0);
  if (!needs_indexing(true)) {
    return false;
  }
  const std::uint32_t rows = row_count();
  if (wants_codes()) {
    const std::lock_guard lock(mutex_);
    make_codes_if_due();
  }
  Codes* codes = codes_.load(std::memory_order_acquire);
  if (codes != nullptr) {
    const std::lock_guard lock(encode_mutex_);
    encode_rows(*codes, std::numeric_limits<std::uint32_t>::max());
  }
  hnsw::MutableGraph* graph = wants_codes() && codes == nullptr ? nullptr : graph_to_fill();
  if (graph == nullptr) {
    return false;
  }
  thread_local hnsw::InsertScratch scratch;
  const hnsw::RowSpace rows_and_codes = space(codes);
  hnsw::Builder builder(simd::kernels(), rows_and_codes, *graph);
  const std::uint32_t end = inserted_count_ + std::min(rows - inserted_count_, rows_max);
  for (; inserted_count_ < end; ++inserted_count_) {
    if (stop != nullptr && stop->load(std::memory_order_relaxed)) {
      return true;
    }
    builder.insert(inserted_count_, scratch);
  }
  hnsw::link_unreachable_rows(simd::kernels(), rows_and_codes, *graph, end);
  indexed_count_.store(end, std::memory_order_release);
  return true;
}

}  // namespace vibrato::vector
