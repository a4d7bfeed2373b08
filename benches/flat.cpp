// Exact search over f32 rows with the project's kernels, as the ceiling of recall and the floor of speed.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "contender.hpp"
#include "exact.hpp"
#include "simd/kernels.hpp"

namespace vibrato::bench {
namespace {

constexpr std::size_t kBatch = 256;

class Flat final : public Contender {
 public:
  std::string name() const override { return "flat"; }
  std::string note() const override { return "flat: exact search with kernels " + std::string(kernels_.name); }

  Status build(const Matrix& base, const BuildOptions& options) override {
    metric_ = options.metric;
    base_ = base;
    if (metric_ == Metric::kCosine) normalise_rows(base_);
    return ok_status();
  }

  void set_effort(const Effort&) override {}

  std::size_t search(std::span<const float> query, std::span<std::uint32_t> out) const override {
    thread_local std::vector<std::pair<float, std::uint32_t>> best;
    best.clear();
    const simd::FloatRows rows{base_.values.data(), base_.dim, base_.dim};
    std::uint32_t ids[kBatch];
    float scores[kBatch];
    for (std::size_t begin = 0; begin < base_.rows; begin += kBatch) {
      const std::size_t count = std::min(kBatch, base_.rows - begin);
      std::iota(ids, ids + count, static_cast<std::uint32_t>(begin));
      if (metric_ == Metric::kL2) {
        kernels_.l2_squared_rows(query.data(), rows, ids, count, scores);
      } else {
        kernels_.dot_rows(query.data(), rows, ids, count, scores);
      }
      for (std::size_t i = 0; i < count; ++i) keep(best, metric_ == Metric::kL2 ? scores[i] : -scores[i], ids[i], out);
    }
    std::sort_heap(best.begin(), best.end());
    for (std::size_t i = 0; i < best.size(); ++i) out[i] = best[i].second;
    return best.size();
  }

  std::vector<Effort> default_efforts() const override { return {Effort{}}; }

 private:
  static void keep(std::vector<std::pair<float, std::uint32_t>>& best, float distance, std::uint32_t row,
                   std::span<std::uint32_t> out) {
    if (best.size() == out.size()) {
      if (distance >= best.front().first) return;
      std::pop_heap(best.begin(), best.end());
      best.pop_back();
    }
    best.emplace_back(distance, row);
    std::push_heap(best.begin(), best.end());
  }

  const simd::Kernels& kernels_ = simd::kernels();
  Metric metric_ = Metric::kL2;
  Matrix base_;
};

}  // namespace

std::unique_ptr<Contender> make_flat() {
  return std::make_unique<Flat>();
}

}  // namespace vibrato::bench
