// Search over all parts of a collection.
//
//   1. One ReadView: a version and an LSN. With a filter each part says which of its rows match, and what follows goes
//      by their number.
//   2. Each part gives its nearest rows that the view sees. With several parts the effort in each is reduced, as its
//      share of the answer is smaller than the whole: to ef times the square root of its share of the rows.
//      The largest part comes first, and each is told how far the farthest row is that would be in the answer so far:
//      what is behind needs no exact distance (hnsw::SearchParams::known).
//   3. That is too little for a part that holds far more of the answer than its share (rows often come in the order
//      of their topics): such a part is searched again, with the whole effort.
//   4. Merge: nearest first, ties by id. A part breaks ties by row, so where its k-th hit ties with the one behind it,
//      it is asked for more, until the tie ends. Where kTiesMax rows or more share it, and in every exact search, the
//      part is scanned once more, and says by their ids which of them it gives.
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <iterator>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "base/limits.hpp"
#include "vector/alive_rows.hpp"
#include "vector/check_vector.hpp"
#include "vector/collection.hpp"
#include "vector/flat_scan.hpp"
#include "vector/recall_notes.hpp"

namespace vibrato::vector {
namespace {

constexpr std::uint32_t kEfDefaultMin = 128;
constexpr std::uint32_t kTiesMax = 256;

struct Found {
  float distance = 0;
  std::uint32_t part = 0;
  std::uint32_t row = 0;
};

std::uint32_t effort_of(const SearchRequest& request) {
  return request.ef != 0 ? request.ef : std::min(std::max(kEfDefaultMin, 2 * request.k), limits::kEfMax);
}

bool in_tier(const SealedPart& part, Tier tier) {
  const bool archived = part.entry().level >= 2;
  return tier == Tier::kAll || archived == (tier == Tier::kArchive);
}

// What hot parts go by, and sealed ones without.
const format::Calibration* newest_calibration(const CollectionVersion& version) {
  for (auto part = version.sealed.rbegin(); part != version.sealed.rend(); ++part) {
    if ((*part)->rows().calibration() != nullptr) {
      return (*part)->rows().calibration();
    }
  }
  return nullptr;
}

std::vector<std::shared_ptr<const Segment>> parts_in(const CollectionVersion& version, Tier tier) {
  std::vector<std::shared_ptr<const Segment>> parts;
  parts.reserve(version.sealed.size() + version.imported.size() + version.frozen.size() + 1);
  for (const auto* const of_files : {&version.sealed, &version.imported}) {
    for (const auto& part : *of_files) {
      if (in_tier(*part, tier)) {
        parts.push_back(part);
      }
    }
  }
  if (tier != Tier::kArchive) {
    parts.insert(parts.end(), version.frozen.begin(), version.frozen.end());
    if (version.hot != nullptr) {
      parts.push_back(version.hot);
    }
  }
  return parts;
}

std::string name_of(const Segment& segment, const CollectionVersion& version) {
  for (const auto* const of_files : {&version.sealed, &version.imported}) {
    for (const auto& part : *of_files) {
      if (part.get() == &segment) {
        return part->entry().file;
      }
    }
  }
  return version.hot.get() == &segment ? "hot" : "frozen";
}

// More hits of one part than its share of the rows makes likely: three standard deviations above the mean, and one.
double likely_hits(double share, std::uint32_t k) {
  const double mean = share * k;
  return mean + 3 * std::sqrt(mean) + 1;
}

// An id that cannot be read any more counts as the last one; reading the hit reports it. Nothing for two of those.
std::optional<bool> has_lower_id(const Segment& part_a, std::uint32_t row_a, const Segment& part_b,
                                 std::uint32_t row_b) {
  const auto id_a = part_a.id(row_a);
  const auto id_b = part_b.id(row_b);
  if (!id_a.ok() && !id_b.ok()) {
    return std::nullopt;
  }
  return id_a.ok() && id_b.ok() ? *id_a < *id_b : id_a.ok();
}

class Merge {
 public:
  Merge(const SearchRequest& request, const ReadView& view)
      : request_(request), view_(view), parts_(parts_in(*view.version, request.tier)), ef_(effort_of(request)) {
    stats_.resize(parts_.size());
  }

  Status run() {
    VIBRATO_RETURN_IF_ERROR(count_rows());
    std::vector<std::uint32_t> order(parts_.size());
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(order.begin(), order.end(),
                     [this](std::uint32_t a, std::uint32_t b) { return rows_of_[a] > rows_of_[b]; });
    for (const std::uint32_t part : order) {
      const double share = share_of(part);
      const double effort = std::ceil(ef_ * std::sqrt(share));
      VIBRATO_RETURN_IF_ERROR(search_part(part, static_cast<std::uint32_t>(effort)));
    }
    // With a recall target each part was searched for all of it.
    return parts_.size() > 1 && !request_.recall ? search_again() : ok_status();
  }

  [[nodiscard]] const std::vector<Found>& found() const { return found_; }
  [[nodiscard]] const std::shared_ptr<const Segment>& part(std::uint32_t number) const { return parts_[number]; }

  [[nodiscard]] std::vector<std::string> notes() const {
    return request_.recall ? recall_notes(*request_.recall, stats_) : std::vector<std::string>();
  }

  [[nodiscard]] Result<std::vector<SegmentExplain>> explain() const {
    std::vector<SegmentExplain> result;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      SegmentExplain& one = result.emplace_back();
      one.segment = name_of(*parts_[i], *view_.version);
      one.rows = parts_[i]->row_count();
      one.stats = stats_[i];
      if (request_.filter) {
        VIBRATO_ASSIGN_OR_RETURN(const filter::RowSet alive,
                                 alive_among(*allowed_[i], *parts_[i]->deletes(), view_.visible, request_.deadline));
        one.estimated = rows_of_[i];
        one.matching = alive.size();
      }
    }
    return result;
  }

 private:
  [[nodiscard]] double share_of(std::uint32_t part) const {
    return static_cast<double>(rows_of_[part]) / static_cast<double>(std::max<std::uint64_t>(rows_, 1));
  }

  // The rows that may be hits: of a part, and of all.
  Status count_rows() {
    rows_of_.reserve(parts_.size());
    for (const auto& part : parts_) {
      if (request_.filter) {
        VIBRATO_ASSIGN_OR_RETURN(filter::RowSetPtr allowed,
                                 part->matching(*request_.filter, view_.visible, request_.deadline));
        rows_of_.push_back(allowed->size());
        allowed_.push_back(std::move(allowed));
      } else {
        rows_of_.push_back(part->row_count());
      }
      rows_ += rows_of_.back();
    }
    const std::uint64_t wanted = std::uint64_t{request_.offset} + request_.k + request_.left_out.size();
    want_ = static_cast<std::uint32_t>(std::min(wanted, rows_));
    return ok_status();
  }

  Status search_part(std::uint32_t part, std::uint32_t ef) {
    if (want_ == 0 || rows_of_[part] == 0) {
      return ok_status();
    }
    thread_local std::vector<hnsw::Hit> hits;
    const std::uint32_t rows = rows_of_[part];
    SegmentQuery query;
    query.allowed = allowed_.empty() ? nullptr : allowed_[part].get();
    query.vector = request_.vector.data();
    query.exact = request_.exact || want_ > limits::kEfMax;
    if (request_.recall) {
      query.recall = RecallTarget{*request_.recall, want_};
      query.newest = newest_calibration(*view_.version);
    }
    query.rescore = request_.rescore;
    query.known = found_.size() < want_ ? std::numeric_limits<float>::infinity() : found_.back().distance;
    query.visible = view_.visible;
    query.deadline = request_.deadline;
    bool is_tied = true;
    for (std::uint32_t more = 1; is_tied && more <= kTiesMax; more *= 4) {
      query.k = std::min(want_ + more, rows);
      query.ef = std::max(ef, query.k);
      VIBRATO_RETURN_IF_ERROR(search_once(part, query, hits));
      // Of all rows that there are, none can be missing.
      is_tied = query.k < rows && hits.size() > want_ && hits.back().distance <= hits[want_ - 1].distance;
      if (query.exact) {
        break;
      }
    }
    if (is_tied) {
      VIBRATO_RETURN_IF_ERROR(scan_by_id(part, query, hits));
    }
    forget_rows_of(part, hits);
    for (const hnsw::Hit& hit : hits) {
      found_.push_back({hit.distance, part, hit.row});
    }
    keep_nearest();
    return ok_status();
  }

  // However many rows tie: no more than want_ of them are kept at a time.
  Status scan_by_id(std::uint32_t part, SegmentQuery query, std::vector<hnsw::Hit>& hits) {
    const auto comes_first = [](const void* context, std::uint32_t a, std::uint32_t b) {
      const auto& segment = *static_cast<const Segment*>(context);
      return has_lower_id(segment, a, segment, b).value_or(a < b);
    };
    const HitOrder order{comes_first, parts_[part].get()};
    query.order = &order;
    query.k = want_;
    return search_once(part, query, hits);
  }

  Status search_once(std::uint32_t part, const SegmentQuery& query, std::vector<hnsw::Hit>& hits) {
    SegmentStats stats;
    VIBRATO_RETURN_IF_ERROR(parts_[part]->search(query, hnsw::scratch_of_this_thread(), hits, &stats));
    stats.rows_visited += stats_[part].rows_visited;
    stats.distances += stats_[part].distances;
    stats_[part] = stats;
    return ok_status();
  }

  // A part that is searched again may find again what it found before.
  void forget_rows_of(std::uint32_t part, const std::vector<hnsw::Hit>& hits) {
    if (std::none_of(found_.begin(), found_.end(), [part](const Found& found) { return found.part == part; })) {
      return;
    }
    std::vector<std::uint32_t> rows;
    std::transform(hits.begin(), hits.end(), std::back_inserter(rows), [](const hnsw::Hit& hit) { return hit.row; });
    std::sort(rows.begin(), rows.end());
    std::erase_if(found_, [&](const Found& found) {
      return found.part == part && std::binary_search(rows.begin(), rows.end(), found.row);
    });
  }

  [[nodiscard]] bool nearer(const Found& a, const Found& b) const {
    if (a.distance != b.distance) {
      return a.distance < b.distance;
    }
    const std::optional<bool> has_lower = has_lower_id(*parts_[a.part], a.row, *parts_[b.part], b.row);
    return has_lower.value_or(std::pair(a.part, a.row) < std::pair(b.part, b.row));
  }

  void keep_nearest() {
    const std::size_t keep = std::min<std::size_t>(want_, found_.size());
    std::partial_sort(found_.begin(), found_.begin() + static_cast<std::ptrdiff_t>(keep), found_.end(),
                      [this](const Found& a, const Found& b) { return nearer(a, b); });
    found_.resize(keep);
  }

  Status search_again() {
    std::vector<std::uint32_t> hits(parts_.size());
    for (const Found& found : found_) {
      ++hits[found.part];
    }
    for (std::uint32_t part = 0; part < parts_.size(); ++part) {
      const double share = share_of(part);
      if (share > 0.5 || hits[part] <= likely_hits(share, want_)) {
        continue;
      }
      VIBRATO_RETURN_IF_ERROR(search_part(part, ef_));
    }
    return ok_status();
  }

  const SearchRequest& request_;
  const ReadView& view_;
  std::vector<std::shared_ptr<const Segment>> parts_;
  std::uint32_t ef_;
  std::vector<filter::RowSetPtr> allowed_;  // Of each part, with a filter.
  std::vector<std::uint32_t> rows_of_;      // Of each part: how many rows may be hits, dead ones among them.
  std::uint64_t rows_ = 0;
  std::uint32_t want_ = 0;
  std::vector<Found> found_;
  std::vector<SegmentStats> stats_;
};

bool is_left_out(const SearchRequest& request, const PointIdView& id) {
  return std::any_of(request.left_out.begin(), request.left_out.end(),
                     [&](const PointId& one) { return one.view() == id; });
}

bool within_threshold(const SearchRequest& request, float score) {
  return (!request.min_score || score >= *request.min_score) &&
         (!request.max_distance || score <= *request.max_distance);
}

}  // namespace

Status Collection::check_search(const SearchRequest& request) const {
  VIBRATO_RETURN_IF_ERROR(check_vector(request.vector, settings().dim, settings().metric));
  if (request.k == 0 || request.k > limits::kSearchKMax) {
    return invalid_argument(fmt::format("k must be from 1 to {}", limits::kSearchKMax));
  }
  if (request.ef > limits::kEfMax) {
    return invalid_argument(fmt::format("ef must be from 1 to {}", limits::kEfMax));
  }
  if (request.recall &&
      (request.ef != 0 || !(*request.recall >= kRecallTargetMin && *request.recall <= kRecallTargetMax))) {
    return invalid_argument(
        fmt::format("recall must be from {} to {}, and not beside ef", kRecallTargetMin, kRecallTargetMax));
  }
  const bool is_l2 = settings().metric == Metric::kL2;
  if (request.min_score && is_l2) {
    return invalid_argument("min_score is for cosine and dot; under l2, where lower is better, use max_distance");
  }
  if (request.max_distance && !is_l2) {
    return invalid_argument("max_distance is for l2; under cosine and dot, where higher is better, use min_score");
  }
  return ok_status();
}

Result<SearchAnswer> Collection::search(const SearchRequest& request, bool explain) const {
  VIBRATO_RETURN_IF_ERROR(check_search(request));
  const ReadView view = read_view();
  Merge merge(request, view);
  VIBRATO_RETURN_IF_ERROR(merge.run());
  SearchAnswer answer;
  std::uint32_t skip = request.offset;
  for (const Found& found : merge.found()) {
    const std::shared_ptr<const Segment>& segment = merge.part(found.part);
    VIBRATO_ASSIGN_OR_RETURN(const PointIdView id, segment->id(found.row));
    const float score = hnsw::score_of(settings().metric, found.distance);
    if (is_left_out(request, id) || !within_threshold(request, score)) {
      continue;
    }
    if (skip > 0) {
      --skip;
      continue;
    }
    if (answer.hits.size() == request.k) {
      break;
    }
    answer.hits.push_back({segment, found.row, id, score});
  }
  answer.notes = merge.notes();
  if (explain) {
    VIBRATO_ASSIGN_OR_RETURN(answer.explain, merge.explain());
  }
  return answer;
}

std::uint64_t Collection::estimate_search_us(const SearchRequest& request) const {
  // Measured on one core: half of what a scan reads a microsecond from memory, and a third more than a walk takes.
  constexpr double kScanBytesPerUs = 10000;
  constexpr double kPartUs = 6;
  constexpr double kHitUs = 0.2;
  constexpr double kFilterPartUs = 30;
  constexpr double kFilterRowUs = 0.002;
  const double walk_us_per_effort = 0.25 + 0.0008 * settings().dim;
  const VersionPtr version = current();
  const auto row_bytes = static_cast<double>(settings().dim * sizeof(float));
  const auto hits = static_cast<double>(std::uint64_t{request.offset} + request.k);
  const bool exact = request.exact || settings().index == IndexKind::kFlat ||
                     std::uint64_t{request.offset} + request.k > limits::kEfMax;
  const auto parts = parts_in(*version, request.tier);
  double all_rows = 1;
  for (const auto& part : parts) {
    all_rows += part->row_count();
  }
  double effort = effort_of(request);
  if (request.recall) {
    effort = rule_for(newest_calibration(*version),
                      {*request.recall, static_cast<std::uint32_t>(std::min<double>(hits, limits::kEfMax))})
                 .effort;
  }
  double us = 0;
  for (const auto& part : parts) {
    const double rows = part->row_count();
    const double indexed = std::min<double>(part->indexed_count(), rows);
    us += kPartUs + std::min(hits, rows) * kHitUs;
    us += request.filter ? kFilterPartUs + rows * kFilterRowUs : 0;
    if (exact || hits >= rows / 4) {
      us += rows * row_bytes / kScanBytesPerUs;
      continue;
    }
    us += (rows - indexed) * row_bytes / 4 / kScanBytesPerUs;
    us += indexed == 0
              ? 0
              : std::max(hits, effort * (request.recall ? 1 : std::sqrt(rows / all_rows))) * walk_us_per_effort;
  }
  return static_cast<std::uint64_t>(us);
}

}  // namespace vibrato::vector
