// faiss from Debian: a binary compiled for any amd64 machine, so it runs SSE kernels. Shown for orientation, never as
// a peer that a figure is compared with.
#include <algorithm>
#include <cmath>
#include <exception>
#include <faiss/IndexHNSW.h>
#include <omp.h>

#include "contender.hpp"

namespace vibrato::bench {
namespace {

class Faiss final : public Contender {
 public:
  std::string name() const override { return "faiss"; }

  std::string note() const override {
    return "faiss: a distribution's baseline binary (SSE kernels), no real peer; compare by the ratios of a native "
           "build";
  }

  Status build(const Matrix& base, const BuildOptions& options) override {
    index_.reset();
    try {
      const bool l2 = options.metric == Metric::kL2;
      index_ = std::make_unique<faiss::IndexHNSWFlat>(static_cast<int>(base.dim), static_cast<int>(options.m),
                                                      l2 ? faiss::METRIC_L2 : faiss::METRIC_INNER_PRODUCT);
      index_->hnsw.efConstruction = static_cast<int>(options.ef_construction);
      omp_set_num_threads(static_cast<int>(options.threads));
      const auto rows = static_cast<faiss::Index::idx_t>(base.rows);
      if (options.metric == Metric::kCosine) {
        index_->add(rows, unit_rows(base).data());
      } else {
        index_->add(rows, base.values.data());
      }
      omp_set_num_threads(1);
    } catch (const std::exception& error) {
      return {ErrorCode::kInternal, std::string("faiss: ") + error.what()};
    }
    return ok_status();
  }

  void set_effort(const Effort& effort) override { index_->hnsw.efSearch = static_cast<int>(effort.ef); }

  std::size_t search(std::span<const float> query, std::span<std::uint32_t> out) const override {
    thread_local std::vector<float> distances;
    thread_local std::vector<faiss::Index::idx_t> labels;
    distances.resize(out.size());
    labels.resize(out.size());
    index_->search(1, query.data(), static_cast<faiss::Index::idx_t>(out.size()), distances.data(), labels.data());
    std::size_t count = 0;
    while (count < out.size() && labels[count] >= 0) {
      out[count] = static_cast<std::uint32_t>(labels[count]);
      ++count;
    }
    return count;
  }

  std::vector<Effort> default_efforts() const override {
    std::vector<Effort> efforts;
    for (const std::uint32_t ef : {10, 20, 40, 80, 160, 320, 640, 1200}) efforts.push_back({ef, 0});
    return efforts;
  }

 private:
  static std::vector<float> unit_rows(const Matrix& base) {
    std::vector<float> values = base.values;
    for (std::size_t row = 0; row < base.rows; ++row) {
      double norm_squared = 0;
      float* at = values.data() + row * base.dim;
      for (std::size_t d = 0; d < base.dim; ++d) norm_squared += static_cast<double>(at[d]) * at[d];
      const float factor = norm_squared > 0 ? static_cast<float>(1.0 / std::sqrt(norm_squared)) : 0.0F;
      for (std::size_t d = 0; d < base.dim; ++d) at[d] *= factor;
    }
    return values;
  }

  std::unique_ptr<faiss::IndexHNSWFlat> index_;
};

}  // namespace

std::unique_ptr<Contender> make_faiss() {
  return std::make_unique<Faiss>();
}

}  // namespace vibrato::bench
