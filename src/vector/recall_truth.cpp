#include "vector/recall_truth.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vibrato/check.hpp>

#include "base/random.hpp"
#include "vector/flat_scan.hpp"

namespace vibrato::vector {
namespace {

constexpr std::uint32_t kBlockRows = 128;   // Of codes: they stay in the cache for all queries of a group.
constexpr std::size_t kGroupQueries = 256;  // Prepared queries of product codes are large.
constexpr std::uint32_t kTruthProductCandidatesAHit = 20;
constexpr std::size_t kTiesKept = 28;  // Beyond the wanted ones.
constexpr float kFarthest = std::numeric_limits<float>::infinity();

struct Near {
  float distance;
  std::uint32_t row;

  bool operator<(const Near& other) const {
    return distance != other.distance ? distance < other.distance : row < other.row;
  }
};

// The nearest `keep` rows of those offered, in no order until finish(). Cheaper than a heap: most offers are refused.
class NearRows {
 public:
  explicit NearRows(std::size_t keep) : keep_(keep) {}

  [[nodiscard]] float bound() const { return bound_; }
  void add(float distance, std::uint32_t row) {
    rows_.push_back({distance, row});
    if (rows_.size() == 4 * keep_) {
      cut();
    }
  }
  [[nodiscard]] std::vector<Near>& finish() {
    cut();
    return rows_;
  }

 private:
  void cut() {
    if (rows_.size() <= keep_) {
      return;
    }
    std::nth_element(rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(keep_), rows_.end());
    rows_.resize(keep_);
    bound_ = std::max_element(rows_.begin(), rows_.end())->distance;
  }

  std::size_t keep_;
  float bound_ = kFarthest;
  std::vector<Near> rows_;
};

std::size_t candidates_for(const hnsw::RowSpace& space, std::uint32_t wanted) {
  const std::size_t enough = wanted + kTiesKept;
  if (!space.has_codes()) {
    return enough;
  }
  return std::max<std::size_t>(
      enough, space.product != nullptr ? kTruthProductCandidatesAHit * wanted : coded_scan_candidates(wanted));
}

const float* vector_of(const hnsw::RowSpace& space, std::uint32_t row) {
  return space.vectors.base + std::size_t{row} * space.vectors.stride_floats;
}

class TruthScan {
 public:
  TruthScan(const hnsw::RowSpace& space, std::span<const TruthQuery> queries, std::span<const RowShare> shares,
            const std::vector<bool>& left_out)
      : space_(space), queries_(queries), shares_(shares), left_out_(left_out), prepared_(queries.size()) {
    scorers_.reserve(queries.size());
    near_.reserve(queries.size() * shares.size());
    for (std::size_t i = 0; i < queries.size(); ++i) {
      VIBRATO_CHECK(queries[i].shares <= shares.size());
      const float* vector = vector_of(space, queries[i].row);
      if (space.has_codes()) {
        hnsw::prepare_query(simd::kernels(), space, vector, prepared_[i]);
        scorers_.emplace_back(simd::kernels(), space, prepared_[i]);
      } else {
        scorers_.emplace_back(hnsw::ExactScorer(simd::kernels(), space, vector));
      }
      near_.insert(near_.end(), shares.size(), NearRows(candidates_for(space, queries[i].wanted)));
    }
  }

  void scan_block(std::uint32_t first, std::uint32_t end) {
    std::array<std::uint32_t, kBlockRows> rows;
    std::iota(rows.begin(), rows.end(), first);
    std::array<float, kBlockRows> distances;
    members_.resize(shares_.size());
    for (std::size_t share = 0; share < shares_.size(); ++share) {
      list_members(shares_[share], first, end, members_[share]);
    }
    for (std::size_t query = 0; query < queries_.size(); ++query) {
      scorers_[query].score(rows.data(), end - first, distances.data());
      for (std::size_t share = 0; share < queries_[query].shares; ++share) {
        NearRows& near = near_[query * shares_.size() + share];
        if (shares_[share].bits.empty()) {
          offer_all(first, std::span(distances).first(end - first), near);
        } else {
          offer(members_[share], first, distances.data(), near);
        }
      }
    }
  }

  void finish(std::vector<TrueRows>& out) {
    for (std::size_t query = 0; query < queries_.size(); ++query) {
      for (std::size_t share = 0; share < shares_.size(); ++share) {
        out.push_back(rank(queries_[query], near_[query * shares_.size() + share].finish()));
      }
    }
  }

 private:
  void list_members(const RowShare& share, std::uint32_t first, std::uint32_t end,
                    std::vector<std::uint16_t>& members) const {
    members.clear();
    for (std::uint32_t row = first; row < end; ++row) {
      const bool is_in = share.bits.empty() || (share.bits[row / 64] >> (row % 64) & 1) != 0;
      if (is_in && !left_out_[row]) {
        members.push_back(static_cast<std::uint16_t>(row - first));
      }
    }
  }

  static void offer(std::span<const std::uint16_t> members, std::uint32_t first, const float* distances,
                    NearRows& near) {
    for (const std::uint16_t member : members) {
      if (distances[member] < near.bound()) {
        near.add(distances[member], first + member);
      }
    }
  }

  // Of all rows of a block: most groups of them have none that is near enough.
  void offer_all(std::uint32_t first, std::span<const float> distances, NearRows& near) const {
    constexpr std::size_t kGroup = 16;
    for (std::size_t begin = 0; begin < distances.size(); begin += kGroup) {
      const auto group = distances.subspan(begin, std::min(kGroup, distances.size() - begin));
      const float bound = near.bound();
      int count = 0;
      for (const float distance : group) {
        count += distance < bound ? 1 : 0;
      }
      for (std::size_t i = 0; count > 0 && i < group.size(); ++i) {
        const auto row = static_cast<std::uint32_t>(first + begin + i);
        if (group[i] < near.bound() && !left_out_[row]) {
          near.add(group[i], row);
        }
      }
    }
  }

  [[nodiscard]] TrueRows rank(const TruthQuery& query, std::vector<Near>& found) const {
    if (space_.has_codes()) {
      std::vector<std::uint32_t> rows;
      std::transform(found.begin(), found.end(), std::back_inserter(rows), [](const Near& one) { return one.row; });
      std::vector<float> distances(rows.size());
      hnsw::ExactScorer(simd::kernels(), space_, vector_of(space_, query.row))
          .score(rows.data(), rows.size(), distances.data());
      for (std::size_t i = 0; i < found.size(); ++i) {
        found[i].distance = distances[i];
        if (std::isnan(distances[i])) {
          found[i].distance = kFarthest;
        }
      }
    }
    std::sort(found.begin(), found.end());
    TrueRows result;
    for (const Near& one : found) {
      if (result.rows.size() >= query.wanted &&
          (one.distance > result.distances[query.wanted - 1] || result.rows.size() >= query.wanted + kTiesKept)) {
        break;
      }
      result.rows.push_back(one.row);
      result.distances.push_back(one.distance);
    }
    return result;
  }

  const hnsw::RowSpace& space_;
  std::span<const TruthQuery> queries_;
  std::span<const RowShare> shares_;
  const std::vector<bool>& left_out_;
  std::vector<quant::PreparedQuery> prepared_;
  std::vector<hnsw::WalkScorer> scorers_;
  std::vector<NearRows> near_;
  std::vector<std::vector<std::uint16_t>> members_;
};

}  // namespace

RowShare draw_share(std::uint32_t rows, double share, std::uint64_t seed) {
  RowShare result;
  result.share = share;
  if (share >= 1) {
    return result;
  }
  result.bits.resize((std::size_t{rows} + 63) / 64);
  Random random(seed);
  for (std::uint32_t row = 0; row < rows; ++row) {
    if (random.chance(share)) {
      result.bits[row / 64] |= std::uint64_t{1} << (row % 64);
    }
  }
  return result;
}

std::size_t TrueRows::right_for(std::uint32_t k) const {
  if (rows.size() <= k) {
    return rows.size();
  }
  return static_cast<std::size_t>(std::upper_bound(distances.begin(), distances.end(), distances[k - 1]) -
                                  distances.begin());
}

Result<std::vector<TrueRows>> find_true_rows(const hnsw::RowSpace& space, std::span<const TruthQuery> queries,
                                             std::span<const RowShare> shares, std::span<const std::uint32_t> left_out,
                                             const std::function<Status()>& keep_going) {
  VIBRATO_CHECK(space.has_vectors());
  std::vector<bool> is_left_out(space.row_count);
  for (const std::uint32_t row : left_out) {
    is_left_out[row] = true;
  }
  std::vector<TrueRows> result;
  result.reserve(queries.size() * shares.size());
  for (std::size_t begin = 0; begin < queries.size(); begin += kGroupQueries) {
    const auto group = queries.subspan(begin, std::min(kGroupQueries, queries.size() - begin));
    TruthScan scan(space, group, shares, is_left_out);
    for (std::uint32_t first = 0; first < space.row_count; first += std::min(kBlockRows, space.row_count - first)) {
      if (keep_going) {
        VIBRATO_RETURN_IF_ERROR(keep_going());
      }
      scan.scan_block(first, first + std::min(kBlockRows, space.row_count - first));
    }
    scan.finish(result);
  }
  return result;
}

}  // namespace vibrato::vector
