// hnswlib as Debian packages it (header-only), compiled here for this machine with -O3 -march=native -DNDEBUG: its
// AVX-512 kernels are chosen where the CPU has them. Only this file includes its headers, which define functions.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <hnswlib/hnswlib.h>
#include <thread>

#include "contender.hpp"

namespace vibrato::bench {
namespace {

using Index = hnswlib::HierarchicalNSW<float>;

// The distance function of the counting pass: counts, then asks the real one.
std::atomic<std::uint64_t> g_distances{0};
hnswlib::DISTFUNC<float> g_real_distance = nullptr;

float counted_distance(const void* a, const void* b, const void* dim) {
  g_distances.fetch_add(1, std::memory_order_relaxed);
  return g_real_distance(a, b, dim);
}

class Hnswlib final : public Contender {
 public:
  std::string name() const override { return "hnswlib"; }

  std::string note() const override {
#if defined(USE_AVX512)
    return AVX512Capable() ? "hnswlib: compiled with -O3 -march=native, AVX-512 kernels"
                           : "hnswlib: compiled with -O3 -march=native, no AVX-512 on this machine";
#elif defined(USE_AVX)
    return "hnswlib: compiled with -O3 -march=native, AVX kernels";
#else
    return "hnswlib: compiled with -O3 -march=native, no AVX on this machine";
#endif
  }

  Status build(const Matrix& base, const BuildOptions& options) override {
    index_.reset();
    try {
      normalise_ = options.metric == Metric::kCosine;
      if (options.metric == Metric::kL2) {
        space_ = std::make_unique<hnswlib::L2Space>(base.dim);
      } else {
        space_ = std::make_unique<hnswlib::InnerProductSpace>(base.dim);
      }
      index_ = std::make_unique<Index>(space_.get(), base.rows, options.m, options.ef_construction, options.seed);
      add(base, 0);
      std::atomic<std::size_t> next{1};
      const auto work = [&] {
        for (std::size_t row = next++; row < base.rows; row = next++) add(base, row);
      };
      std::vector<std::thread> workers;
      for (unsigned i = 1; i < options.threads; ++i) workers.emplace_back(work);
      work();
      for (auto& worker : workers) worker.join();
    } catch (const std::exception& error) {
      return {ErrorCode::kInternal, std::string("hnswlib: ") + error.what()};
    }
    return ok_status();
  }

  void set_effort(const Effort& effort) override {
    index_->setEf(effort.ef);
  }

  std::size_t search(std::span<const float> query, std::span<std::uint32_t> out) const override {
    auto found = index_->searchKnn(query.data(), out.size());
    const std::size_t count = found.size();
    for (std::size_t i = count; i > 0; --i) {
      out[i - 1] = static_cast<std::uint32_t>(found.top().second);
      found.pop();
    }
    return count;
  }

  void counting(bool on) override {
    if (on) {
      g_distances = 0;
      g_real_distance = index_->fstdistfunc_;
      index_->fstdistfunc_ = counted_distance;
    } else {
      index_->fstdistfunc_ = g_real_distance;
    }
  }

  std::optional<std::uint64_t> distances() const override {
    return g_distances.load();
  }

  std::vector<Effort> default_efforts() const override {
    std::vector<Effort> efforts;
    for (const std::uint32_t ef : {10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448, 640, 900, 1200}) {
      efforts.push_back({ef, 0});
    }
    return efforts;
  }

 private:
  // Under cosine, rows are stored at unit length and searched by inner product. A query's own length does not change
  // its ranking, so queries are passed as they are.
  void add(const Matrix& base, std::size_t row) {
    const auto values = base.row(row);
    if (!normalise_) {
      index_->addPoint(values.data(), row);
      return;
    }
    double norm_squared = 0;
    for (const float value : values) norm_squared += static_cast<double>(value) * value;
    const float factor = norm_squared > 0 ? static_cast<float>(1.0 / std::sqrt(norm_squared)) : 0.0F;
    std::vector<float> unit(values.begin(), values.end());
    for (float& value : unit) value *= factor;
    index_->addPoint(unit.data(), row);
  }

  bool normalise_ = false;
  std::unique_ptr<hnswlib::SpaceInterface<float>> space_;
  std::unique_ptr<Index> index_;
};

}  // namespace

std::unique_ptr<Contender> make_hnswlib() {
  return std::make_unique<Hnswlib>();
}

}  // namespace vibrato::bench
