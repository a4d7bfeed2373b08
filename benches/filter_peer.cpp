// Compiled for this machine as peer_hnswlib.cpp is, and without the project's warnings.
#include "filter_peer.hpp"

#ifdef VIBRATO_HAS_FILTER_PEER

#include <cmath>
#include <exception>
#include <filesystem>
#include <hnswlib/hnswlib.h>

namespace vibrato::bench {
namespace {

struct Allowed final : hnswlib::BaseFilterFunctor {
  explicit Allowed(std::span<const std::uint64_t> bits) : words(bits.data()) {}
  bool operator()(hnswlib::labeltype row) override { return (words[row / 64] >> (row % 64) & 1) != 0; }
  const std::uint64_t* words;
};

class Hnswlib final : public FilterPeer {
 public:
  Status build(const Matrix& base, Metric metric, const std::string& path) override {
    try {
      if (metric == Metric::kL2) {
        space_ = std::make_unique<hnswlib::L2Space>(base.dim);
      } else {
        space_ = std::make_unique<hnswlib::InnerProductSpace>(base.dim);
      }
      if (std::filesystem::exists(path)) {
        index_ = std::make_unique<Index>(space_.get(), path);
        return ok_status();
      }
      index_ = std::make_unique<Index>(space_.get(), base.rows, 16, 200, 100);
      for (std::size_t row = 0; row < base.rows; ++row) add(base, row, metric == Metric::kCosine);
      index_->saveIndex(path);
    } catch (const std::exception& error) {
      return {ErrorCode::kInternal, std::string("hnswlib: ") + error.what()};
    }
    return ok_status();
  }

  void set_ef(std::uint32_t ef) override { index_->setEf(ef); }

  std::size_t search(std::span<const float> query, std::span<const std::uint64_t> allowed,
                     std::span<std::uint32_t> out) const override {
    Allowed functor(allowed);
    auto found = index_->searchKnn(query.data(), out.size(), &functor);
    const std::size_t count = found.size();
    for (std::size_t i = count; i > 0; --i) {
      out[i - 1] = static_cast<std::uint32_t>(found.top().second);
      found.pop();
    }
    return count;
  }

 private:
  using Index = hnswlib::HierarchicalNSW<float>;

  // Under cosine rows are stored at unit length and searched by inner product; a query's length changes no ranking.
  void add(const Matrix& base, std::size_t row, bool normalise) {
    std::vector<float> values(base.row(row).begin(), base.row(row).end());
    double norm_squared = 0;
    for (const float value : values) norm_squared += static_cast<double>(value) * value;
    if (normalise && norm_squared > 0) {
      for (float& value : values) value = static_cast<float>(value / std::sqrt(norm_squared));
    }
    index_->addPoint(values.data(), row);
  }

  std::unique_ptr<hnswlib::SpaceInterface<float>> space_;
  std::unique_ptr<Index> index_;
};

}  // namespace

std::unique_ptr<FilterPeer> make_filter_peer() {
  return std::make_unique<Hnswlib>();
}

}  // namespace vibrato::bench

#else

namespace vibrato::bench {

std::unique_ptr<FilterPeer> make_filter_peer() {
  return nullptr;
}

}  // namespace vibrato::bench

#endif
