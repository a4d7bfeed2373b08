#include "vector/grouped_search.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/limits.hpp"
#include "filter/meta_value.hpp"

namespace vibrato::vector {
namespace {

// Chooses hits in their order.
class Groups {
 public:
  Groups(const SearchRequest& request, const Grouping& grouping) : request_(request), grouping_(grouping) {}

  // False once nothing that comes later can change the answer.
  Result<bool> add(const PointHit& hit) {
    VIBRATO_ASSIGN_OR_RETURN(const std::string_view meta, hit.segment->meta_json(hit.row));
    VIBRATO_ASSIGN_OR_RETURN(const std::optional<std::string> group, values_.get(meta, grouping_.key));
    if (group && ++seen_[*group] > grouping_.per_group) {
      return true;
    }
    if (skipped_ < request_.offset) {
      ++skipped_;
      return true;
    }
    // Of a group whose first hits were skipped the others count as one that begins here.
    const std::string name = group ? *group : fmt::format("#{}", chosen_.size());
    const auto known = counts_.find(name);
    if (known == counts_.end() && counts_.size() == request_.k) {
      return !is_full();
    }
    ++counts_[name];
    full_ += !group || counts_[name] == grouping_.per_group ? 1 : 0;
    chosen_.push_back(hit);
    return !is_full();
  }

  [[nodiscard]] std::vector<PointHit> take() { return std::move(chosen_); }

 private:
  [[nodiscard]] bool is_full() const { return counts_.size() == request_.k && full_ == counts_.size(); }

  const SearchRequest& request_;
  const Grouping& grouping_;
  filter::MetaValues values_;
  std::map<std::string, std::uint32_t> seen_;    // Hits of each group, skipped ones too.
  std::map<std::string, std::uint32_t> counts_;  // Of the groups in the answer, hits that were chosen.
  std::size_t full_ = 0;                         // Groups that take no more.
  std::uint32_t skipped_ = 0;
  std::vector<PointHit> chosen_;
};

}  // namespace

Result<SearchAnswer> search_groups(const Collection& collection, const SearchRequest& request, const Grouping& grouping,
                                   bool explain) {
  const std::uint64_t least = std::uint64_t{request.offset} + request.k;
  if (least > limits::kSearchKMax) {
    return invalid_argument(fmt::format("offset + k must be at most {} with group_by", limits::kSearchKMax));
  }
  SearchRequest wider = request;
  wider.offset = 0;
  const std::uint64_t first = (least + request.k * std::uint64_t{grouping.per_group}) * 2;
  for (std::uint64_t k = first;; k *= 4) {
    wider.k = static_cast<std::uint32_t>(std::min<std::uint64_t>(k, limits::kSearchKMax));
    VIBRATO_ASSIGN_OR_RETURN(SearchAnswer answer, collection.search(wider, explain));
    const bool is_all = answer.hits.size() < wider.k || wider.k == limits::kSearchKMax;
    Groups groups(request, grouping);
    bool wants_more = true;
    for (std::size_t i = 0; i < answer.hits.size() && wants_more; ++i) {
      VIBRATO_ASSIGN_OR_RETURN(wants_more, groups.add(answer.hits[i]));
    }
    if (!wants_more || is_all) {
      answer.hits = groups.take();
      return answer;
    }
  }
}

}  // namespace vibrato::vector
