// One find: over the rows of a view, and the indexes that its file has. For DocumentModel::find().
//
// How. Of the conditions that indexes can serve (doc/index_plan.hpp) the one with the fewest entries gives candidates;
// rows that are not in the file yet are candidates as well. Each candidate is asked the whole filter, as the view has
// it, so an index never decides what is answered. Without a useful index all rows are looked at.
//   - In the order of ids, candidates are asked in that order, until the page is full.
//   - Sorted, the best places seen are kept; an index on the key to sort by gives the rows in that order, as long as
//     that does not take too many of them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <simdjson.h>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "doc/find_request.hpp"
#include "doc/index_plan.hpp"
#include "doc/index_reader.hpp"
#include "doc/sort_order.hpp"
#include "filter/matcher.hpp"

namespace vibrato::doc {

struct FindOutcome {
  FoundPage page;
  std::vector<std::string> missed_paths;  // Where an index could have served, and there is none.
  std::vector<std::int64_t> used_indexes;
};

// Thread-safety: one thread. Made for one run.
class Finder {
 public:
  // `view`: of the rows of `collection`, at least those behind `after`, which is the place of the request's cursor. All
  // is borrowed.
  Finder(overlay::RowView& view, std::string_view collection, const FindRequest& request, const SortOrder& order,
         const std::optional<Place>& after, const FindTuning& tuning);

  // Errors: as DocumentModel::find().
  [[nodiscard]] Result<FindOutcome> run();

 private:
  // A condition and the index that serves it.
  struct Choice {
    const ServableCondition* condition = nullptr;
    UsableIndex index;
    std::size_t entries = 0;  // Counted up to a bound.
  };

  [[nodiscard]] Status choose(std::size_t entries_max);
  // Whether its entries come in the order of ids.
  [[nodiscard]] Result<bool> is_one_value(const Choice& choice);
  // Those of the file that the best choice gives, or a has_id.
  [[nodiscard]] Result<std::vector<std::string>> candidates();
  // With the rows above the file in between.
  [[nodiscard]] Status each_candidate(const std::vector<std::string>& ids, const TakeId& take);

  [[nodiscard]] Status find_by_id();
  [[nodiscard]] Status walk_one_value(const Choice& choice);
  [[nodiscard]] Status scan_by_id();
  [[nodiscard]] Result<bool> add_to_page(const std::string& id, const overlay::RowPtr& row);

  [[nodiscard]] Status find_sorted();
  // False if it gave up after so many visits.
  [[nodiscard]] Result<bool> walk_sort_index(const UsableIndex& index, std::size_t visits_max);
  [[nodiscard]] Result<std::optional<std::string>> next_sort_value(const UsableIndex& index,
                                                                   const std::optional<std::string>& value);
  [[nodiscard]] Status scan_sorted();
  [[nodiscard]] Result<bool> offer(const std::string& id, const overlay::RowPtr& row);
  [[nodiscard]] Status make_page();
  void forget_places();

  [[nodiscard]] Result<overlay::RowPtr> row_of(const std::string& id) { return view_.get(row_key_of(id)); }
  [[nodiscard]] std::string row_key_of(std::string_view id) const;
  [[nodiscard]] bool is_above(const std::string& id) const;
  [[nodiscard]] std::string_view id_after() const;  // In the order of ids.
  [[nodiscard]] Result<bool> matches(const std::string& id, const overlay::Row& row);
  [[nodiscard]] Result<Place> place_of(const std::string& id, const overlay::Row& row);
  void note_used(const UsableIndex& index);

  overlay::RowView& view_;
  const std::string collection_;
  const FindRequest& request_;
  const SortOrder& order_;
  const std::optional<Place>& after_;
  const FindTuning tuning_;
  IndexReader indexes_;
  std::optional<filter::Matcher> matcher_;
  simdjson::dom::parser parser_;
  IndexPlan plan_;
  std::optional<Choice> best_;   // Of the conditions that are served: the one with the fewest entries.
  std::optional<Choice> broad_;  // One with too many entries to list.
  std::vector<Place> places_;    // A heap with the last place on top.
  std::size_t places_bytes_ = 0;
  std::uint64_t page_bytes_ = 0;
  std::uint64_t unchecked_bytes_ = 0;  // Of documents since the deadline was looked at.
  std::optional<Place> last_;          // Of the page, if there are more.
  FindOutcome outcome_;
};

}  // namespace vibrato::doc
