// The rows that arrived last, in memory, searchable from the moment they are appended.
//
// Rows stand in one flat array of fixed capacity. A worker thread encodes them as they come and inserts them into a
// graph in batches; a search walks the graph for the rows that are indexed and scans those behind them, on codes if
// they are many. The first thousand rows are only scanned: then the codes' centre is computed from them.
//
// Publication: append writes the row and then stores the row count with release; the worker stores the encoded count
// after the codes, and the indexed count after the links. Indexed <= encoded <= rows, a search loads them in this
// order, and takes no lock.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>
#include <vibrato/result.hpp>

#include "base/large_buffer.hpp"
#include "hnsw/builder.hpp"
#include "hnsw/searcher.hpp"
#include "quant/coded_rows.hpp"
#include "vector/flat_scan.hpp"

namespace vibrato::vector {

struct HotOptions {
  std::uint32_t dim = 0;
  Metric metric = Metric::kDot;
  std::uint32_t capacity = 100'000;
  std::uint32_t m = 16;
  std::uint32_t ef_construction = 100;
  std::uint64_t seed = 42;
};

// Thread-safety: all methods may be called from many threads at once.
class HotSegment {
 public:
  // Starts the worker. Errors: kInvalidArgument (dim, capacity), kUnavailable (no memory, no thread).
  [[nodiscard]] static Result<std::unique_ptr<HotSegment>> create(const HotOptions& options);
  // As stop_indexing.
  ~HotSegment();
  HotSegment(const HotSegment&) = delete;
  HotSegment& operator=(const HotSegment&) = delete;

  // Returns the row's number. vector: shape [dim], finite, not zero under cosine, its norm at most kCodedNormMax.
  // Errors: kUnavailable when the segment is full or memory has run out.
  [[nodiscard]] Result<std::uint32_t> append(std::span<const float> vector, std::string meta_json);

  // Ends the worker after the row it is at; rows that it did not index are scanned by each search. Not from two threads
  // at once. For who is about to drop a segment: its last reader then need not wait for the worker.
  void stop_indexing();

  [[nodiscard]] std::uint32_t row_count() const { return row_count_.load(std::memory_order_acquire); }
  // Rows below this one are found by the graph. Lags behind row_count by a batch at most, while the worker keeps up.
  [[nodiscard]] std::uint32_t indexed_count() const { return indexed_count_.load(std::memory_order_acquire); }
  // Of all rows together.
  [[nodiscard]] std::uint64_t meta_bytes() const { return meta_bytes_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint32_t capacity() const { return options_.capacity; }

  // For sealing. Null until the first rows are indexed; its rows below indexed_count() are complete.
  [[nodiscard]] const hnsw::MutableGraph* graph() const {
    const Index* index = index_.load(std::memory_order_acquire);
    return index == nullptr ? nullptr : index->graph.get();
  }

  // Requires: row < row_count(). Valid as long as the segment.
  [[nodiscard]] std::span<const float> vector(std::uint32_t row) const;
  [[nodiscard]] const std::string& meta_json(std::uint32_t row) const;

  // Writes the min(k, rows) nearest rows to `hits`, nearest first, ties by row. A row that is appended meanwhile may be
  // among them. query: as for append.
  void search(const float* query, std::uint32_t k, std::uint32_t ef, hnsw::SearchScratch& scratch,
              std::vector<hnsw::Hit>& hits) const;

 private:
  // What a walk needs; made by the worker once the first rows are there.
  struct Index {
    std::unique_ptr<quant::ScalarQuantizer> quantizer;  // Null: the walk is on f32.
    std::optional<quant::CodedRows> codes;
    std::unique_ptr<hnsw::MutableGraph> graph;
  };

  explicit HotSegment(const HotOptions& options);
  [[nodiscard]] Status reserve();
  [[nodiscard]] hnsw::RowSpace space(const Index* index) const;
  [[nodiscard]] bool batch_is_due() const;
  void run_worker();
  [[nodiscard]] Status make_index();
  // Encodes all rows that are not yet.
  void encode_rows(std::vector<float>& scratch);
  // Inserts the rows from indexed_count() on; stops early when the segment does.
  void index_batch(hnsw::Builder& builder, hnsw::InsertScratch& scratch, std::vector<float>& encode_scratch);

  HotOptions options_;
  std::size_t stride_floats_;
  LargeBuffer rows_;
  LargeBuffer inverse_norms_;                                // Cosine only.
  std::vector<std::unique_ptr<std::string[]>> meta_chunks_;  // Allocated as rows come.
  std::atomic<std::uint64_t> meta_bytes_{0};
  std::atomic<float> norm_max_{0};
  std::atomic<std::uint32_t> row_count_{0};
  std::atomic<std::uint32_t> encoded_count_{0};
  std::atomic<std::uint32_t> indexed_count_{0};

  std::unique_ptr<Index> owned_index_;        // Of the worker.
  std::atomic<const Index*> index_{nullptr};  // The same, published.

  std::mutex mutex_;  // Held by append, and by the worker while it waits.
  std::condition_variable wake_;
  std::atomic<bool> stopping_{false};
  std::thread worker_;
};

}  // namespace vibrato::vector
