#include "doc/finder.hpp"

#include <algorithm>
#include <utility>
#include <vibrato/check.hpp>

#include "base/limits.hpp"
#include "doc/document_key.hpp"
#include "doc/index_entries.hpp"

namespace vibrato::doc {
namespace {

// Of the deadline: every so many documents, and every so many bytes of them.
constexpr std::uint64_t kRowsBetweenChecks = 1024;
constexpr std::uint64_t kBytesBetweenChecks = 64 * limits::kKiB;

}  // namespace

Finder::Finder(overlay::RowView& view, std::string_view collection, const FindRequest& request, const SortOrder& order,
               const std::optional<Place>& after, const FindTuning& tuning)
    : view_(view),
      collection_(collection),
      request_(request),
      order_(order),
      after_(after),
      tuning_(tuning),
      indexes_(view.file(), collection, request.deadline) {
  if (request.filter != nullptr) {
    matcher_.emplace(*request.filter);
    plan_ = plan_of(*request.filter);
  }
}

Result<FindOutcome> Finder::run() {
  VIBRATO_RETURN_IF_ERROR(choose(request_.sort.empty() ? tuning_.listed_max_by_id : tuning_.listed_max_sorted));
  VIBRATO_RETURN_IF_ERROR(request_.sort.empty() ? find_by_id() : find_sorted());
  if (last_) {
    outcome_.page.next_cursor = order_.write_cursor(*last_);
  }
  outcome_.page.as_of = view_.as_of();
  return std::move(outcome_);
}

// ---- Candidates ----

Status Finder::choose(std::size_t entries_max) {
  if (plan_.ids) {
    return ok_status();
  }
  for (const ServableCondition& condition : plan_.conditions) {
    VIBRATO_ASSIGN_OR_RETURN(const std::optional<UsableIndex> index, indexes_.find(condition.path.key));
    if (!index) {
      outcome_.missed_paths.push_back(condition.path.key);
      continue;
    }
    Choice choice{&condition, *index, 0};
    const std::size_t max = best_ ? best_->entries : entries_max;
    VIBRATO_ASSIGN_OR_RETURN(choice.entries, indexes_.count(*index, condition.ranges, max));
    if (choice.entries < max) {
      best_ = choice;
    } else if (!broad_) {
      broad_ = choice;
    }
  }
  return ok_status();
}

Result<bool> Finder::is_one_value(const Choice& choice) {
  const std::vector<ValueRange>& ranges = choice.condition->ranges;
  if (ranges.size() != 2 || ranges[0].to != ranges[0].from + '\0') {
    return false;
  }
  // The second range is that of arrays that have too many elements to list.
  VIBRATO_ASSIGN_OR_RETURN(const std::size_t others, indexes_.count(choice.index, {ranges[1]}, 1));
  return others == 0;
}

Result<std::vector<std::string>> Finder::candidates() {
  if (plan_.ids) {
    return *plan_.ids;
  }
  note_used(best_->index);
  return indexes_.ids(best_->index, best_->condition->ranges, request_.sort.empty() ? id_after() : std::string_view());
}

Status Finder::each_candidate(const std::vector<std::string>& ids, const TakeId& take) {
  auto above = view_.above().lower_bound(row_key_of(id_after()));
  const auto above_id = [&] { return split_key(above->first).id; };
  const auto end = view_.above().end();
  for (auto id = ids.begin(); id != ids.end() || above != end;) {
    const bool from_above = id == ids.end() || (above != end && above_id() <= *id);
    const std::string one(from_above ? above_id() : std::string_view(*id));
    if (from_above) {
      id += id != ids.end() && *id == one ? 1 : 0;
      ++above;
    } else {
      ++id;
    }
    if (request_.sort.empty() && one <= id_after()) {
      continue;
    }
    VIBRATO_ASSIGN_OR_RETURN(const bool wants_more, take(one));
    if (!wants_more) {
      break;
    }
  }
  return ok_status();
}

// ---- In the order of ids ----

Status Finder::find_by_id() {
  const TakeId take = [this](const std::string& id) -> Result<bool> {
    VIBRATO_ASSIGN_OR_RETURN(const overlay::RowPtr row, row_of(id));
    return row == nullptr ? Result<bool>(true) : add_to_page(id, row);
  };
  const bool is_short = plan_.ids || (best_ && best_->entries <= tuning_.listed_at_once);
  if (const std::optional<Choice>& choice = best_ ? best_ : broad_; choice && !is_short) {
    VIBRATO_ASSIGN_OR_RETURN(const bool is_one, is_one_value(*choice));
    if (is_one) {
      return walk_one_value(*choice);
    }
  }
  if (is_short || best_) {
    VIBRATO_ASSIGN_OR_RETURN(const std::vector<std::string> ids, candidates());
    return each_candidate(ids, take);
  }
  return scan_by_id();
}

// The ids of the index one by one, and before each the rows above the file that come before it.
Status Finder::walk_one_value(const Choice& choice) {
  note_used(choice.index);
  auto above = view_.above().upper_bound(row_key_of(id_after()));
  bool wants_more = true;
  const auto take_above = [&](const std::string* until) -> Status {
    for (; wants_more && above != view_.above().end(); ++above) {
      const std::string_view id = split_key(above->first).id;
      if (until != nullptr && id >= *until) {
        break;
      }
      if (!above->second->is_deleted) {
        VIBRATO_ASSIGN_OR_RETURN(wants_more, add_to_page(std::string(id), above->second));
      }
    }
    return ok_status();
  };
  const TakeId take = [&](const std::string& id) -> Result<bool> {
    VIBRATO_RETURN_IF_ERROR(take_above(&id));
    if (wants_more && !is_above(id)) {
      VIBRATO_ASSIGN_OR_RETURN(const overlay::RowPtr row, row_of(id));
      if (row != nullptr) {
        VIBRATO_ASSIGN_OR_RETURN(wants_more, add_to_page(id, row));
      }
    }
    return wants_more;
  };
  VIBRATO_RETURN_IF_ERROR(
      indexes_.each_of_value(choice.index, choice.condition->ranges[0].from, id_after(), false, take));
  return take_above(nullptr);
}

Status Finder::scan_by_id() {
  // Ids have no byte 0, so this is above that of the cursor and below the next.
  VIBRATO_RETURN_IF_ERROR(view_.seek(after_ ? row_key_of(after_->id) + '\0' : row_key_of({})));
  for (bool wants_more = true; wants_more;) {
    VIBRATO_ASSIGN_OR_RETURN(const std::optional<overlay::RowEntry> entry, view_.next());
    if (!entry) {
      break;
    }
    VIBRATO_ASSIGN_OR_RETURN(wants_more, add_to_page(std::string(split_key(entry->key).id), entry->row));
  }
  return ok_status();
}

Result<bool> Finder::add_to_page(const std::string& id, const overlay::RowPtr& row) {
  VIBRATO_ASSIGN_OR_RETURN(const bool is_match, matches(id, *row));
  if (!is_match) {
    return true;
  }
  std::vector<Document>& documents = outcome_.page.documents;
  if (documents.size() == request_.limit || (!documents.empty() && page_bytes_ > request_.bytes_max)) {
    last_ = Place{{}, documents.back().id};
    return false;
  }
  page_bytes_ += id.size() + row->value.size();
  documents.push_back({id, row});
  return true;
}

// ---- Sorted ----

Status Finder::find_sorted() {
  if (request_.sort.size() == 1) {
    const std::string& path = request_.sort.front().path.key;
    VIBRATO_ASSIGN_OR_RETURN(const std::optional<UsableIndex> index, indexes_.find(path));
    if (!index) {
      outcome_.missed_paths.push_back(path);
    } else if (!index->has_cut_text && !plan_.ids && !(best_ && best_->entries <= tuning_.listed_at_once)) {
      const std::size_t visits_max =
          best_ ? std::clamp(best_->entries / 4, tuning_.visits_min, tuning_.visits_max) : tuning_.visits_max;
      VIBRATO_ASSIGN_OR_RETURN(const bool is_done, walk_sort_index(*index, visits_max));
      if (is_done) {
        return make_page();
      }
      forget_places();
    }
  }
  if (plan_.ids || best_) {
    VIBRATO_ASSIGN_OR_RETURN(const std::vector<std::string> ids, candidates());
    const TakeId take = [this](const std::string& id) -> Result<bool> {
      VIBRATO_ASSIGN_OR_RETURN(const overlay::RowPtr row, row_of(id));
      if (row != nullptr) {
        VIBRATO_RETURN_IF_ERROR(offer(id, row).status());
      }
      return true;
    };
    VIBRATO_RETURN_IF_ERROR(each_candidate(ids, take));
  } else {
    VIBRATO_RETURN_IF_ERROR(scan_sorted());
  }
  return make_page();
}

// The value behind `value` in the order of the sort, or the first at or behind the cursor. Entries of elements have
// values as well that no document is sorted by: those are passed over by who asks for their ids.
Result<std::optional<std::string>> Finder::next_sort_value(const UsableIndex& index,
                                                           const std::optional<std::string>& value) {
  const std::string absent = key_of(ValueKind::kAbsent);
  const bool descending = request_.sort.front().descending;
  const std::string* from = value ? &*value : after_ ? &after_->values.front() : nullptr;
  if (value && is_absent(*value)) {
    return std::optional<std::string>();
  }
  if (!descending) {
    const std::string first = from == nullptr ? key_of(ValueKind::kNull) : value ? *from + '\0' : *from;
    return indexes_.least(index, {first, range_of(ValueKind::kAbsent).to});
  }
  if (from == nullptr || !is_absent(*from)) {
    const std::string end = from == nullptr ? absent : value ? *from : *from + '\0';
    VIBRATO_ASSIGN_OR_RETURN(std::optional<std::string> found,
                             indexes_.greatest(index, {key_of(ValueKind::kNull), end}));
    if (found) {
      return found;
    }
  }
  return std::optional(absent);
}

Result<bool> Finder::walk_sort_index(const UsableIndex& index, std::size_t visits_max) {
  note_used(index);
  for (const auto& [key, row] : view_.above()) {
    if (!row->is_deleted) {
      VIBRATO_RETURN_IF_ERROR(offer(std::string(split_key(key).id), row).status());
    }
  }
  std::size_t visits = 0;
  bool is_done = false;
  const TakeId take = [&](const std::string& id) -> Result<bool> {
    if (++visits > visits_max) {
      return false;
    }
    if (is_above(id)) {
      return true;
    }
    VIBRATO_ASSIGN_OR_RETURN(const overlay::RowPtr row, row_of(id));
    if (row != nullptr) {
      VIBRATO_ASSIGN_OR_RETURN(const bool is_among_best, offer(id, row));
      is_done = !is_among_best;
    }
    return !is_done;
  };
  std::optional<std::string> value;
  while (!is_done && visits <= visits_max) {
    VIBRATO_ASSIGN_OR_RETURN(value, next_sort_value(index, value));
    if (!value) {
      return true;
    }
    const bool has_cursor = after_ && after_->values.front() == *value;
    VIBRATO_RETURN_IF_ERROR(indexes_.each_of_value(index, *value, has_cursor ? after_->id : std::string(), true, take));
    ++visits;
  }
  return is_done;
}

Status Finder::scan_sorted() {
  VIBRATO_RETURN_IF_ERROR(view_.seek(row_key_of({})));
  for (;;) {
    VIBRATO_ASSIGN_OR_RETURN(const std::optional<overlay::RowEntry> entry, view_.next());
    if (!entry) {
      return ok_status();
    }
    VIBRATO_RETURN_IF_ERROR(offer(std::string(split_key(entry->key).id), entry->row).status());
  }
}

// Keeps one place more than the page has, which says whether there is another page. False if the document matches and
// its place is behind all that are kept.
Result<bool> Finder::offer(const std::string& id, const overlay::RowPtr& row) {
  VIBRATO_ASSIGN_OR_RETURN(const bool is_match, matches(id, *row));
  if (!is_match) {
    return true;
  }
  VIBRATO_ASSIGN_OR_RETURN(Place place, place_of(id, *row));
  if (after_ && !order_.is_before(*after_, place)) {
    return true;
  }
  const auto is_before = [this](const Place& a, const Place& b) { return order_.is_before(a, b); };
  if (places_.size() > request_.limit) {
    if (!order_.is_before(place, places_.front())) {
      return false;
    }
    std::pop_heap(places_.begin(), places_.end(), is_before);
    places_bytes_ -= places_.back().bytes();
    places_.pop_back();
  }
  places_bytes_ += place.bytes();
  places_.push_back(std::move(place));
  std::push_heap(places_.begin(), places_.end(), is_before);
  if (places_bytes_ > limits::kSortBytesMax) {
    return Status(ErrorCode::kPayloadTooLarge,
                  "sort: the values that a page is sorted by are too long in all; ask with a smaller limit");
  }
  return true;
}

Status Finder::make_page() {
  std::sort_heap(places_.begin(), places_.end(),
                 [this](const Place& a, const Place& b) { return order_.is_before(a, b); });
  std::vector<Document>& documents = outcome_.page.documents;
  for (const Place& place : places_) {
    if (documents.size() == request_.limit || (!documents.empty() && page_bytes_ > request_.bytes_max)) {
      last_ = places_[documents.size() - 1];
      break;
    }
    VIBRATO_ASSIGN_OR_RETURN(overlay::RowPtr row, row_of(place.id));
    VIBRATO_CHECK(row != nullptr);
    page_bytes_ += place.id.size() + row->value.size();
    documents.push_back({place.id, std::move(row)});
  }
  return ok_status();
}

void Finder::forget_places() {
  places_.clear();
  places_bytes_ = 0;
}

// ---- Rows ----

std::string Finder::row_key_of(std::string_view id) const {
  return row_key(collection_, id);
}

bool Finder::is_above(const std::string& id) const {
  return view_.above().contains(row_key_of(id));
}

std::string_view Finder::id_after() const {
  return after_ && request_.sort.empty() ? std::string_view(after_->id) : std::string_view();
}

Result<bool> Finder::matches(const std::string& id, const overlay::Row& row) {
  unchecked_bytes_ += row.value.size();
  if (++outcome_.page.examined % kRowsBetweenChecks == 0 || unchecked_bytes_ >= kBytesBetweenChecks) {
    unchecked_bytes_ = 0;
    VIBRATO_RETURN_IF_ERROR(request_.deadline.check());
  }
  if (!matcher_) {
    return true;
  }
  Result<bool> is_match = matcher_->matches(PointIdView{true, 0, id}, row.value);
  return is_match.ok() ? is_match : is_match.status().with_context("document " + collection_ + "/" + id);
}

Result<Place> Finder::place_of(const std::string& id, const overlay::Row& row) {
  simdjson::dom::element root;
  if (parser_.parse(row.value).get(root) != simdjson::SUCCESS) {
    return corruption("document " + collection_ + "/" + id + " is no JSON");
  }
  Place place{{}, id};
  for (const SortKey& key : request_.sort) {
    place.values.push_back(sort_value_of(root, key.path));
  }
  return place;
}

void Finder::note_used(const UsableIndex& index) {
  outcome_.used_indexes.push_back(index.number);
  outcome_.page.used_index = true;
}

}  // namespace vibrato::doc
