#include "vector/grouped_search.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <limits>
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

  // Adds them until one is the last; false then.
  Result<bool> add_all(const std::vector<PointHit>& hits) {
    for (const PointHit& hit : hits) {
      VIBRATO_ASSIGN_OR_RETURN(const bool wants_more, add(hit));
      if (!wants_more) {
        return false;
      }
    }
    return true;
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
  SearchRequest wider = request;
  wider.offset = 0;
  const std::uint64_t first = (least + request.k * std::uint64_t{grouping.per_group}) * 2;
  for (std::uint64_t k = first; k < limits::kSearchKMax; k *= 4) {
    wider.k = static_cast<std::uint32_t>(k);
    VIBRATO_ASSIGN_OR_RETURN(SearchAnswer answer, collection.search(wider, explain));
    const bool is_all = answer.hits.size() < wider.k;
    Groups groups(request, grouping);
    VIBRATO_ASSIGN_OR_RETURN(const bool wants_more, groups.add_all(answer.hits));
    if (!wants_more || is_all) {
      answer.hits = groups.take();
      return answer;
    }
  }
  // One group has most of what is near, or far hits are asked for: all hits, page by page, each by a scan. What is
  // written between two pages may be counted in both or in neither.
  Groups groups(request, grouping);
  for (wider.k = limits::kSearchKMax;; wider.offset += wider.k) {
    VIBRATO_ASSIGN_OR_RETURN(SearchAnswer answer, collection.search(wider, explain));
    const bool is_all =
        answer.hits.size() < wider.k || wider.offset > std::numeric_limits<std::uint32_t>::max() - limits::kSearchKMax;
    VIBRATO_ASSIGN_OR_RETURN(const bool wants_more, groups.add_all(answer.hits));
    if (!wants_more || is_all) {
      answer.hits = groups.take();
      return answer;
    }
  }
}

}  // namespace vibrato::vector
