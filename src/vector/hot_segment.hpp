// The rows that arrived last, in memory, searchable from the moment they are appended.
//
// Rows stand in one flat array of fixed capacity. They are encoded as they come, once there are enough to compute the
// codes' centre from, and inserted into a graph in batches by whoever calls index_step; a search walks the graph for
// the rows that are indexed and scans those behind them, on codes if they are many. Encoding is done by append itself,
// so that a scan reads codes even while the graph lags far behind.
//
// Publication: append writes the row and then stores the row count with release; the encoded count is stored after the
// codes, and the indexed count after the links. Indexed <= encoded <= rows, a search loads them in this order, and
// takes no lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "base/large_buffer.hpp"
#include "hnsw/builder.hpp"
#include "hnsw/searcher.hpp"
#include "quant/coded_rows.hpp"
#include "vector/flat_scan.hpp"
#include "vector/growing_array.hpp"

namespace vibrato::vector {

struct HotOptions {
  std::uint32_t dim = 0;
  Metric metric = Metric::kDot;
  std::uint32_t capacity = 100'000;  // Address space only, until rows come.
  std::uint32_t m = 16;
  std::uint32_t ef_construction = 100;
  std::uint64_t seed = 42;
  bool graph = true;  // Without one every search is a scan, and index_step does nothing.
  bool codes = true;  // Without them scans and walks are on f32.
};

// What a search of a hot segment looks for.
struct HotQuery {
  enum class Plan : std::uint8_t {
    kBest,   // Walk and scan, whatever is faster.
    kScan,   // No walk: for a predicate that allows few rows.
    kExact,  // Everything on f32.
  };

  std::uint32_t k = 10;
  std::uint32_t ef = 128;
  // As hnsw::SearchParams.
  float slack = std::numeric_limits<float>::infinity();
  std::size_t reach = std::numeric_limits<std::size_t>::max();
  std::uint32_t stop_k = 0;
  Plan plan = Plan::kBest;
  bool rescore = true;                                             // Of a walk.
  std::uint32_t rows = std::numeric_limits<std::uint32_t>::max();  // Rows from here on are not there.
  hnsw::RowPredicate predicate;
  const HitOrder* order = nullptr;  // With kExact: which of the rows that tie for the last places are taken.
  Deadline deadline;                // Past it the hits are worth nothing (flat_scan.hpp).
};

// What it did.
struct HotSearchStats {
  std::uint32_t walked = 0;   // Distances of the walk.
  std::uint32_t coded = 0;    // Rows scanned on codes.
  std::uint32_t scanned = 0;  // Rows scanned on f32.
};

// Thread-safety: all methods may be called from many threads at once, but index_step from one at a time.
class HotSegment {
 public:
  // Cheap: no thread, and a page or two of memory until rows come. Errors: kInvalidArgument (dim, capacity),
  // kUnavailable (no address space).
  [[nodiscard]] static Result<std::unique_ptr<HotSegment>> create(const HotOptions& options);
  ~HotSegment();
  HotSegment(const HotSegment&) = delete;
  HotSegment& operator=(const HotSegment&) = delete;

  // Returns the row's number. vector: shape [dim], finite, not zero under cosine, its norm at most kCodedNormMax.
  // Errors: kUnavailable when the segment is full or memory has run out.
  [[nodiscard]] Result<std::uint32_t> append(std::span<const float> vector, std::string meta_json);

  // Whether rows wait for the graph: enough for a batch, or any at all with `all` (for a segment that takes no more).
  // Never for a segment of less than kCodedRowsMin rows, nor for one without a graph.
  [[nodiscard]] bool needs_indexing(bool all = false) const;
  // Requires: rows_max > 0. Encodes all rows that are not yet, then inserts at most `rows_max` of those that wait into
  // the graph and makes them reachable. False when there was nothing to insert. Once `stop` is set it ends after the
  // row it is at; what it inserted then counts as indexed with a later step.
  [[nodiscard]] bool index_step(std::uint32_t rows_max, const std::atomic<bool>* stop = nullptr);
  // The batch that costs least in all: each step ends with a pass over the whole graph.
  [[nodiscard]] std::uint32_t batch_rows() const;

  [[nodiscard]] std::uint32_t row_count() const { return row_count_.load(std::memory_order_acquire); }
  // Rows below this one are scanned on codes.
  [[nodiscard]] std::uint32_t encoded_count() const { return encoded_count_.load(std::memory_order_acquire); }
  // Rows below this one are found by the graph.
  [[nodiscard]] std::uint32_t indexed_count() const { return indexed_count_.load(std::memory_order_acquire); }
  // Of all rows together.
  [[nodiscard]] std::uint64_t meta_bytes() const { return meta_bytes_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint32_t capacity() const { return options_.capacity; }
  [[nodiscard]] const HotOptions& options() const { return options_; }
  [[nodiscard]] std::uint64_t bytes_in_memory() const;

  // For sealing. The graph and the codes are null until there are enough rows; rows below indexed_count() are complete
  // in the graph, those below encoded_count() in the codes.
  [[nodiscard]] const hnsw::MutableGraph* graph() const { return graph_.load(std::memory_order_acquire); }
  [[nodiscard]] const quant::CodedRows* codes() const {
    const Codes* codes = codes_.load(std::memory_order_acquire);
    return codes == nullptr ? nullptr : &*codes->rows;
  }
  // The rows as kernels see them, with codes if there are any. Rows below row_count() are complete.
  [[nodiscard]] hnsw::RowSpace space() const { return space(codes_.load(std::memory_order_acquire)); }
  // Without the codes.
  [[nodiscard]] hnsw::RowSpace plain_space() const { return space(nullptr); }

  // Requires: row < row_count(). Valid as long as the segment.
  [[nodiscard]] std::span<const float> vector(std::uint32_t row) const;
  [[nodiscard]] const std::string& meta_json(std::uint32_t row) const;

  // Writes the min(k, allowed rows) nearest rows to `hits`, nearest first, ties by row. A row that is appended
  // meanwhile may be among them, unless query.rows shuts it out. vector: as for append.
  void search(const float* vector, const HotQuery& query, hnsw::SearchScratch& scratch, std::vector<hnsw::Hit>& hits,
              HotSearchStats* stats = nullptr) const;
  void search(const float* vector, std::uint32_t k, std::uint32_t ef, hnsw::SearchScratch& scratch,
              std::vector<hnsw::Hit>& hits) const;

 private:
  struct Codes {
    std::unique_ptr<quant::ScalarQuantizer> quantizer;
    std::optional<quant::CodedRows> rows;
  };
  struct Walk {
    std::uint32_t indexed = 0;
    std::uint32_t rows = 0;
  };

  explicit HotSegment(const HotOptions& options);
  [[nodiscard]] Status reserve();
  [[nodiscard]] hnsw::RowSpace space(const Codes* codes) const;
  [[nodiscard]] bool wants_codes() const;
  // Makes the codes once there are enough rows. Requires: mutex_ is held.
  void make_codes_if_due();
  // Encodes up to `rows_max` rows. Requires: encode_mutex_ is held.
  void encode_rows(Codes& codes, std::uint32_t rows_max);
  [[nodiscard]] hnsw::MutableGraph* graph_to_fill();
  // Rows below the result are in `hits`; 0 if the walk did not find k.
  [[nodiscard]] std::uint32_t walk(const float* vector, const HotQuery& query, const Walk& bounds,
                                   hnsw::SearchScratch& scratch, std::vector<hnsw::Hit>& hits,
                                   HotSearchStats& stats) const;

  HotOptions options_;
  std::size_t stride_floats_;
  LargeBuffer rows_;
  LargeBuffer inverse_norms_;  // Cosine only.
  bool on_huge_pages_ = false;
  GrowingArray<std::string> meta_;
  std::atomic<std::uint64_t> meta_bytes_{0};
  std::atomic<float> norm_max_{0};
  std::atomic<std::uint32_t> row_count_{0};
  std::atomic<std::uint32_t> encoded_count_{0};
  std::atomic<std::uint32_t> indexed_count_{0};
  std::uint32_t inserted_count_ = 0;    // Of whoever calls index_step.
  std::atomic<bool> no_memory_{false};  // For codes or graph: every search is a scan then, slower, and still right.

  std::unique_ptr<Codes> owned_codes_;
  std::atomic<Codes*> codes_{nullptr};
  std::unique_ptr<hnsw::MutableGraph> owned_graph_;
  std::atomic<hnsw::MutableGraph*> graph_{nullptr};

  std::mutex mutex_;         // Held by append.
  std::mutex encode_mutex_;  // Guards the writing of codes; taken after mutex_.
  std::vector<float> encode_scratch_;
};

}  // namespace vibrato::vector
