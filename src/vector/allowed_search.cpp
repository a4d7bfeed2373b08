#include "vector/allowed_search.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <span>

#include "hnsw/allowed_search.hpp"
#include "vector/flat_scan.hpp"
#include "vector/listed_scan.hpp"

namespace vibrato::vector {
namespace {

// Nanoseconds of one core, measured over rows that the second cache does not hold (docs/PERFORMANCE.md, "Filters").
// Ratios of them decide.
constexpr double kScanNs = 3000;      // To begin, and to score the best again.
constexpr double kScanRowNs = 2;      // To take a row from the set and to compare its distance.
constexpr double kScanByteNs = 0.02;  // Of rows read in the order of memory, ahead of their use.
constexpr double kWalkNs = 8000;      // To come down the upper levels, and to score the best again.
constexpr double kExpandNs = 170;     // A candidate taken and kept, its list read.
constexpr double kWalkRowNs = 3.5;    // A row that was not seen before, scored.
constexpr double kWalkByteNs = 0.03;  // Of rows read wherever they are.
constexpr double kSlotNs = 5;         // Of a list that is passed through.
constexpr double kFreshShare = 0.4;   // Of the rows of a list that were not seen before.

constexpr std::uint32_t kPoolMax = 4096;  // Candidates a plain walk goes by.
// Of a scan on codes: to make the query ready, and to score its best again, for each hit; what it saves for each byte
// that a row is shorter by.
constexpr double kCodedScanNs = 2000;
constexpr double kCodedScanHitNs = 200;
constexpr double kCodedByteNs = 0.028;

// Allowed, and alive.
struct Both {
  std::span<const std::uint64_t> allowed;
  const hnsw::RowPredicate& alive;

  static bool allows(const void* context, std::uint32_t row) {
    const auto& self = *static_cast<const Both*>(context);
    const std::size_t word = row / 64;
    return word < self.allowed.size() && (self.allowed[word] >> (row % 64) & 1) != 0 && self.alive(row);
  }
};

struct Memory {
  ScanScratch scan;
  std::vector<std::uint32_t> rows;
  std::vector<std::uint32_t> alive;
  std::vector<std::uint64_t> bits;
  std::vector<hnsw::Hit> more;
};

Memory& memory_of_this_thread() {
  thread_local Memory memory;
  return memory;
}

class Search {
 public:
  Search(const SearchedRows& rows, const SegmentQuery& query, const hnsw::RowPredicate& alive,
         hnsw::SearchScratch& scratch, std::vector<hnsw::Hit>& hits)
      : rows_(rows), query_(query), alive_(alive), scratch_(scratch), hits_(hits) {}

  Status run() {
    hits_.clear();
    find_rule();
    if (!walk()) {
      hits_.clear();
      stats_.plan = "filtered_scan";
      stats_.rule.reset();
      stats_.is_by_codes = false;
      scan_from(0);
    } else if (rows_.indexed < query_.allowed->row_count()) {
      scan_from(rows_.indexed);
    }
    return query_.deadline.check();
  }
  [[nodiscard]] const SegmentStats& stats() const { return stats_; }

 private:
  // Of a recall target, for the share of the rows that the filter allows.
  void find_rule() {
    if (query_.recall && !query_.allowed->empty()) {
      stats_.rule = rule_for(rows_.calibration, *query_.recall, share());
    }
  }

  // False if it does not pay, or its hits cannot be believed.
  bool walk() {
    if (query_.exact || query_.order != nullptr || rows_.graph == nullptr) {
      return false;
    }
    const hnsw::RowSpace& space = rows_.coded != nullptr ? *rows_.coded : *rows_.plain;
    AllowedCosts costs;
    costs.rows = query_.allowed->row_count();
    costs.allowed = query_.allowed->size();
    costs.k = query_.k;
    costs.ef = stats_.rule ? stats_.rule->effort : query_.ef;
    costs.list_length = rows_.graph->m0;
    costs.row_bytes =
        static_cast<std::uint32_t>(space.has_codes() ? space.codes.stride_bytes : space.vectors.dim * sizeof(float));
    const PlanTimes times = estimate_plans(costs);
    hnsw::SearchStats done;
    bool is_enough = false;
    stats_.is_by_codes = keeps_code_distances();
    AllowedPlan plan = choose_plan(costs);
    if (plan == AllowedPlan::kAllowedWalk && !has_rule_for_share()) {
      plan = times.scan <= times.plain_walk ? AllowedPlan::kScan : AllowedPlan::kPlainWalk;
    }
    switch (plan) {
      case AllowedPlan::kScan:
        return false;
      case AllowedPlan::kAllowedWalk:
        is_enough = walk_allowed(space, steps_max(times.scan, times.allowed_walk, times.allowed_step), done);
        break;
      case AllowedPlan::kPlainWalk:
        is_enough = walk_plainly(space, steps_max(times.scan, times.plain_walk, times.plain_step), done);
        break;
    }
    stats_.rows_visited += done.walk.expanded;
    stats_.distances += std::uint64_t{done.walk.distances} + done.rescored;
    return is_enough;
  }

  // Shares are calibrated where walks over allowed rows pay (calibrate.hpp); a rule for far larger ones says little.
  [[nodiscard]] bool has_rule_for_share() const {
    constexpr float kLarger = 4;
    return !stats_.rule || rows_.calibration == nullptr || rows_.calibration->shares.back() <= kLarger * share();
  }

  // A walk may take half as long again as the scan would, or as it was expected to take: most of those that take longer
  // than the scan are nearly done by then.
  [[nodiscard]] static std::uint32_t steps_max(double scan_ns, double walk_ns, double step_ns) {
    constexpr double kPatience = 1.5;
    return static_cast<std::uint32_t>(std::min(kPatience * std::max(scan_ns, walk_ns) / step_ns + 1, 1e9));
  }

  [[nodiscard]] float share() const {
    return static_cast<float>(query_.allowed->size()) / static_cast<float>(query_.allowed->row_count());
  }

  [[nodiscard]] std::span<const std::uint64_t> allowed_bits() const {
    if (!query_.allowed->is_list()) {
      return query_.allowed->bits();
    }
    std::vector<std::uint64_t>& bits = memory_of_this_thread().bits;
    bits.resize((std::size_t{query_.allowed->row_count()} + 63) / 64);
    query_.allowed->copy_bits(bits);
    return bits;
  }

  bool walk_allowed(const hnsw::RowSpace& space, std::uint32_t steps, hnsw::SearchStats& done) {
    hnsw::AllowedParams params;
    params.k = query_.k;
    params.ef = query_.ef;
    params.rescore = query_.rescore;
    params.known = query_.known;
    params.allowed = allowed_bits();
    params.alive = alive_;
    params.expanded_max = steps;
    params.allowed_share = share();
    if (stats_.rule) {
      apply(*stats_.rule, *query_.recall, params);
    }
    stats_.plan = "filtered_graph";
    return hnsw::search_allowed(simd::kernels(), *rows_.graph, space, query_.vector, params, scratch_, hits_, &done);
  }

  bool walk_plainly(const hnsw::RowSpace& space, std::uint32_t steps, hnsw::SearchStats& done) {
    const Both both{allowed_bits(), alive_};
    hnsw::SearchParams params;
    params.k = query_.k;
    params.ef = query_.ef;
    params.rescore = query_.rescore;
    params.known = query_.known;
    params.predicate = {&Both::allows, &both};
    params.pool = std::min(kPoolMax, steps);  // What is never expanded need not be kept.
    params.expanded_max = steps;
    if (stats_.rule) {
      stats_.rule = plain_rule();
      apply(*stats_.rule, *query_.recall, params);
    } else {
      params.allowed_share = share();  // Under a rule only the near ones of the allowed rows are kept, and counted.
    }
    hnsw::search(simd::kernels(), *rows_.graph, space, query_.vector, params, scratch_, hits_, &done);
    stats_.plan = "graph";
    return done.vouched >= std::min(query_.k, query_.allowed->size());
  }

  // To a plain walk the k nearest allowed rows are about the k / share nearest of all, and of the reach, which it
  // counts in allowed rows, it meets that share.
  [[nodiscard]] WalkRule plain_rule() const {
    RecallTarget of_all = *query_.recall;
    of_all.k = static_cast<std::uint32_t>(std::ceil(static_cast<float>(of_all.k) / share()));
    const WalkRule all = rule_for(rows_.calibration, of_all);
    const auto reach = static_cast<std::uint32_t>(std::ceil(static_cast<float>(all.reach) * share()));
    WalkRule rule = walk_rule(all.slack, std::max(reach, 1U), query_.recall->k);
    rule.effort = all.effort;
    rule.recall = all.recall;
    rule.is_calibrated = all.is_calibrated;
    return rule;
  }

  // Of the allowed rows from `first` on; adds what it finds to the hits.
  void scan_from(std::uint32_t first) {
    Memory& memory = memory_of_this_thread();
    std::span<const std::uint32_t> list = query_.allowed->rows_from(first, memory.rows);
    if (alive_.allows != nullptr) {
      memory.alive.clear();
      std::copy_if(list.begin(), list.end(), std::back_inserter(memory.alive),
                   [this](std::uint32_t row) { return alive_(row); });
      list = memory.alive;
    }
    const auto uncoded = std::lower_bound(list.begin(), list.end(), rows_.encoded);
    const auto coded = list.first(static_cast<std::size_t>(uncoded - list.begin()));
    stats_.rows_visited += list.size();
    stats_.distances += list.size();
    if (!scans_codes(coded.size())) {
      scan_plain(list);
      return;
    }
    scan_coded(coded);
    scan_plain(list.subspan(coded.size()));
  }

  [[nodiscard]] bool scans_codes(std::size_t rows) const {
    if (rows_.coded == nullptr || rows_.plain == nullptr) {
      return rows_.plain == nullptr;
    }
    if (query_.exact || query_.order != nullptr) {
      return false;
    }
    const std::size_t plain_bytes = rows_.plain->vectors.dim * sizeof(float);
    const double bytes_less = static_cast<double>(plain_bytes) - static_cast<double>(rows_.coded->codes.stride_bytes);
    return static_cast<double>(rows) * bytes_less * kCodedByteNs > kCodedScanNs + kCodedScanHitNs * query_.k;
  }

  [[nodiscard]] bool keeps_code_distances() const {
    return rows_.coded != nullptr && (!query_.rescore || rows_.plain == nullptr);
  }

  void scan_coded(std::span<const std::uint32_t> list) {
    stats_.is_by_codes = stats_.is_by_codes || keeps_code_distances();
    Memory& memory = memory_of_this_thread();
    if (query_.order == nullptr) {
      const hnsw::HitsWanted wanted{query_.k, query_.rescore, query_.known};
      stats_.distances += scan_listed_nearest(simd::kernels(), *rows_.coded, query_.vector, list, wanted, scratch_,
                                              memory.scan, memory.more, query_.deadline);
    } else {
      scan_listed_codes(simd::kernels(), *rows_.coded, query_.vector, list, query_.k, memory.scan, memory.more,
                        query_.rescore, query_.deadline, *query_.order);
    }
    take_more();
  }

  void scan_plain(std::span<const std::uint32_t> list) {
    if (list.empty()) {
      return;
    }
    Memory& memory = memory_of_this_thread();
    const HitOrder order = query_.order == nullptr ? HitOrder() : *query_.order;
    scan_listed_rows(simd::kernels(), *rows_.plain, query_.vector, list, query_.k, memory.scan, memory.more,
                     query_.deadline, order);
    take_more();
  }

  void take_more() {
    Memory& memory = memory_of_this_thread();
    if (hits_.empty()) {
      hits_.swap(memory.more);  // As query_.order wants them.
    } else {
      merge_hits(hits_, memory.more, query_.k);
    }
  }

  const SearchedRows& rows_;
  const SegmentQuery& query_;
  const hnsw::RowPredicate& alive_;
  hnsw::SearchScratch& scratch_;
  std::vector<hnsw::Hit>& hits_;
  SegmentStats stats_;
};

}  // namespace

PlanTimes estimate_plans(const AllowedCosts& costs) {
  const double share = static_cast<double>(std::max(costs.allowed, 1U)) / std::max(costs.rows, 1U);
  const double ef = std::max(costs.ef, costs.k);
  const double length = costs.list_length;
  const double row_ns = kWalkRowNs + kWalkByteNs * costs.row_bytes;
  PlanTimes times;
  times.scan = kScanNs + costs.allowed * (kScanRowNs + kScanByteNs * costs.row_bytes);
  times.plain_step = kExpandNs + kFreshShare * length * row_ns;
  times.plain_walk = kWalkNs + ef / share * times.plain_step;
  const double slots = std::min(length / share, length * length);
  times.allowed_step = kExpandNs + kFreshShare * length * row_ns + slots * kSlotNs;
  times.allowed_walk = kWalkNs + ef * times.allowed_step;
  return times;
}

AllowedPlan choose_plan(const AllowedCosts& costs) {
  const PlanTimes times = estimate_plans(costs);
  // Whoever wants most of the allowed rows looks at them all.
  if (costs.allowed <= std::max(costs.ef, costs.k) || times.scan <= std::min(times.allowed_walk, times.plain_walk)) {
    return AllowedPlan::kScan;
  }
  return times.plain_walk <= times.allowed_walk ? AllowedPlan::kPlainWalk : AllowedPlan::kAllowedWalk;
}

Status search_allowed_rows(const SearchedRows& rows, const SegmentQuery& query, const hnsw::RowPredicate& alive,
                           hnsw::SearchScratch& scratch, std::vector<hnsw::Hit>& hits, SegmentStats* stats) {
  Search search(rows, query, alive, scratch, hits);
  Status done = search.run();
  if (stats != nullptr) {
    *stats = search.stats();
  }
  return done;
}

}  // namespace vibrato::vector
