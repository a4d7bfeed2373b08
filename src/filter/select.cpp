#include "filter/select.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "filter/order_key.hpp"

namespace vibrato::filter {
namespace {

using format::MetaColumnRef;
using format::MetaFieldEntry;
using format::MetaIndexView;
using format::MetaSetKind;
using format::MetaSetRef;
using RowNumbers = std::vector<std::uint32_t>;

Selection negated(Selection a) {
  a.certain.unite_with(a.doubtful);
  a.certain.invert();
  return a;
}

Selection both(Selection a, const Selection& b) {
  if (a.doubtful.empty() && b.doubtful.empty()) {
    a.certain.intersect_with(b.certain);
    return a;
  }
  RowSet possible = a.certain.united_with(a.doubtful).intersected_with(b.certain.united_with(b.doubtful));
  a.certain.intersect_with(b.certain);
  possible.subtract(a.certain);
  return {std::move(a.certain), std::move(possible)};
}

Selection either(Selection a, const Selection& b) {
  a.certain.unite_with(b.certain);
  a.doubtful.unite_with(b.doubtful);
  a.doubtful.subtract(a.certain);
  return a;
}

// Positions of a column.
struct Positions {
  std::uint32_t first = 0;
  std::uint32_t end = 0;
};

class Selector {
 public:
  Selector(const MetaIndexView* index, std::uint32_t row_count, const RowsOfIds& rows_of_ids)
      : index_(index), row_count_(row_count), rows_of_ids_(rows_of_ids) {}

  Result<Selection> select(const Condition& condition) const {
    return std::visit([this](const auto& test) { return (*this)(test); }, condition.test);
  }

  Result<Selection> operator()(const Group& group) const {
    std::optional<Selection> result;
    const auto narrow = [&result](Selection one) { result = result ? both(*std::move(result), one) : std::move(one); };
    for (const Condition& condition : group.must) {
      VIBRATO_ASSIGN_OR_RETURN(Selection one, select(condition));
      narrow(std::move(one));
    }
    for (const Condition& condition : group.must_not) {
      VIBRATO_ASSIGN_OR_RETURN(Selection one, select(condition));
      narrow(negated(std::move(one)));
    }
    if (!group.should.empty()) {
      Selection any{none(), none()};
      for (const Condition& condition : group.should) {
        VIBRATO_ASSIGN_OR_RETURN(const Selection one, select(condition));
        any = either(std::move(any), one);
      }
      narrow(std::move(any));
    }
    return result ? *std::move(result) : Selection{RowSet::all(row_count_), none()};
  }

  Result<Selection> operator()(const MatchAny& test) const {
    return of_field(test.path, [&](const MetaFieldEntry& field) { return listed(field, test.values); });
  }

  Result<Selection> operator()(const MatchExcept& test) const {
    const auto select_field = [&](const MetaFieldEntry& field) -> Result<Selection> {
      VIBRATO_ASSIGN_OR_RETURN(RowSet present, set(field, MetaSetKind::kPresent));
      VIBRATO_ASSIGN_OR_RETURN(Selection excluded, listed(field, test.values));
      return both({std::move(present), none()}, negated(std::move(excluded)));
    };
    return of_field(test.path, select_field);
  }

  Result<Selection> operator()(const MatchPrefix& test) const {
    const auto select_field = [&](const MetaFieldEntry& field) -> Result<Selection> {
      VIBRATO_ASSIGN_OR_RETURN(std::uint32_t at, index_->lower_bound(field, test.prefix));
      Gathered found(*this);
      for (; at < field.string_count; ++at) {
        VIBRATO_ASSIGN_OR_RETURN(const auto string, index_->string(field, at));
        if (!string.text.starts_with(test.prefix)) {
          break;
        }
        VIBRATO_RETURN_IF_ERROR(found.add(string.rows));
      }
      return with_unindexed(field, found.take());
    };
    return of_field(test.path, select_field);
  }

  Result<Selection> operator()(const Range<Number>& test) const {
    return of_field(test.path, [&](const MetaFieldEntry& field) -> Result<Selection> {
      VIBRATO_ASSIGN_OR_RETURN(RowSet rows, in_range(field.numbers, test));
      return Selection{std::move(rows), none()};
    });
  }

  Result<Selection> operator()(const Range<Time>& test) const {
    return of_field(test.path, [&](const MetaFieldEntry& field) -> Result<Selection> {
      VIBRATO_ASSIGN_OR_RETURN(RowSet rows, in_range(field.times, test));
      return Selection{std::move(rows), none()};
    });
  }

  Result<Selection> operator()(const HasId& test) const {
    RowNumbers rows;
    VIBRATO_RETURN_IF_ERROR(rows_of_ids_(test.ids, rows));
    return Selection{RowSet::of(std::move(rows), row_count_), none()};
  }

  Result<Selection> operator()(const IsNull& test) const {
    return of_field(test.path, [&](const MetaFieldEntry& field) -> Result<Selection> {
      VIBRATO_ASSIGN_OR_RETURN(RowSet rows, set(field, MetaSetKind::kNull));
      return Selection{std::move(rows), none()};
    });
  }

  // What is not empty is present, and neither null nor [].
  Result<Selection> operator()(const IsEmpty& test) const {
    const auto filled = [&](const MetaFieldEntry& field) -> Result<Selection> {
      VIBRATO_ASSIGN_OR_RETURN(RowSet present, set(field, MetaSetKind::kPresent));
      VIBRATO_ASSIGN_OR_RETURN(const RowSet nulls, set(field, MetaSetKind::kNull));
      VIBRATO_ASSIGN_OR_RETURN(const RowSet empties, set(field, MetaSetKind::kEmptyArray));
      present.subtract(nulls);
      present.subtract(empties);
      return Selection{std::move(present), none()};
    };
    VIBRATO_ASSIGN_OR_RETURN(Selection not_empty, of_field(test.path, filled));
    return negated(std::move(not_empty));
  }

 private:
  // Rows of many sets, united.
  class Gathered {
   public:
    explicit Gathered(const Selector& selector) : selector_(selector), rows_(selector.row_count_) {}

    Status add(const MetaSetRef& ref) {
      if (ref.count > format::kMetaListMax) {
        VIBRATO_ASSIGN_OR_RETURN(const format::RoaringReader stored, selector_.index_->bitmap(ref));
        rows_.add(stored, ref.count);
        return ok_status();
      }
      VIBRATO_ASSIGN_OR_RETURN(const RowNumbers rows, selector_.index_->list(ref));
      rows_.add(rows);
      return ok_status();
    }
    // The rows of one set that are not in the other.
    Status add_difference(const MetaSetRef& ref, const MetaSetRef& less) {
      if (std::min(ref.count, less.count) > format::kMetaListMax) {
        VIBRATO_ASSIGN_OR_RETURN(const format::RoaringReader stored, selector_.index_->bitmap(ref));
        VIBRATO_ASSIGN_OR_RETURN(const format::RoaringReader without, selector_.index_->bitmap(less));
        rows_.add_difference(stored, without);
        return ok_status();
      }
      VIBRATO_ASSIGN_OR_RETURN(RowSet rows, selector_.set(ref));
      VIBRATO_ASSIGN_OR_RETURN(const RowSet without, selector_.set(less));
      rows.subtract(without);
      rows_.add(std::move(rows));
      return ok_status();
    }
    void add(std::span<const std::uint32_t> rows) { rows_.add(rows); }

    RowSet take() { return rows_.take(); }

   private:
    const Selector& selector_;
    RowSetBuilder rows_;
  };

  [[nodiscard]] RowSet none() const { return RowSet::none(row_count_); }

  [[nodiscard]] Result<RowSet> set(const MetaSetRef& ref) const { return read_set(*index_, ref, row_count_); }
  [[nodiscard]] Result<RowSet> set(const MetaFieldEntry& field, MetaSetKind kind) const {
    return set(field.sets[static_cast<std::size_t>(kind)]);
  }

  // A key without a field is absent, but for rows with keys past the cap.
  template <typename SelectField>
  [[nodiscard]] Result<Selection> of_field(const FieldPath& path, const SelectField& select_field) const {
    if (index_ == nullptr) {
      return Selection{none(), none()};
    }
    VIBRATO_ASSIGN_OR_RETURN(const auto field, index_->find_field(path.key));
    if (field) {
      return select_field(*field);
    }
    VIBRATO_ASSIGN_OR_RETURN(RowSet overflow, set(index_->overflow()));
    return Selection{none(), std::move(overflow)};
  }

  [[nodiscard]] Result<Selection> with_unindexed(const MetaFieldEntry& field, RowSet certain) const {
    VIBRATO_ASSIGN_OR_RETURN(RowSet unindexed, set(field, MetaSetKind::kUnindexed));
    unindexed.subtract(certain);
    return Selection{std::move(certain), std::move(unindexed)};
  }

  // Rows whose value, or an element, is one of these.
  [[nodiscard]] Result<Selection> listed(const MetaFieldEntry& field, const std::vector<Scalar>& values) const {
    Gathered found(*this);
    bool has_strings = false;
    for (const Scalar& value : values) {
      if (const bool* flag = std::get_if<bool>(&value)) {
        const auto kind = *flag ? MetaSetKind::kTrue : MetaSetKind::kFalse;
        VIBRATO_RETURN_IF_ERROR(found.add(field.sets[static_cast<std::size_t>(kind)]));
      } else if (const Number* number = std::get_if<Number>(&value)) {
        const Range<Number> just{{}, Bound<Number>{*number, true}, Bound<Number>{*number, true}};
        VIBRATO_RETURN_IF_ERROR(add_range(field.numbers, just, found));
      } else {
        has_strings = true;
        VIBRATO_RETURN_IF_ERROR(add_string(field, std::get<std::string>(value), found));
      }
    }
    return has_strings ? with_unindexed(field, found.take()) : Selection{found.take(), none()};
  }

  Status add_string(const MetaFieldEntry& field, const std::string& text, Gathered& found) const {
    VIBRATO_ASSIGN_OR_RETURN(const std::uint32_t at, index_->lower_bound(field, text));
    if (at < field.string_count) {
      VIBRATO_ASSIGN_OR_RETURN(const auto string, index_->string(field, at));
      if (string.text == text) {
        return found.add(string.rows);
      }
    }
    return ok_status();
  }

  template <typename T>
  [[nodiscard]] Result<RowSet> in_range(const MetaColumnRef& column, const Range<T>& range) const {
    Gathered found(*this);
    VIBRATO_RETURN_IF_ERROR(add_range(column, range, found));
    return found.take();
  }

  template <typename T>
  Status add_range(const MetaColumnRef& column, const Range<T>& range, Gathered& found) const {
    Positions positions{0, column.count};
    if (range.low) {
      VIBRATO_ASSIGN_OR_RETURN(positions.first,
                               index_->lower_bound(column, order_key(range.low->value), !range.low->inclusive));
    }
    if (range.high) {
      VIBRATO_ASSIGN_OR_RETURN(positions.end,
                               index_->lower_bound(column, order_key(range.high->value), range.high->inclusive));
    }
    return positions.first < positions.end ? add_positions(column, positions, found) : ok_status();
  }

  // From one cut to another by their sets, the rest row by row.
  Status add_positions(const MetaColumnRef& column, Positions positions, Gathered& found) const {
    const std::uint32_t step = column.cut_step;
    if (step != 0) {
      // Cut i ends at position (i + 1) * step.
      const auto first_cut = static_cast<std::uint32_t>((std::uint64_t{positions.first} + step - 1) / step);
      const std::uint32_t end_cut = std::min(positions.end / step, column.cut_count);
      if (first_cut < end_cut) {
        VIBRATO_RETURN_IF_ERROR(add_between_cuts(column, first_cut, end_cut, found));
        VIBRATO_RETURN_IF_ERROR(add_rows(column, {positions.first, first_cut * step}, found));
        return add_rows(column, {end_cut * step, positions.end}, found);
      }
    }
    return add_rows(column, positions, found);
  }

  // Rows of the positions [first * step, end * step).
  Status add_between_cuts(const MetaColumnRef& column, std::uint32_t first, std::uint32_t end, Gathered& found) const {
    if (column.is_single != 0) {
      VIBRATO_ASSIGN_OR_RETURN(const MetaSetRef up_to_end, index_->cut(column, end - 1));
      if (first == 0) {
        return found.add(up_to_end);
      }
      VIBRATO_ASSIGN_OR_RETURN(const MetaSetRef up_to_first, index_->cut(column, first - 1));
      return found.add_difference(up_to_end, up_to_first);
    }
    for (std::uint32_t i = first; i < end; ++i) {
      VIBRATO_ASSIGN_OR_RETURN(const MetaSetRef ref, index_->cut(column, i));
      VIBRATO_RETURN_IF_ERROR(found.add(ref));
    }
    return ok_status();
  }

  Status add_rows(const MetaColumnRef& column, Positions positions, Gathered& found) const {
    VIBRATO_ASSIGN_OR_RETURN(const auto rows, index_->rows_at(column, positions.first, positions.end));
    found.add(rows);
    return ok_status();
  }

  const MetaIndexView* index_;
  const std::uint32_t row_count_;
  const RowsOfIds& rows_of_ids_;
};

}  // namespace

Result<Selection> select(const Filter& filter, const MetaIndexView* index, std::uint32_t row_count,
                         const RowsOfIds& rows_of_ids) {
  return Selector(index, row_count, rows_of_ids).select(filter);
}

Result<RowSet> read_set(const MetaIndexView& index, const MetaSetRef& ref, std::uint32_t row_count) {
  if (ref.count <= format::kMetaListMax) {
    VIBRATO_ASSIGN_OR_RETURN(RowNumbers rows, index.list(ref));
    return RowSet::of(std::move(rows), row_count);
  }
  VIBRATO_ASSIGN_OR_RETURN(const format::RoaringReader stored, index.bitmap(ref));
  return RowSet::of(stored, ref.count, row_count);
}

}  // namespace vibrato::filter
