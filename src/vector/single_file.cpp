#include "vector/single_file.hpp"

#include <fmt/format.h>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vibrato/check.hpp>

#include "base/limits.hpp"
#include "vector/check_vector.hpp"
#include "vector/flush_file.hpp"
#include "vector/live_rows.hpp"

namespace vibrato::vector {
namespace {

GraphBuildOptions build_options(const SingleFileOptions& options) {
  GraphBuildOptions build;
  build.m = options.m;
  build.ef_construction = options.ef_construction;
  build.threads = options.build_threads;
  return build;
}

Status check_options(const SingleFileOptions& options) {
  if (options.m < limits::kGraphMMin || options.m > limits::kGraphMMax) {
    return invalid_argument(
        fmt::format("m must be between {} and {}, not {}", limits::kGraphMMin, limits::kGraphMMax, options.m));
  }
  if (options.ef_construction == 0 || options.ef_construction > limits::kEfConstructionMax) {
    return invalid_argument(fmt::format("ef_construction must be between 1 and {}, not {}", limits::kEfConstructionMax,
                                        options.ef_construction));
  }
  if (options.max_ram_buffer_vectors > limits::kHotRowsMax) {
    return invalid_argument(fmt::format("the memory buffer holds at most {} vectors, not {}", limits::kHotRowsMax,
                                        options.max_ram_buffer_vectors));
  }
  return ok_status();
}

Result<TailPart> make_tail_part(const SealedSegment& sealed, std::uint32_t first_row,
                                const SingleFileOptions& options) {
  HotOptions hot;
  hot.dim = sealed.file().dim();
  hot.metric = sealed.file().metric();
  hot.capacity = options.max_ram_buffer_vectors;
  hot.m = options.m;
  hot.ef_construction = options.ef_construction;
  VIBRATO_ASSIGN_OR_RETURN(std::shared_ptr<HotSegment> segment, HotSegment::create(hot));
  VIBRATO_ASSIGN_OR_RETURN(std::shared_ptr<IndexingThread> indexing, IndexingThread::start(segment));
  return TailPart{std::move(segment), std::move(indexing), first_row};
}

// Whether an error says that the folder takes no new file, rather than that the rows are wrong.
bool cannot_write(const Status& status) {
  return status.code() == ErrorCode::kIoError || status.code() == ErrorCode::kDiskFull;
}

struct Opened {
  std::shared_ptr<const SealedSegment> sealed;
  std::string graph_not_stored;
};

// Builds the graph of a file that has none; stores it if the folder allows.
Result<Opened> add_graph(io::FileSystem& fs, const std::string& path, const SingleFileOptions& options,
                         const ProgressFunction& progress) {
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<store::VdbFile> rows, store::VdbFile::open(fs, path));
  VIBRATO_ASSIGN_OR_RETURN(BuiltIndex index, build_index(*rows, build_options(options), progress));
  auto sealed = replace_with_index(fs, path, *rows, index);
  if (!sealed.ok() && cannot_write(sealed.status())) {
    return Opened{SealedSegment::with_index(std::move(rows), std::move(index)), sealed.status().message()};
  }
  VIBRATO_RETURN_IF_ERROR(sealed.status());
  return Opened{std::move(sealed).value(), {}};
}

Result<Opened> open_sealed(io::FileSystem& fs, const std::string& path, const SingleFileOptions& options,
                           const ProgressFunction& progress) {
  remove_flush_leftovers(fs, path);
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<SealedSegment> sealed, SealedSegment::open(fs, path));
  if (sealed->has_graph()) {
    return Opened{std::move(sealed), {}};
  }
  sealed.reset();
  return add_graph(fs, path, options, progress);
}

}  // namespace

class SingleFile::Impl {
 public:
  Impl(io::FileSystem& fs, std::string path, const SingleFileOptions& options, std::shared_ptr<const LiveRows> rows)
      : fs_(fs), path_(std::move(path)), options_(options), rows_(std::move(rows)) {}
  ~Impl() { wait_for_flush(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  [[nodiscard]] std::shared_ptr<const LiveRows> rows() const {
    const std::lock_guard lock(rows_mutex_);
    return rows_;
  }
  [[nodiscard]] Result<std::uint32_t> ingest(std::span<const float> vector, std::string meta_json);
  [[nodiscard]] FlushStart start_flush();
  [[nodiscard]] FlushStatus flush_status() const;
  void wait_for_flush();
  [[nodiscard]] SingleFileInfo info() const;

 private:
  void publish(std::shared_ptr<const LiveRows> rows) {
    const std::lock_guard lock(rows_mutex_);
    rows_.swap(rows);
  }
  // Makes the tail so far a fixed one, which is returned; new rows go to a fresh segment behind it.
  [[nodiscard]] Result<std::shared_ptr<const LiveRows>> freeze_tail();
  [[nodiscard]] Status flush(const LiveRows& frozen, std::size_t parts);
  void finish_flush(const Status& status);

  io::FileSystem& fs_;
  const std::string path_;
  const SingleFileOptions options_;

  // Locked in this order: flush_mutex_, ingest_mutex_, rows_mutex_.
  mutable std::mutex flush_mutex_;  // Guards flush_ and flusher_.
  FlushStatus flush_;
  std::thread flusher_;
  std::mutex ingest_mutex_;        // Held while rows are appended or the list of parts changes.
  mutable std::mutex rows_mutex_;  // Held for a moment to copy or replace rows_.
  std::shared_ptr<const LiveRows> rows_;
};

Result<std::uint32_t> SingleFile::Impl::ingest(std::span<const float> vector, std::string meta_json) {
  const std::lock_guard lock(ingest_mutex_);
  const auto live = rows();
  VIBRATO_RETURN_IF_ERROR(check_vector(vector, live->sealed->file().dim(), live->sealed->file().metric()));
  if (live->tail_rows() >= options_.max_ram_buffer_vectors) {
    return unavailable(fmt::format("the memory buffer holds {} vectors, its maximum: flush, then try again",
                                   options_.max_ram_buffer_vectors));
  }
  if (meta_json.size() > options_.max_ram_buffer_meta_bytes - live->tail_meta_bytes()) {
    return unavailable(fmt::format("the memory buffer holds at most {} bytes of meta: flush, then try again",
                                   options_.max_ram_buffer_meta_bytes));
  }
  if (live->row_count() >= limits::kRowsPerSegmentMax) {
    return unavailable(fmt::format("a file holds at most {} rows", limits::kRowsPerSegmentMax));
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::uint32_t row, live->active().append(vector, std::move(meta_json)));
  live->tail.back().indexing->rows_have_come();
  return live->tail.back().first_row + row;
}

Result<std::shared_ptr<const LiveRows>> SingleFile::Impl::freeze_tail() {
  const std::lock_guard lock(ingest_mutex_);
  const auto live = rows();
  // After a failed flush the active part may have no rows yet: it stays the active one.
  if (live->active().row_count() == 0) {
    return live;
  }
  VIBRATO_ASSIGN_OR_RETURN(auto part, make_tail_part(*live->sealed, live->row_count(), options_));
  auto next = std::make_shared<LiveRows>(*live);
  next->tail.push_back(std::move(part));
  publish(next);
  return std::shared_ptr<const LiveRows>(std::move(next));
}

FlushStart SingleFile::Impl::start_flush() {
  const std::lock_guard lock(flush_mutex_);
  if (flush_.state == FlushState::kRunning) {
    return FlushStart::kAlreadyRunning;
  }
  if (rows()->tail_rows() == 0) {
    return FlushStart::kNothingToFlush;
  }
  if (flusher_.joinable()) {
    flusher_.join();  // It has ended: the state says so.
  }
  ++flush_.job_id;
  flush_.state = FlushState::kRunning;
  flush_.error.reset();
  auto frozen = freeze_tail();
  if (!frozen.ok()) {
    flush_.state = FlushState::kFailed;
    flush_.error = frozen.status().message();
    return FlushStart::kStarted;
  }
  const std::size_t parts = (*frozen)->tail.size() - 1;
  flush_.snapshot_vectors = (*frozen)->tail.back().first_row - (*frozen)->sealed->row_count();
  try {
    flusher_ = std::thread([this, live = std::move(frozen).value(), parts] { finish_flush(flush(*live, parts)); });
  } catch (const std::system_error& error) {
    flush_.state = FlushState::kFailed;
    flush_.error = std::string("cannot start a thread: ") + error.what();
  }
  return FlushStart::kStarted;
}

Status SingleFile::Impl::flush(const LiveRows& frozen, std::size_t parts) {
  std::vector<const HotSegment*> tail;
  for (std::size_t i = 0; i < parts; ++i) {
    tail.push_back(frozen.tail[i].segment.get());
  }
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<SealedSegment> written,
                           write_flushed(fs_, path_, *frozen.sealed, tail, build_options(options_)));
  {
    const std::lock_guard lock(ingest_mutex_);
    const auto live = rows();
    VIBRATO_CHECK(written->row_count() == live->tail[parts].first_row);
    auto next = std::make_shared<LiveRows>();
    next->sealed = std::move(written);
    next->tail.assign(live->tail.begin() + static_cast<std::ptrdiff_t>(parts), live->tail.end());
    publish(std::move(next));
  }
  for (std::size_t i = 0; i < parts; ++i) {
    frozen.tail[i].indexing->stop();
  }
  return ok_status();
}

void SingleFile::Impl::finish_flush(const Status& status) {
  const std::lock_guard lock(flush_mutex_);
  flush_.state = status.ok() ? FlushState::kCompleted : FlushState::kFailed;
  if (!status.ok()) {
    flush_.error = status.message();
  }
}

FlushStatus SingleFile::Impl::flush_status() const {
  const std::lock_guard lock(flush_mutex_);
  FlushStatus status = flush_;
  const auto live = rows();
  status.persisted_vectors = live->sealed->row_count();
  status.dynamic_vectors = live->tail_rows();
  return status;
}

void SingleFile::Impl::wait_for_flush() {
  std::thread running;
  {
    const std::lock_guard lock(flush_mutex_);
    running.swap(flusher_);
  }
  if (running.joinable()) {
    running.join();
  }
}

SingleFileInfo SingleFile::Impl::info() const {
  const auto live = rows();
  const SealedSegment& sealed = *live->sealed;
  SingleFileInfo info;
  info.dim = sealed.file().dim();
  info.metric = sealed.file().metric();
  info.m = sealed.graph().m;
  info.ef_construction = sealed.graph().ef_construction;
  info.persisted_vectors = sealed.row_count();
  info.dynamic_vectors = live->tail_rows();
  info.layers = sealed.row_count() == 0 ? 0 : sealed.graph().max_level + 1;
  info.mapped_bytes = sealed.file().size_bytes();
  info.graph_not_stored = live->graph_not_stored;
  return info;
}

SingleFile::SingleFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SingleFile::~SingleFile() = default;

Result<std::unique_ptr<SingleFile>> SingleFile::open(io::FileSystem& fs, const std::string& path,
                                                     const SingleFileOptions& options,
                                                     const ProgressFunction& progress) {
  VIBRATO_RETURN_IF_ERROR(check_options(options));
  VIBRATO_ASSIGN_OR_RETURN(Opened opened, open_sealed(fs, path, options, progress));
  VIBRATO_ASSIGN_OR_RETURN(auto part, make_tail_part(*opened.sealed, opened.sealed->row_count(), options));
  auto live = std::make_shared<LiveRows>();
  live->tail.push_back(std::move(part));
  live->sealed = std::move(opened.sealed);
  live->graph_not_stored = std::move(opened.graph_not_stored);
  return std::unique_ptr<SingleFile>(new SingleFile(std::make_unique<Impl>(fs, path, options, std::move(live))));
}

Result<std::vector<RowHit>> SingleFile::search(std::span<const float> query, std::uint32_t k, std::uint32_t ef,
                                               const Deadline& deadline) const {
  if (k == 0 || k > limits::kSearchKMax) {
    return invalid_argument(fmt::format("k must be between 1 and {}, not {}", limits::kSearchKMax, k));
  }
  if (ef > limits::kEfMax) {
    return invalid_argument(fmt::format("ef must be at most {}, not {}", limits::kEfMax, ef));
  }
  const auto live = impl_->rows();
  VIBRATO_RETURN_IF_ERROR(check_vector(query, live->sealed->file().dim(), live->sealed->file().metric()));
  return live->search(query.data(), k, ef, deadline);
}

Result<std::uint32_t> SingleFile::ingest(std::span<const float> vector, std::string meta_json) {
  return impl_->ingest(vector, std::move(meta_json));
}

Result<std::string> SingleFile::meta_json(std::uint32_t row) const {
  return impl_->rows()->meta_json(row);
}

FlushStart SingleFile::start_flush() {
  return impl_->start_flush();
}

FlushStatus SingleFile::flush_status() const {
  return impl_->flush_status();
}

void SingleFile::wait_for_flush() {
  impl_->wait_for_flush();
}

SingleFileInfo SingleFile::info() const {
  return impl_->info();
}

}  // namespace vibrato::vector
