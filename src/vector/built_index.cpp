#include "vector/built_index.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <utility>

#include "base/parallel_for.hpp"
#include "format/corrupt_at.hpp"
#include "hnsw/builder.hpp"
#include "store/vdb_row_writer.hpp"
#include "vector/choose_codes.hpp"
#include "vector/sealed_segment.hpp"
#include "vector/stop_watch.hpp"

namespace vibrato::vector {
namespace {

using format::SectionKind;
using quant::CodeKind;

constexpr std::uint32_t kCentreRowsMax = 10'000;
constexpr std::size_t kRowsCodedAtOnce = 256;

std::size_t thread_count(std::uint32_t threads) {
  return threads == 0 ? hardware_threads() : threads;
}

Status check_has_vectors(const store::VdbFile& file) {
  return file.has_vectors() ? ok_status() : Status(ErrorCode::kGone, file.path() + ": its raw vectors were dropped");
}

Status not_finite(const store::VdbFile& file, std::uint32_t row) {
  const auto values = file.vectors().row(row);
  const auto at = std::find_if(values.begin(), values.end(), [](float value) { return !std::isfinite(value); });
  const auto i = static_cast<std::uint64_t>(at - values.begin());
  if (file.version() < format::kVdbVersion) {
    return invalid_argument(fmt::format("{}: row {}: value {} is not a finite number", file.path(), row, i));
  }
  const std::uint64_t offset = file.layout().vectors.offset + row * file.layout().row_stride_bytes + i * sizeof(float);
  return format::corrupt_at(offset, fmt::format("value {} of row {}", i, row), "a finite number", *at)
      .with_context(file.path());
}

// Measures rows [first, rows): the largest norm; inverse norms, where the file should have them and has none. The
// first row found that is not finite is an error.
class RowMeasure {
 public:
  RowMeasure(const store::VdbFile& file, std::size_t threads)
      : file_(file), maxima_(threads, 0.0F), faults_(threads, kNoFault) {
    if (file.metric() == Metric::kCosine && file.inverse_norms().empty()) {
      inverse_norms_.resize(file.rows());
    }
  }

  Status run(std::uint32_t first) {
    const std::size_t count = file_.rows() - first;
    parallel_for(maxima_.size(), count, kRowsCodedAtOnce, [&](std::size_t begin, std::size_t end, std::size_t thread) {
      for (std::size_t i = begin; i < end; ++i) {
        measure(first + static_cast<std::uint32_t>(i), thread);
      }
    });
    const std::uint64_t fault = *std::min_element(faults_.begin(), faults_.end());
    return fault == kNoFault ? ok_status() : not_finite(file_, static_cast<std::uint32_t>(fault));
  }

  [[nodiscard]] float norm_max() const { return *std::max_element(maxima_.begin(), maxima_.end()); }
  [[nodiscard]] std::vector<float> take_inverse_norms() { return std::move(inverse_norms_); }

 private:
  static constexpr std::uint64_t kNoFault = std::numeric_limits<std::uint64_t>::max();

  void measure(std::uint32_t row, std::size_t thread) {
    const auto values = file_.vectors().row(row);
    const float squared = kernels_.norm_squared(values.data(), values.size());
    // Squares of finite numbers may overflow too; only then is each number looked at.
    if (!std::isfinite(squared) &&
        !std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); })) {
      faults_[thread] = std::min<std::uint64_t>(faults_[thread], row);
      return;
    }
    const float norm = std::min(std::sqrt(squared), std::numeric_limits<float>::max());
    maxima_[thread] = std::max(maxima_[thread], norm);
    if (!inverse_norms_.empty()) {
      inverse_norms_[row] = store::inverse_norm(values);
    }
  }

  const simd::Kernels& kernels_ = simd::kernels();
  const store::VdbFile& file_;
  std::vector<float> maxima_;          // One a thread.
  std::vector<std::uint64_t> faults_;  // One a thread: the lowest row with a fault.
  std::vector<float> inverse_norms_;
};

std::vector<float> centre_of(const hnsw::RowSpace& space) {
  std::vector<std::uint32_t> sample(std::min(space.row_count, kCentreRowsMax));
  for (std::size_t i = 0; i < sample.size(); ++i) {
    sample[i] = static_cast<std::uint32_t>(i * space.row_count / sample.size());
  }
  return quant::mean_of_rows(space.metric, simd::kernels(), space.vectors, sample);
}

// Encodes rows [first, rows of the file).
Status encode_rows(const store::VdbFile& file, std::uint32_t first, std::size_t threads,
                   const std::function<Status()>& keep_going, quant::CodedRows& codes) {
  StopWatch watch(keep_going);
  const store::VectorRows vectors = file.vectors();
  const simd::Kernels& kernels = simd::kernels();
  std::vector<std::vector<float>> scratches(threads);
  parallel_for(threads, vectors.rows - first, kRowsCodedAtOnce,
               [&](std::size_t begin, std::size_t end, std::size_t thread) {
                 const bool stopped = watch.should_stop();
                 for (std::size_t i = begin; i < end && !stopped; ++i) {
                   const std::uint32_t row = first + static_cast<std::uint32_t>(i);
                   codes.encode(kernels, row, vectors.row(row).data(), scratches[thread]);
                 }
               });
  return watch.status();
}

Status choose_and_encode(const store::VdbFile& rows, const GraphBuildOptions& options, BuiltIndex& index) {
  const hnsw::RowSpace space = index.space(rows);
  CodeChoice choice{options.codes.value_or(CodeKind::kNone), std::nullopt};
  if (rows.rows() == 0 || (options.codes && *options.codes == CodeKind::kNone)) {
    return ok_status();
  }
  std::vector<float> centre = centre_of(space);
  if (!options.codes) {
    choice = choose_codes(simd::kernels(), space, centre, options.seed, thread_count(options.threads));
  } else if (space.norm_max > kCodedNormMax) {
    choice.kind = CodeKind::kNone;
  }
  index.info.codes = choice.kind;
  index.info.sq4_recall = choice.sq4_recall;
  if (choice.kind == CodeKind::kNone) {
    return ok_status();
  }
  index.quantizer =
      std::make_unique<quant::ScalarQuantizer>(space.metric, choice.kind, std::move(centre), options.seed);
  VIBRATO_ASSIGN_OR_RETURN(auto codes, quant::CodedRows::create(*index.quantizer, rows.rows()));
  index.codes.emplace(std::move(codes));
  return encode_rows(rows, 0, thread_count(options.threads), options.keep_going, *index.codes);
}

// Takes the codes of the base over and encodes the rows behind them.
Status extend_codes(const SealedSegment& base, const store::VdbFile& rows, std::size_t threads, BuiltIndex& index) {
  const quant::ScalarQuantizer* old = base.space().quantizer;
  if (old == nullptr) {
    index.info.codes = CodeKind::kNone;  // Product codes are of archives, which nothing is added to.
    return ok_status();
  }
  index.quantizer = std::make_unique<quant::ScalarQuantizer>(
      old->metric(), old->layout().kind, std::vector<float>(old->centre().begin(), old->centre().end()),
      old->rotation_seed());
  VIBRATO_ASSIGN_OR_RETURN(auto codes, quant::CodedRows::create(*index.quantizer, rows.rows()));
  codes.copy_in(0, {base.space().codes.base, std::size_t{base.row_count()} * old->layout().stride_bytes});
  index.codes.emplace(std::move(codes));
  return encode_rows(rows, base.row_count(), threads, {}, *index.codes);
}

void insert_all(const store::VdbFile& rows, std::uint32_t first, std::size_t threads, const BuildProgress& progress,
                BuiltIndex& index) {
  hnsw::BuildOptions options;
  options.threads = static_cast<std::uint32_t>(threads);
  options.progress = progress;
  hnsw::insert_rows(simd::kernels(), index.space(rows), *index.graph, first, rows.rows(), options);
}

}  // namespace

hnsw::RowSpace plain_space(const store::VdbFile& rows, const float* inverse_norms) {
  const store::VectorRows vectors = rows.vectors();
  hnsw::RowSpace space;
  space.metric = rows.metric();
  space.row_count = rows.rows();
  space.vectors = {vectors.base, vectors.stride_floats, vectors.dim};
  space.inverse_norms = inverse_norms;
  return space;
}

hnsw::RowSpace BuiltIndex::space(const store::VdbFile& rows) const {
  hnsw::RowSpace space = plain_space(rows, inverse_norms.empty() ? rows.inverse_norms().data() : inverse_norms.data());
  space.norm_max = norm_max;
  if (codes) {
    space.quantizer = quantizer.get();
    space.codes = codes->view();
  } else if (product_codes) {
    space.product = product.get();
    space.codes = product_codes->view();
  }
  return space;
}

Result<BuiltIndex> build_index(const store::VdbFile& rows, const GraphBuildOptions& options,
                               const BuildProgress& progress) {
  hnsw::GraphParams params;
  params.m = options.m;
  params.ef_construction = options.ef_construction;
  params.seed = options.seed;
  VIBRATO_ASSIGN_OR_RETURN(std::unique_ptr<hnsw::MutableGraph> graph, hnsw::MutableGraph::create(rows.rows(), params));
  VIBRATO_ASSIGN_OR_RETURN(BuiltIndex index, code_rows(rows, options));
  index.graph = std::move(graph);
  insert_all(rows, 0, thread_count(options.threads), progress, index);
  return index;
}

Result<BuiltIndex> code_rows(const store::VdbFile& rows, const GraphBuildOptions& options) {
  VIBRATO_RETURN_IF_ERROR(check_has_vectors(rows));
  BuiltIndex index;
  index.info = {options.m, options.ef_construction, options.seed, CodeKind::kNone, std::nullopt};
  if (rows.version() == format::kVdbVersion) {
    VIBRATO_RETURN_IF_ERROR(rows.check_section(SectionKind::kVectors));
    VIBRATO_RETURN_IF_ERROR(rows.check_section(SectionKind::kInverseNorms));
  }
  RowMeasure measure(rows, thread_count(options.threads));
  VIBRATO_RETURN_IF_ERROR(measure.run(0));
  index.norm_max = measure.norm_max();
  index.inverse_norms = measure.take_inverse_norms();
  VIBRATO_RETURN_IF_ERROR(choose_and_encode(rows, options, index));
  return index;
}

Result<BuiltIndex> extend_index(const SealedSegment& base, const store::VdbFile& rows, std::uint32_t threads,
                                const BuildProgress& progress) {
  if (!base.has_graph() || !base.build_info() || rows.rows() < base.row_count()) {
    return invalid_argument(base.file().path() + ": has no graph that can be extended");
  }
  VIBRATO_RETURN_IF_ERROR(check_has_vectors(rows));
  // What is taken over gets new checksums in the new file, so the old ones are checked first.
  for (const SectionKind kind : {SectionKind::kQuantizer, SectionKind::kCodes, SectionKind::kGraph}) {
    VIBRATO_RETURN_IF_ERROR(base.file().check_section(kind));
  }
  BuiltIndex index;
  index.info = *base.build_info();
  hnsw::GraphParams params;
  params.m = index.info.m;
  params.ef_construction = index.info.ef_construction;
  params.seed = index.info.seed;
  VIBRATO_ASSIGN_OR_RETURN(index.graph, hnsw::MutableGraph::create_from(base.graph(), rows.rows(), params));
  RowMeasure measure(rows, thread_count(threads));
  VIBRATO_RETURN_IF_ERROR(measure.run(rows.inverse_norms().empty() ? 0 : base.row_count()));
  index.norm_max = std::max(base.space().norm_max, measure.norm_max());
  index.inverse_norms = measure.take_inverse_norms();
  VIBRATO_RETURN_IF_ERROR(extend_codes(base, rows, thread_count(threads), index));
  insert_all(rows, base.row_count(), thread_count(threads), progress, index);
  return index;
}

}  // namespace vibrato::vector
