// vibrato's own index: codes, graph, adaptive stop and re-scoring, as a segment of the server has them.
#include <atomic>
#include <cmath>
#include <memory>
#include <numeric>

#include "contender.hpp"
#include "exact.hpp"
#include "hnsw/builder.hpp"
#include "hnsw/searcher.hpp"
#include "quant/coded_rows.hpp"

namespace vibrato::bench {
namespace {

class Vibrato final : public Contender {
 public:
  std::string name() const override { return "vibrato"; }
  std::string note() const override {
    return "vibrato: kernels " + std::string(kernels_.name) + ", codes " + std::string(quant::to_string(kind_));
  }

  Status build(const Matrix& base, const BuildOptions& options) override {
    base_ = base;
    const auto rows = static_cast<std::uint32_t>(base.rows);
    space_ = {};
    space_.metric = options.metric;
    space_.row_count = rows;
    space_.vectors = {base_.values.data(), base_.dim, base_.dim};
    inverse_norms_.resize(rows);
    for (std::uint32_t i = 0; i < rows; ++i) {
      const float norm = std::sqrt(kernels_.norm_squared(base_.row(i).data(), base_.dim));
      inverse_norms_[i] = norm > 0 ? 1 / norm : 0;
      space_.norm_max = std::max(space_.norm_max, norm);
    }
    space_.inverse_norms = inverse_norms_.data();
    kind_ = options.codes == "none"  ? quant::CodeKind::kNone
            : options.codes == "sq8" ? quant::CodeKind::kSq8
                                     : quant::CodeKind::kSq4;
    if (kind_ != quant::CodeKind::kNone) {
      VIBRATO_RETURN_IF_ERROR(encode(rows));
    }
    hnsw::GraphParams params;
    params.m = options.m;
    params.ef_construction = options.ef_construction;
    params.seed = options.seed;
    VIBRATO_ASSIGN_OR_RETURN(graph_, hnsw::MutableGraph::create(rows, params));
    hnsw::BuildOptions build;
    build.threads = options.threads;
    hnsw::insert_rows(kernels_, space_, *graph_, 0, rows, build);
    view_ = graph_->view(rows);
    return ok_status();
  }

  void set_effort(const Effort& effort) override {
    params_.ef = effort.ef;
    params_.slack = effort.slack > 0 ? effort.slack : std::numeric_limits<float>::infinity();
  }

  std::size_t search(std::span<const float> query, std::span<std::uint32_t> out) const override {
    thread_local std::vector<hnsw::Hit> hits;
    hnsw::SearchParams params = params_;
    params.k = static_cast<std::uint32_t>(out.size());
    hnsw::SearchStats stats;
    hnsw::search(kernels_, view_, space_, query.data(), params, hnsw::scratch_of_this_thread(), hits, &stats);
    if (counting_) distances_ += stats.walk.distances;
    for (std::size_t i = 0; i < hits.size(); ++i) out[i] = hits[i].row;
    return hits.size();
  }

  void counting(bool on) override {
    counting_ = on;
    if (on) distances_ = 0;
  }
  std::optional<std::uint64_t> distances() const override { return distances_; }

  std::vector<Effort> default_efforts() const override {
    std::vector<Effort> efforts;
    for (const float slack :
         {0.005F, 0.01F, 0.02F, 0.03F, 0.04F, 0.05F, 0.06F, 0.08F, 0.1F, 0.13F, 0.16F, 0.2F, 0.26F, 0.33F}) {
      efforts.push_back({512, slack});
    }
    return efforts;
  }

 private:
  Status encode(std::uint32_t rows) {
    std::vector<std::uint32_t> sample(std::min(rows, 10000U));
    const std::uint32_t stride = rows / static_cast<std::uint32_t>(sample.size());
    for (std::uint32_t i = 0; i < sample.size(); ++i) sample[i] = i * stride;
    quantizer_ = std::make_unique<quant::ScalarQuantizer>(
        space_.metric, kind_, quant::mean_of_rows(space_.metric, kernels_, space_.vectors, sample), 7);
    VIBRATO_ASSIGN_OR_RETURN(auto codes, quant::CodedRows::create(*quantizer_, rows));
    codes_ = std::make_unique<quant::CodedRows>(std::move(codes));
    std::vector<float> scratch;
    for (std::uint32_t i = 0; i < rows; ++i) codes_->encode(kernels_, i, base_.row(i).data(), scratch);
    space_.quantizer = quantizer_.get();
    space_.codes = codes_->view();
    return ok_status();
  }

  const simd::Kernels& kernels_ = simd::kernels();
  Matrix base_;
  std::vector<float> inverse_norms_;
  quant::CodeKind kind_ = quant::CodeKind::kSq4;
  std::unique_ptr<quant::ScalarQuantizer> quantizer_;
  std::unique_ptr<quant::CodedRows> codes_;
  std::unique_ptr<hnsw::MutableGraph> graph_;
  hnsw::RowSpace space_;
  hnsw::GraphView view_;
  hnsw::SearchParams params_;
  bool counting_ = false;
  mutable std::atomic<std::uint64_t> distances_{0};
};

}  // namespace

std::unique_ptr<Contender> make_vibrato() {
  return std::make_unique<Vibrato>();
}

}  // namespace vibrato::bench
