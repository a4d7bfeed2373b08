#include "vector/identify.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <limits>
#include <string>
#include <unordered_map>
#include <utility>

#include "filter/matcher.hpp"
#include "filter/meta_value.hpp"
#include "vector/check_vector.hpp"

namespace vibrato::vector {
namespace {

// Hits that each frame votes with, and how many beginnings are scored, a wanted run.
constexpr std::uint32_t kHitsAFrame = 32;
constexpr std::size_t kScoredMin = 256;
constexpr std::size_t kScoredARun = 16;

bool is_silence(std::span<const float> frame) {
  return std::all_of(frame.begin(), frame.end(), [](float value) { return value == 0; });
}

class Identification {
 public:
  Identification(const Collection& collection, const IdentifyRequest& request)
      : collection_(collection), request_(request), source_file_(filter::path_of("source_file")) {
    if (request.filter) {
      matcher_.emplace(*request.filter);
    }
  }

  Result<std::vector<Run>> run() {
    for (std::size_t i = 0; i < request_.frames.size(); ++i) {
      VIBRATO_RETURN_IF_ERROR(vote(i));
    }
    std::vector<Run> runs;
    for (const std::uint64_t begin : best_beginnings()) {
      VIBRATO_RETURN_IF_ERROR(request_.deadline.check());
      VIBRATO_ASSIGN_OR_RETURN(std::optional<Run> run, score(begin));
      if (run) {
        runs.push_back(*std::move(run));
      }
    }
    std::sort(runs.begin(), runs.end(),
              [](const Run& a, const Run& b) { return a.score != b.score ? a.score > b.score : a.id < b.id; });
    runs.resize(std::min<std::size_t>(runs.size(), request_.k));
    return runs;
  }

 private:
  Status vote(std::size_t place) {
    if (is_silence(request_.frames[place])) {
      return ok_status();
    }
    SearchRequest search;
    search.vector = request_.frames[place];
    search.k = std::max(request_.k, kHitsAFrame);
    search.ef = std::max(request_.ef, search.k);
    search.tier = request_.tier;
    search.filter = request_.filter;
    search.deadline = request_.deadline;
    VIBRATO_ASSIGN_OR_RETURN(const SearchAnswer answer, collection_.search(search));
    for (const PointHit& hit : answer.hits) {
      if (!hit.id.is_text && hit.id.number >= place) {
        votes_[hit.id.number - place] += hit.score;
      }
    }
    return ok_status();
  }

  [[nodiscard]] std::vector<std::uint64_t> best_beginnings() const {
    std::vector<std::pair<float, std::uint64_t>> ranked;
    ranked.reserve(votes_.size());
    for (const auto& [begin, votes] : votes_) {
      ranked.emplace_back(-votes, begin);
    }
    const std::size_t most = std::max(kScoredMin, kScoredARun * request_.k);
    const auto end = ranked.begin() + static_cast<std::ptrdiff_t>(std::min(most, ranked.size()));
    std::partial_sort(ranked.begin(), end, ranked.end());
    std::vector<std::uint64_t> begins;
    std::transform(ranked.begin(), end, std::back_inserter(begins), [](const auto& one) { return one.second; });
    return begins;
  }

  // Nothing if it is no run.
  Result<std::optional<Run>> score(std::uint64_t begin) {
    if (begin > std::numeric_limits<std::uint64_t>::max() - (request_.frames.size() - 1)) {
      return std::optional<Run>();
    }
    Run run;
    run.id = begin;
    double sum = 0;
    std::optional<std::string> source;
    for (std::size_t i = 0; i < request_.frames.size(); ++i) {
      const PointIdView id{.is_text = false, .number = begin + i};
      VIBRATO_ASSIGN_OR_RETURN(std::optional<Point> point, collection_.get(id));
      if (!point || !is_in_tier(*point->segment)) {
        return std::optional<Run>();
      }
      VIBRATO_ASSIGN_OR_RETURN(const bool belongs, belongs_to_run(*point, source));
      if (!belongs) {
        return std::optional<Run>();
      }
      sum += static_cast<double>(frame_score(request_.frames[i], *point));
      if (i == 0) {
        run.first = *std::move(point);
      }
    }
    run.score = static_cast<float>(sum / static_cast<double>(request_.frames.size()));
    return std::optional(std::move(run));
  }

  Result<bool> belongs_to_run(const Point& point, std::optional<std::string>& source) {
    if (matcher_) {
      VIBRATO_ASSIGN_OR_RETURN(const bool matches, matcher_->matches(point.id, point.meta_json));
      if (!matches) {
        return false;
      }
    }
    VIBRATO_ASSIGN_OR_RETURN(std::optional<std::string> mine, values_.get(point.meta_json, source_file_));
    if (mine && source) {
      return *mine == *source;
    }
    if (mine) {
      source = std::move(mine);
    }
    return true;
  }

  [[nodiscard]] float frame_score(std::span<const float> frame, const Point& point) const {
    return is_silence(frame)
               ? 0.0F
               : hnsw::score_of(collection_.settings().metric, point.segment->distance(frame.data(), point.row));
  }

  [[nodiscard]] bool is_in_tier(const Segment& segment) const {
    return request_.tier == Tier::kAll || (segment.level() >= 2) == (request_.tier == Tier::kArchive);
  }

  const Collection& collection_;
  const IdentifyRequest& request_;
  const filter::FieldPath source_file_;
  std::optional<filter::Matcher> matcher_;
  filter::MetaValues values_;
  std::unordered_map<std::uint64_t, float> votes_;  // By the id where a run would begin.
};

Status check_frames(const Collection& collection, const IdentifyRequest& request) {
  const CollectionSettings& settings = collection.settings();
  if (settings.metric == Metric::kL2) {
    return invalid_argument("identify is for collections with metric cosine or dot");
  }
  for (std::size_t i = 0; i < request.frames.size(); ++i) {
    const std::vector<float>& frame = request.frames[i];
    const bool is_allowed_silence = request.allows_silence && frame.size() == settings.dim && is_silence(frame);
    const Status checked = is_allowed_silence ? ok_status() : check_vector(frame, settings.dim, settings.metric);
    if (!checked.ok()) {
      return {checked.code(), fmt::format("vectors[{}]: {}", i, checked.message())};
    }
  }
  return ok_status();
}

}  // namespace

Result<std::vector<Run>> identify(const Collection& collection, const IdentifyRequest& request) {
  VIBRATO_RETURN_IF_ERROR(check_frames(collection, request));
  return Identification(collection, request).run();
}

}  // namespace vibrato::vector
