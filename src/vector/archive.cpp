#include "vector/archive.hpp"

#include <memory>
#include <utility>
#include <vector>

#include "base/parallel_for.hpp"
#include "quant/product_rows.hpp"
#include "vector/choose_codes.hpp"
#include "vector/stop_watch.hpp"

namespace vibrato::vector {
namespace {

constexpr std::uint32_t kArchivedDimMin = 4;
constexpr std::size_t kRowsRescoredAtOnce = 256;

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
  parallel_for(training.threads, vectors.rows, kRowsRescoredAtOnce,
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
