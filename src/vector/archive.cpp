#include "vector/archive.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/parallel_for.hpp"
#include "quant/product_rows.hpp"
#include "vector/choose_codes.hpp"

namespace vibrato::vector {
namespace {

constexpr std::uint32_t kArchivedDimMin = 4;
constexpr std::size_t kRowsAChunk = 256;

// Asks whether to go on, for many threads; once it is told to stop it asks no more.
class StopWatch {
 public:
  explicit StopWatch(const std::function<Status()>& keep_going) : keep_going_(keep_going) {}

  [[nodiscard]] bool should_stop() {
    if (keep_going_ == nullptr || stopped_.load(std::memory_order_acquire)) {
      return keep_going_ != nullptr;
    }
    const std::lock_guard lock(mutex_);
    if (status_.ok()) {
      status_ = keep_going_();
      stopped_.store(!status_.ok(), std::memory_order_release);
    }
    return !status_.ok();
  }
  [[nodiscard]] Status status() {
    const std::lock_guard lock(mutex_);
    return status_;
  }

 private:
  const std::function<Status()>& keep_going_;
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;
  Status status_;
};

}  // namespace

bool may_be_archived(const store::VdbFile& rows, float norm_max) {
  return rows.rows() >= kArchivedRowsMin && rows.dim() >= kArchivedDimMin && norm_max <= kCodedNormMax;
}

Status archive_index(const store::VdbFile& rows, std::uint32_t threads, BuiltIndex& index,
                     const std::function<Status()>& keep_going) {
  if (!rows.has_vectors()) {
    return {ErrorCode::kGone, rows.path() + ": its raw vectors were dropped"};
  }
  if (!may_be_archived(rows, index.norm_max)) {
    return invalid_argument(rows.path() + ": such rows cannot be archived");
  }
  const simd::Kernels& kernels = simd::kernels();
  const store::VectorRows vectors = rows.vectors();
  StopWatch watch(keep_going);
  quant::ProductTraining training;
  training.should_stop = [&watch] { return watch.should_stop(); };
  training.seed = index.info.seed;
  training.threads = threads == 0 ? hardware_threads() : threads;
  auto product = std::make_unique<quant::ProductQuantizer>(quant::ProductQuantizer::train(
      rows.metric(), kernels, {vectors.base, vectors.stride_floats, vectors.dim}, vectors.rows, training));
  VIBRATO_RETURN_IF_ERROR(watch.status());
  VIBRATO_ASSIGN_OR_RETURN(quant::ProductRows codes, quant::ProductRows::create(*product, vectors.rows));
  std::vector<std::vector<float>> scratches(training.threads);
  parallel_for(training.threads, vectors.rows, kRowsAChunk,
               [&](std::size_t begin, std::size_t end, std::size_t thread) {
                 const bool stopped = watch.should_stop();
                 for (std::size_t i = begin; i < end && !stopped; ++i) {
                   const auto row = static_cast<std::uint32_t>(i);
                   codes.encode(kernels, row, vectors.row(row).data(), scratches[thread]);
                 }
               });
  VIBRATO_RETURN_IF_ERROR(watch.status());
  index.codes.reset();
  index.quantizer.reset();
  index.product_codes.emplace(std::move(codes));
  index.product = std::move(product);
  index.info.codes = quant::CodeKind::kPq;
  index.info.sq4_recall.reset();
  return ok_status();
}

}  // namespace vibrato::vector
