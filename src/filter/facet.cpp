#include "filter/facet.hpp"

#include <fmt/format.h>
#include <set>
#include <simdjson.h>
#include <string>
#include <utility>

#include "filter/json_path.hpp"
#include "filter/select.hpp"

namespace vibrato::filter {
namespace {

using format::MetaColumnRef;
using format::MetaFieldEntry;
using format::MetaIndexView;
using format::MetaSetKind;
using format::MetaSetRef;

constexpr std::uint32_t kAskEvery = 4096;  // Values between two questions whether to go on.

class Counter {
 public:
  Counter(const MetaIndexView& index, const RowSet& rows, const std::function<Status()>& keep_going,
          FacetCounts& counts)
      : index_(index), rows_(rows), keep_going_(keep_going), counts_(counts) {}

  Status count(const MetaFieldEntry& field) {
    VIBRATO_RETURN_IF_ERROR(add(Scalar(false), field.sets[static_cast<std::size_t>(MetaSetKind::kFalse)]));
    VIBRATO_RETURN_IF_ERROR(add(Scalar(true), field.sets[static_cast<std::size_t>(MetaSetKind::kTrue)]));
    VIBRATO_RETURN_IF_ERROR(count_numbers(field.numbers));
    for (std::uint32_t i = 0; i < field.string_count; ++i) {
      VIBRATO_RETURN_IF_ERROR(ask(i));
      VIBRATO_ASSIGN_OR_RETURN(const auto string, index_.string(field, i));
      VIBRATO_RETURN_IF_ERROR(add(Scalar(std::string(string.text)), string.rows));
    }
    return ok_status();
  }

 private:
  Status ask(std::uint32_t i) const { return i % kAskEvery == kAskEvery - 1 ? keep_going_() : ok_status(); }

  Status add(const Scalar& value, const MetaSetRef& ref) {
    VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t count, common_rows(ref));
    return count > 0 ? counts_.add(value, count) : ok_status();
  }

  // How many of the rows are in a stored set.
  [[nodiscard]] Result<std::uint64_t> common_rows(const MetaSetRef& ref) const {
    if (rows_.size() == rows_.row_count()) {
      return std::uint64_t{ref.count};
    }
    VIBRATO_ASSIGN_OR_RETURN(const RowSet stored, read_set(index_, ref, rows_.row_count()));
    return std::uint64_t{stored.intersected_with(rows_).size()};
  }

  // A column is in the order of its keys, then rows; a row may stand in it twice with one key.
  Status count_numbers(const MetaColumnRef& column) {
    format::OrderKey run;
    std::uint64_t run_rows = 0;
    std::uint32_t last_row = 0;
    VIBRATO_ASSIGN_OR_RETURN(const auto rows, index_.rows_at(column, 0, column.count));
    for (std::uint32_t i = 0; i < column.count; ++i) {
      VIBRATO_RETURN_IF_ERROR(ask(i));
      VIBRATO_ASSIGN_OR_RETURN(const format::OrderKey key, index_.key_at(column, i));
      const bool is_same = i > 0 && key == run;
      if (!is_same) {
        VIBRATO_RETURN_IF_ERROR(add_run(run, run_rows));
        run = key;
        run_rows = 0;
      }
      if (rows_.contains(rows[i]) && (!is_same || rows[i] != last_row)) {
        ++run_rows;
      }
      last_row = rows[i];
    }
    return add_run(run, run_rows);
  }

  Status add_run(const format::OrderKey& key, std::uint64_t rows) {
    return rows > 0 ? counts_.add(Number::from_parts(key.base, static_cast<std::uint16_t>(key.rest)), rows)
                    : ok_status();
  }

  const MetaIndexView& index_;
  const RowSet& rows_;
  const std::function<Status()>& keep_going_;
  FacetCounts& counts_;
};

}  // namespace

std::size_t FacetCounts::bytes_of(const Scalar& value) {
  constexpr std::size_t kNodeBytes = sizeof(std::pair<const Scalar, std::uint64_t>) + 6 * sizeof(void*);
  const auto* const text = std::get_if<std::string>(&value);
  return kNodeBytes + (text == nullptr ? 0 : text->size());
}

Status FacetCounts::add(const Scalar& value, std::uint64_t count) {
  const auto place = counts_.lower_bound(value);
  if (place != counts_.end() && place->first == value) {
    place->second += count;
    return ok_status();
  }
  const std::size_t bytes = bytes_of(value);
  if (bytes > bytes_max_ - bytes_) {
    return {ErrorCode::kPayloadTooLarge,
            fmt::format("field has more than {} different values, all that a facet counts in its {} bytes of memory: "
                        "give a filter that lets fewer points through, or page through them with scroll",
                        counts_.size(), bytes_max_)};
  }
  bytes_ += bytes;
  counts_.emplace_hint(place, value, count);
  return ok_status();
}

Result<RowSet> count_values(const MetaIndexView* index, const RowSet& rows, const FieldPath& path,
                            const std::function<Status()>& keep_going, FacetCounts& counts) {
  if (index == nullptr || rows.empty()) {
    return RowSet::none(rows.row_count());
  }
  VIBRATO_ASSIGN_OR_RETURN(const auto field, index->find_field(path.key));
  if (!field) {
    VIBRATO_ASSIGN_OR_RETURN(const RowSet overflow, read_set(*index, index->overflow(), rows.row_count()));
    return overflow.intersected_with(rows);
  }
  const MetaSetRef& unindexed = field->sets[static_cast<std::size_t>(MetaSetKind::kUnindexed)];
  VIBRATO_ASSIGN_OR_RETURN(const RowSet unknown, read_set(*index, unindexed, rows.row_count()));
  const RowSet known = rows.without(unknown);
  VIBRATO_RETURN_IF_ERROR(Counter(*index, known, keep_going, counts).count(*field));
  return unknown.intersected_with(rows);
}

class ValueCounter::Impl {
 public:
  Impl(const FieldPath& path, FacetCounts& counts) : path_(path), counts_(counts) {}

  Status add(std::string_view meta_json) {
    if (meta_json.empty()) {
      return ok_status();
    }
    simdjson::dom::element root;
    if (parser_.parse(meta_json.data(), meta_json.size()).get(root) != simdjson::SUCCESS) {
      return corruption("the stored meta of a point is no JSON");
    }
    std::set<Scalar> values;
    static_cast<void>(any_scalar(at_path(root, path_), [&](const Scalar& value) {
      values.insert(value);
      return false;  // All of them.
    }));
    for (const Scalar& value : values) {
      VIBRATO_RETURN_IF_ERROR(counts_.add(value, 1));
    }
    return ok_status();
  }

 private:
  const FieldPath& path_;
  FacetCounts& counts_;
  simdjson::dom::parser parser_;
};

ValueCounter::ValueCounter(const FieldPath& path, FacetCounts& counts) : impl_(std::make_unique<Impl>(path, counts)) {}

ValueCounter::~ValueCounter() = default;

Status ValueCounter::add(std::string_view meta_json) {
  return impl_->add(meta_json);
}

}  // namespace vibrato::filter
