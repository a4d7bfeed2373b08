#include "vector/allowed_search.hpp"

#include <algorithm>
#include <span>

#include "hnsw/allowed_search.hpp"
#include "vector/flat_scan.hpp"

namespace vibrato::vector {
namespace {

// From this share on a plain walk, whose every distance counts for the way, is as good and needs no detours.
constexpr double kPlainWalkShare = 0.9;

// Nanoseconds on one core, measured (docs/PERFORMANCE.md, "Filters"): ratios of them decide.
constexpr double kDistanceNs = 8;
constexpr double kByteNs = 0.05;
constexpr double kExpandNs = 60;
constexpr double kSlotNs = 1.3;      // Of a list that is passed through.
constexpr double kFreshShare = 0.5;  // Of the rows that a step meets.

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
  std::vector<std::uint64_t> bits;
  std::vector<hnsw::Hit> more;
};

Memory& memory_of_this_thread() {
  thread_local Memory memory;
  return memory;
}

std::uint32_t row_bytes_of(const SearchedRows& rows) {
  const std::size_t bytes =
      rows.coded != nullptr ? rows.coded->codes.stride_bytes : rows.plain->vectors.dim * sizeof(float);
  return static_cast<std::uint32_t>(bytes);
}

class Search {
 public:
  Search(const SearchedRows& rows, const SegmentQuery& query, const hnsw::RowPredicate& alive,
         hnsw::SearchScratch& scratch, std::vector<hnsw::Hit>& hits)
      : rows_(rows), query_(query), alive_(alive), scratch_(scratch), hits_(hits) {}

  Status run() {
    hits_.clear();
    find_rule();
    const AllowedPlan plan = wanted_plan();
    if (plan == AllowedPlan::kScan || !walk(plan)) {
      hits_.clear();
      stats_.plan = "filtered_scan";
      stats_.rule.reset();
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
    const std::uint32_t rows = query_.allowed->row_count();
    if (query_.recall && rows > 0 && query_.allowed->size() > 0) {
      stats_.rule = rule_for(rows_.calibration, *query_.recall, static_cast<double>(query_.allowed->size()) / rows);
    }
  }

  [[nodiscard]] AllowedPlan wanted_plan() const {
    if (query_.exact || query_.order != nullptr || rows_.graph == nullptr) {
      return AllowedPlan::kScan;
    }
    AllowedCosts costs;
    costs.rows = query_.allowed->row_count();
    costs.allowed = query_.allowed->size();
    costs.k = query_.k;
    costs.ef = stats_.rule ? stats_.rule->effort : query_.ef;
    costs.list_length = rows_.graph->m0;
    costs.row_bytes = row_bytes_of(rows_);
    return choose_plan(costs);
  }

  // False if the hits cannot be believed.
  bool walk(AllowedPlan plan) {
    Memory& memory = memory_of_this_thread();
    memory.bits.resize((std::size_t{query_.allowed->row_count()} + 63) / 64);
    query_.allowed->copy_bits(memory.bits);
    const hnsw::RowSpace& space = rows_.coded != nullptr ? *rows_.coded : *rows_.plain;
    hnsw::SearchStats done;
    bool is_enough = false;
    if (plan == AllowedPlan::kPlainWalk) {
      const Both both{memory.bits, alive_};
      hnsw::SearchParams params;
      params.k = query_.k;
      params.ef = query_.ef;
      params.rescore = query_.rescore;
      params.known = query_.known;
      params.predicate = {&Both::allows, &both};
      if (stats_.rule) {
        apply(*stats_.rule, *query_.recall, params);
      }
      hnsw::search(simd::kernels(), *rows_.graph, space, query_.vector, params, scratch_, hits_, &done);
      is_enough = done.vouched >= query_.k;
      stats_.plan = "graph";
    } else {
      hnsw::AllowedParams params{query_.k, query_.ef, query_.rescore, query_.known, memory.bits, alive_};
      if (stats_.rule) {
        apply(*stats_.rule, *query_.recall, params);
      }
      is_enough =
          hnsw::search_allowed(simd::kernels(), *rows_.graph, space, query_.vector, params, scratch_, hits_, &done);
      stats_.plan = "filtered_graph";
    }
    stats_.rows_visited += done.walk.expanded;
    stats_.distances += std::uint64_t{done.walk.distances} + done.rescored;
    return is_enough;
  }

  // Of the allowed rows from `first` on; adds what it finds to the hits.
  void scan_from(std::uint32_t first) {
    Memory& memory = memory_of_this_thread();
    std::vector<std::uint32_t>& list = memory.rows;
    list.clear();
    query_.allowed->append_to(list);
    list.erase(list.begin(), std::lower_bound(list.begin(), list.end(), first));
    if (alive_.allows != nullptr) {
      std::erase_if(list, [this](std::uint32_t row) { return !alive_(row); });
    }
    const auto uncoded = std::lower_bound(list.begin(), list.end(), rows_.encoded);
    const std::span<const std::uint32_t> coded(list.data(), static_cast<std::size_t>(uncoded - list.begin()));
    stats_.rows_visited += list.size();
    stats_.distances += list.size();
    if (!scans_codes(coded.size())) {
      scan_plain(list);
      return;
    }
    const HitOrder order = query_.order == nullptr ? HitOrder() : *query_.order;
    scan_listed_codes(simd::kernels(), *rows_.coded, query_.vector, coded, query_.k, memory.scan, memory.more,
                      query_.rescore, query_.deadline, order);
    merge_hits(hits_, memory.more, query_.k);
    scan_plain(std::span(list).subspan(coded.size()));
  }

  [[nodiscard]] bool scans_codes(std::size_t rows) const {
    // Scanning on codes pays from this many rows a candidate that is scored again.
    constexpr std::size_t kRowsACandidate = 2;
    if (rows_.coded == nullptr || rows_.plain == nullptr) {
      return rows_.plain == nullptr;
    }
    return !query_.exact && query_.order == nullptr && rows > kRowsACandidate * coded_scan_candidates(query_.k);
  }

  void scan_plain(std::span<const std::uint32_t> list) {
    if (list.empty()) {
      return;
    }
    Memory& memory = memory_of_this_thread();
    const HitOrder order = query_.order == nullptr ? HitOrder() : *query_.order;
    scan_listed_rows(simd::kernels(), *rows_.plain, query_.vector, list, query_.k, memory.scan, memory.more,
                     query_.deadline, order);
    if (hits_.empty()) {
      hits_.swap(memory.more);  // As `order` wants them.
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

AllowedPlan choose_plan(const AllowedCosts& costs) {
  if (costs.allowed <= std::max(costs.ef, costs.k)) {
    return AllowedPlan::kScan;
  }
  const double share = static_cast<double>(costs.allowed) / costs.rows;
  const double distance_ns = kDistanceNs + kByteNs * costs.row_bytes;
  const double scan_ns = costs.allowed * distance_ns;
  const double steps = std::max(costs.ef, costs.k);
  const double slots = std::min(costs.list_length / share, static_cast<double>(costs.list_length) * costs.list_length);
  const double walk_ns = steps * (kExpandNs + kFreshShare * costs.list_length * distance_ns + slots * kSlotNs);
  if (scan_ns <= walk_ns) {
    return AllowedPlan::kScan;
  }
  return share >= kPlainWalkShare ? AllowedPlan::kPlainWalk : AllowedPlan::kAllowedWalk;
}

Status search_allowed_rows(const SearchedRows& rows, const SegmentQuery& query, const hnsw::RowPredicate& alive,
                           hnsw::SearchScratch& scratch, std::vector<hnsw::Hit>& hits, SegmentStats* stats) {
  Search search(rows, query, alive, scratch, hits);
  const Status done = search.run();
  if (stats != nullptr) {
    *stats = search.stats();
  }
  return done;
}

}  // namespace vibrato::vector
