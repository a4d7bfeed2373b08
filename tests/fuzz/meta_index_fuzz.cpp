// Any bytes as the meta index of a segment: every question that filters and facets ask of it has an error for an
// answer, or a set of rows of the segment, and nothing outside the bytes is read.
//
// Input: u32 rows, then the index.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/check.hpp>

#include "filter/facet.hpp"
#include "filter/meta_value.hpp"
#include "filter/select.hpp"
#include "format/little_endian.hpp"
#include "fuzz/exact_bytes.hpp"

namespace {

using namespace vibrato;
using filter::FieldPath;
using filter::Number;
using filter::RowSet;

constexpr std::uint32_t kRowsMax = 100'000;
constexpr std::uint32_t kFieldsMax = 8;

void check_set(const RowSet& set, std::uint32_t rows) {
  std::vector<std::uint32_t> list;
  set.append_to(list);
  VIBRATO_CHECK(set.row_count() == rows && list.size() == set.size());
  VIBRATO_CHECK(std::is_sorted(list.begin(), list.end()) && (list.empty() || list.back() < rows));
}

void ask(const filter::Filter& filter, const format::MetaIndexView& index) {
  const filter::RowsOfIds no_ids = [](const std::vector<PointId>& /*ids*/, std::vector<std::uint32_t>& /*rows*/) {
    return ok_status();
  };
  const auto selection = filter::select(filter, &index, index.row_count(), no_ids);
  if (selection.ok()) {
    check_set(selection->certain, index.row_count());
    check_set(selection->doubtful, index.row_count());
    VIBRATO_CHECK(selection->certain.intersected_with(selection->doubtful).empty());
  }
}

void ask_all(const FieldPath& path, const std::string& text, const format::MetaIndexView& index) {
  using filter::Bound;
  const std::vector<filter::Scalar> values = {false, true, Number::from_double(1), text};
  ask({filter::MatchAny{path, values}}, index);
  ask({filter::MatchExcept{path, values}}, index);
  ask({filter::MatchPrefix{path, text}}, index);
  ask({filter::MatchPrefix{path, ""}}, index);
  ask({filter::Range<Number>{path, Bound<Number>{Number::from_double(-1e9), true}, {}}}, index);
  ask({filter::Range<Number>{path, {}, Bound<Number>{Number::from_signed(1000), false}}}, index);
  ask({filter::Range<filter::Time>{path, Bound<filter::Time>{{0, 0}, false}, {}}}, index);
  ask({filter::IsNull{path}}, index);
  ask({filter::IsEmpty{path}}, index);
  for (const RowSet& rows : {RowSet::all(index.row_count()), RowSet::of({0, 1, 5}, index.row_count())}) {
    filter::FacetCounts counts;
    const auto unknown = filter::count_values(
        &index, rows, path, [] { return ok_status(); }, counts);
    if (unknown.ok()) check_set(*unknown, index.row_count());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  if (input.size() < sizeof(std::uint32_t)) return 0;
  const std::uint32_t rows = format::load_le<std::uint32_t>(input, 0) % kRowsMax;
  const test::ExactBytes bytes(input.subspan(sizeof(std::uint32_t)));
  const auto index = format::MetaIndexView::open(bytes.bytes(), rows);
  if (!index.ok()) return 0;
  ask_all(filter::path_of("absent"), "", *index);
  for (std::uint32_t i = 0; i < std::min(index->field_count(), kFieldsMax); ++i) {
    const auto field = index->field(i);
    VIBRATO_CHECK(field.ok());
    const auto key = index->key_of(*field);
    if (!key.ok()) continue;
    std::string text = "a";
    if (field->string_count > 0) {
      const auto string = index->string(*field, field->string_count - 1);
      text = string.ok() ? std::string(string->text.substr(0, 64)) : text;
    }
    ask_all(filter::path_of(*key), text, *index);
  }
  return 0;
}
