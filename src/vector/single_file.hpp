// One `.vdb` file behind `vibratod serve`: its rows and graph straight from the map, and a tail of new vectors in
// memory that is searched with them at once and written back to the file by a flush.
//
// Row numbers are the ids: persisted rows first, then the tail in order of arrival; a flush changes no id.
// Thread-safety: all methods may be called from many threads at once. A search takes one short lock to copy the
// published version and none while it searches; neither ingest nor flush stops it.
// Vectors that were not flushed are gone when the process ends: this is a viewer with a buffer, not the durable engine.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>
#include <vibrato/metric.hpp>
#include <vibrato/result.hpp>

#include "base/deadline.hpp"
#include "base/limits.hpp"
#include "io/file_system.hpp"

namespace vibrato::vector {

struct SingleFileOptions {
  std::uint32_t m = 16;
  std::uint32_t ef_construction = 100;
  std::uint32_t max_ram_buffer_vectors = 100'000;
  std::uint64_t max_ram_buffer_meta_bytes = limits::kTailMetaBytesMax;
  std::uint32_t build_threads = 0;  // 0: as many as the machine has.
};

struct RowHit {
  std::uint32_t row = 0;
  float score = 0;  // As Metric says: similarity, or squared distance under l2.
};

struct SingleFileInfo {
  std::uint32_t dim = 0;
  Metric metric = Metric::kDot;
  std::uint32_t m = 0;
  std::uint32_t ef_construction = 0;
  std::uint64_t persisted_vectors = 0;
  std::uint64_t dynamic_vectors = 0;  // In the tail.
  std::uint32_t layers = 0;           // Highest graph level + 1; 0 for an empty file.
  std::uint64_t mapped_bytes = 0;
  std::string graph_not_stored = {};  // Why the graph is in memory only; empty if it is in the file.
};

enum class FlushState : std::uint8_t { kIdle, kRunning, kCompleted, kFailed };

struct FlushStatus {
  FlushState state = FlushState::kIdle;
  std::uint64_t job_id = 0;            // 0 before the first flush.
  std::uint64_t snapshot_vectors = 0;  // Tail rows that the newest flush writes or wrote.
  std::uint64_t persisted_vectors = 0;
  std::uint64_t dynamic_vectors = 0;
  std::optional<std::string> error;  // Of the newest flush, if it failed.
};

enum class FlushStart : std::uint8_t { kStarted, kNothingToFlush, kAlreadyRunning };

// Called now and then from open() with rows done and rows in all, while a missing graph is built.
using ProgressFunction = std::function<void(std::uint64_t done, std::uint64_t total)>;

class SingleFile {
 public:
  // Opens `path`; builds the graph if the file has none and stores it there by atomic replacement.
  // `fs` must outlive the result. Errors: kNotFound, kCorruption (file and offset named), kInvalidArgument, kIoError.
  [[nodiscard]] static Result<std::unique_ptr<SingleFile>> open(io::FileSystem& fs, const std::string& path,
                                                                const SingleFileOptions& options,
                                                                const ProgressFunction& progress);
  // Waits for a running flush.
  ~SingleFile();

  // The min(k, rows) best rows, best first, ties by row. Errors: kDimMismatch, kInvalidArgument (k = 0, k or ef past
  // its limit, a number that is not finite, a zero vector under cosine), kTimeout when the deadline passes meanwhile.
  [[nodiscard]] Result<std::vector<RowHit>> search(std::span<const float> query, std::uint32_t k, std::uint32_t ef,
                                                   const Deadline& deadline = {}) const;

  // Appends to the tail; returns the row number. `meta_json` is compact JSON text, or empty for none.
  // Errors: as search, and kUnavailable when the tail is full, in vectors or in bytes of meta.
  [[nodiscard]] Result<std::uint32_t> ingest(std::span<const float> vector, std::string meta_json);

  // The row's meta as JSON text, empty if it has none. Requires: row came from a search or an ingest.
  // Errors: kCorruption (file and offset named).
  [[nodiscard]] Result<std::string> meta_json(std::uint32_t row) const;

  // Starts writing file + tail to disk in the background.
  [[nodiscard]] FlushStart start_flush();
  [[nodiscard]] FlushStatus flush_status() const;
  // Returns when no flush runs any more. Not from two threads at once.
  void wait_for_flush();
  [[nodiscard]] SingleFileInfo info() const;

 private:
  class Impl;
  explicit SingleFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vibrato::vector
