#include "vector/hot_segment.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <numeric>
#include <system_error>
#include <utility>
#include <vibrato/check.hpp>

#include "base/limits.hpp"
#include "hnsw/reachability.hpp"
#include "store/vdb_row_writer.hpp"
#include "vector/choose_codes.hpp"

namespace vibrato::vector {
namespace {

constexpr std::uint32_t kMetaChunkRows = 1024;
constexpr std::size_t kRowAlignmentFloats = 16;  // 64 bytes.

// Rows wait for a batch, as each batch ends with a pass over the whole graph that makes every row reachable. The share
// keeps the cost of those passes in line with that of the inserts; what waits is scanned by each search.
constexpr std::uint32_t kBatchRowsMin = 256;
constexpr std::uint32_t kBatchShare = 64;
// Rows may come much faster than they are indexed. A batch is then cut, so that searches soon have fewer to scan.
constexpr std::uint32_t kBatchRowsMax = 1024;
constexpr std::uint32_t kBatchShareMax = 8;

// Scanning on codes pays from this many rows a candidate that is scored again.
constexpr std::uint32_t kCodedScanMin = 8;

// A search for a large part of the rows scans them all: exact, and cheaper than a walk.
constexpr std::uint32_t kScanShare = 4;

}  // namespace

Result<std::unique_ptr<HotSegment>> HotSegment::create(const HotOptions& options) {
  if (options.dim == 0 || options.dim > limits::kDimMax || options.capacity > limits::kHotRowsMax) {
    return invalid_argument("a hot segment cannot hold " + std::to_string(options.capacity) + " rows of " +
                            std::to_string(options.dim) + " dimensions");
  }
  std::unique_ptr<HotSegment> segment(new HotSegment(options));
  VIBRATO_RETURN_IF_ERROR(segment->reserve());
  try {
    segment->worker_ = std::thread([raw = segment.get()] { raw->run_worker(); });
  } catch (const std::system_error& error) {
    return unavailable(std::string("cannot start a thread: ") + error.what());
  }
  return segment;
}

HotSegment::HotSegment(const HotOptions& options)
    : options_(options),
      stride_floats_((options.dim + kRowAlignmentFloats - 1) / kRowAlignmentFloats * kRowAlignmentFloats),
      meta_chunks_(options.capacity / kMetaChunkRows + 1) {}

HotSegment::~HotSegment() {
  stop_indexing();
}

void HotSegment::stop_indexing() {
  {
    const std::lock_guard lock(mutex_);
    stopping_.store(true, std::memory_order_relaxed);
  }
  wake_.notify_all();
  if (worker_.joinable()) {
    worker_.join();
  }
}

Status HotSegment::reserve() {
  VIBRATO_ASSIGN_OR_RETURN(rows_,
                           LargeBuffer::reserve(std::size_t{options_.capacity} * stride_floats_ * sizeof(float)));
  if (options_.metric == Metric::kCosine) {
    VIBRATO_ASSIGN_OR_RETURN(inverse_norms_, LargeBuffer::reserve(std::size_t{options_.capacity} * sizeof(float)));
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
  auto& chunk = meta_chunks_[row / kMetaChunkRows];
  if (chunk == nullptr) {
    chunk.reset(new (std::nothrow) std::string[kMetaChunkRows]);
    if (chunk == nullptr) {
      return unavailable("no memory for more rows");
    }
  }
  meta_bytes_.fetch_add(meta_json.size(), std::memory_order_relaxed);
  chunk[row % kMetaChunkRows] = std::move(meta_json);
  std::memcpy(rows_.as<float>() + std::size_t{row} * stride_floats_, vector.data(), vector.size_bytes());
  const float norm = std::sqrt(simd::kernels().norm_squared(vector.data(), vector.size()));
  if (norm > norm_max_.load(std::memory_order_relaxed)) {
    norm_max_.store(norm, std::memory_order_relaxed);
  }
  if (options_.metric == Metric::kCosine) {
    inverse_norms_.as<float>()[row] = store::inverse_norm(vector);
  }
  row_count_.store(row + 1, std::memory_order_release);
  if (batch_is_due()) {
    wake_.notify_one();
  }
  return row;
}

std::span<const float> HotSegment::vector(std::uint32_t row) const {
  VIBRATO_CHECK(row < row_count());
  return {rows_.as<float>() + std::size_t{row} * stride_floats_, options_.dim};
}

const std::string& HotSegment::meta_json(std::uint32_t row) const {
  VIBRATO_CHECK(row < row_count());
  return meta_chunks_[row / kMetaChunkRows][row % kMetaChunkRows];
}

hnsw::RowSpace HotSegment::space(const Index* index) const {
  hnsw::RowSpace space;
  space.metric = options_.metric;
  space.row_count = options_.capacity;
  space.vectors = {rows_.as<float>(), stride_floats_, options_.dim};
  space.inverse_norms = inverse_norms_.as<float>();
  space.norm_max = norm_max_.load(std::memory_order_relaxed);
  if (index != nullptr && index->codes) {
    space.quantizer = index->quantizer.get();
    space.codes = index->codes->view();
  }
  return space;
}

void HotSegment::search(const float* query, std::uint32_t k, std::uint32_t ef, hnsw::SearchScratch& scratch,
                        std::vector<hnsw::Hit>& hits) const {
  const simd::Kernels& kernels = simd::kernels();
  thread_local ScanScratch scan;
  thread_local std::vector<hnsw::Hit> scanned;
  const std::uint32_t indexed = indexed_count();
  const std::uint32_t encoded = encoded_count_.load(std::memory_order_acquire);
  const std::uint32_t rows = row_count();
  const Index* index = index_.load(std::memory_order_acquire);
  hits.clear();
  std::uint32_t first = 0;  // Rows below it are done.
  if (k < indexed / kScanShare) {
    hnsw::SearchParams params;
    params.k = k;
    params.ef = ef;
    hnsw::search(kernels, index->graph->view(options_.capacity), space(index), query, params, scratch, hits);
    first = indexed;
  }
  // Rows of a batch that is being linked may be found by walk and scan: merging keeps one.
  if (encoded > first && encoded - first > kCodedScanMin * coded_scan_candidates(k)) {
    scan_coded_rows(kernels, space(index), query, first, encoded, k, scan, scanned);
    merge_hits(hits, scanned, k);
    first = encoded;
  }
  scan_rows(kernels, space(nullptr), query, first, rows, k, scan, scanned);
  merge_hits(hits, scanned, k);
}

bool HotSegment::batch_is_due() const {
  const std::uint32_t rows = row_count_.load(std::memory_order_relaxed);
  const std::uint32_t indexed = indexed_count_.load(std::memory_order_relaxed);
  return rows - indexed >= (indexed == 0 ? kCodedRowsMin : std::max(kBatchRowsMin, indexed / kBatchShare));
}

void HotSegment::run_worker() {
  const auto wait = [this] {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return stopping_.load(std::memory_order_relaxed) || batch_is_due(); });
    return !stopping_.load(std::memory_order_relaxed);
  };
  // Without memory for an index every search is a scan: slower, and still right.
  if (!wait() || !make_index().ok()) {
    return;
  }
  const hnsw::RowSpace rows = space(owned_index_.get());
  hnsw::Builder builder(simd::kernels(), rows, *owned_index_->graph);
  hnsw::InsertScratch scratch;
  std::vector<float> encode_scratch;
  do {
    index_batch(builder, scratch, encode_scratch);
  } while (wait());
}

Status HotSegment::make_index() {
  auto index = std::make_unique<Index>();
  hnsw::GraphParams params;
  params.m = options_.m;
  params.ef_construction = options_.ef_construction;
  params.seed = options_.seed;
  VIBRATO_ASSIGN_OR_RETURN(index->graph, hnsw::MutableGraph::create(options_.capacity, params));
  if (options_.dim >= kCodedDimMin) {
    // 8 bits do for any set; which codes suit the rows best is measured when they are sealed.
    std::vector<std::uint32_t> first_rows(row_count());
    std::iota(first_rows.begin(), first_rows.end(), 0U);
    index->quantizer = std::make_unique<quant::ScalarQuantizer>(
        options_.metric, quant::CodeKind::kSq8,
        quant::mean_of_rows(options_.metric, simd::kernels(), space(nullptr).vectors, first_rows), options_.seed);
    VIBRATO_ASSIGN_OR_RETURN(auto codes, quant::CodedRows::create(*index->quantizer, options_.capacity));
    index->codes.emplace(std::move(codes));
  }
  owned_index_ = std::move(index);
  index_.store(owned_index_.get(), std::memory_order_release);
  return ok_status();
}

void HotSegment::encode_rows(std::vector<float>& scratch) {
  const std::uint32_t end = row_count();
  const std::uint32_t first = encoded_count_.load(std::memory_order_relaxed);
  if (!owned_index_->codes || first == end) {
    return;
  }
  for (std::uint32_t row = first; row < end; ++row) {
    owned_index_->codes->encode(simd::kernels(), row, vector(row).data(), scratch);
  }
  encoded_count_.store(end, std::memory_order_release);
}

void HotSegment::index_batch(hnsw::Builder& builder, hnsw::InsertScratch& scratch, std::vector<float>& encode_scratch) {
  const std::uint32_t first = indexed_count();
  const std::uint32_t end = std::min(row_count(), first + std::max(kBatchRowsMax, first / kBatchShareMax));
  for (std::uint32_t row = first; row < end; ++row) {
    if (stopping_.load(std::memory_order_relaxed)) {
      return;
    }
    encode_rows(encode_scratch);
    builder.insert(row, scratch);
  }
  hnsw::link_unreachable_rows(simd::kernels(), space(owned_index_.get()), *owned_index_->graph, end);
  indexed_count_.store(end, std::memory_order_release);
}

}  // namespace vibrato::vector
