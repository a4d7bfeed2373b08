// Any bytes as a filter over made rows: the parser is total, and what the index selects, and counts, is what the
// matcher finds row by row, with the caps of the index far and near.
//
// Input: the filter in the first line, then the meta of a row a line, empty for none. The rows have the ids 0, "1", 2,
// "3", ...
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <simdjson.h>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/check.hpp>

#include "base/limits.hpp"
#include "filter/facet.hpp"
#include "filter/matcher.hpp"
#include "filter/meta_index_builder.hpp"
#include "filter/parse_filter.hpp"
#include "filter/select.hpp"
#include "fuzz/exact_bytes.hpp"

namespace {

using namespace vibrato;
using filter::RowSet;

constexpr std::size_t kRowsMax = 200;

PointId id_of(std::uint32_t row) {
  return row % 2 == 0 ? PointId(std::uint64_t{row}) : PointId(std::to_string(row));
}

struct Rows {
  std::vector<std::string> metas;  // Valid JSON, or empty.

  [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(metas.size()); }
};

std::optional<simdjson::dom::element> parse(simdjson::dom::parser& parser, const std::string& text) {
  // As deep as requests may be.
  if (parser.allocate(text.size() + simdjson::SIMDJSON_PADDING, limits::kJsonDepthMax) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  simdjson::dom::element json;
  return parser.parse(text).get(json) == simdjson::SUCCESS ? std::optional(json) : std::nullopt;
}

std::string next_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string line(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

Rows read_rows(std::string_view text) {
  Rows rows;
  simdjson::dom::parser parser;
  while (!text.empty() && rows.metas.size() < kRowsMax) {
    std::string line = next_line(text);
    const bool is_valid = !line.empty() && parse(parser, line).has_value();
    rows.metas.push_back(is_valid ? std::move(line) : std::string());
  }
  return rows;
}

RowSet matching(const filter::Filter& filter, const Rows& rows) {
  filter::Matcher matcher(filter);
  std::vector<std::uint32_t> found;
  for (std::uint32_t row = 0; row < rows.count(); ++row) {
    const PointId id = id_of(row);
    const auto matches = matcher.matches(id.view(), rows.metas[row]);
    VIBRATO_CHECK(matches.ok());
    if (*matches) found.push_back(row);
  }
  return RowSet::of(std::move(found), rows.count());
}

// What the index says of a filter is right: certain rows match, rows in neither set do not.
void check_selection(const filter::Filter& filter, const format::MetaIndexView& index, const Rows& rows) {
  const filter::RowsOfIds with_ids = [&](const std::vector<PointId>& ids, std::vector<std::uint32_t>& found) {
    for (std::uint32_t row = 0; row < rows.count(); ++row) {
      if (std::binary_search(ids.begin(), ids.end(), id_of(row))) found.push_back(row);
    }
    return ok_status();
  };
  const auto selection = filter::select(filter, &index, rows.count(), with_ids);
  VIBRATO_CHECK(selection.ok());
  const RowSet truth = matching(filter, rows);
  VIBRATO_CHECK(selection->certain.without(truth).empty());
  VIBRATO_CHECK(truth.without(selection->certain).without(selection->doubtful).empty());
  VIBRATO_CHECK(selection->certain.intersected_with(selection->doubtful).empty());
}

void check_counts(const filter::FieldPath& path, const format::MetaIndexView& index, const Rows& rows) {
  filter::FacetCounts truth;
  filter::FacetCounts counts;
  filter::ValueCounter by_row(path, truth);
  filter::ValueCounter rest(path, counts);
  const auto unknown = filter::count_values(
      &index, RowSet::all(rows.count()), path, [] { return ok_status(); }, counts);
  VIBRATO_CHECK(unknown.ok());
  for (std::uint32_t row = 0; row < rows.count(); ++row) {
    VIBRATO_CHECK(by_row.add(rows.metas[row]).ok());
    VIBRATO_CHECK(!unknown->contains(row) || rest.add(rows.metas[row]).ok());
  }
  VIBRATO_CHECK(counts == truth);
}

void check(const filter::Filter& filter, const Rows& rows, const filter::MetaIndexCaps& caps) {
  filter::MetaIndexBuilder builder(caps);
  for (const std::string& meta : rows.metas) {
    VIBRATO_CHECK(builder.add(meta).ok());
  }
  const test::ExactBytes bytes(builder.finish());
  const auto index = format::MetaIndexView::open(bytes.bytes(), rows.count());
  VIBRATO_CHECK(index.ok());
  check_selection(filter, *index, rows);
  for (std::uint32_t i = 0; i < index->field_count(); ++i) {
    const auto key = index->key_of(index->field(i).value());
    VIBRATO_CHECK(key.ok());
    if (const auto path = filter::parse_path(*key, "key"); path.ok()) {
      check_counts(*path, *index, rows);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  simdjson::dom::parser parser;
  const std::string line = next_line(text);
  const auto json = parse(parser, line);
  if (!json) return 0;
  static_cast<void>(filter::parse_equalities(*json));
  const auto filter = filter::parse_filter(*json);
  if (!filter.ok()) {
    VIBRATO_CHECK(filter.status().code() == ErrorCode::kInvalidFilter);
    return 0;
  }
  const Rows rows = read_rows(text);
  check(*filter, rows, {});
  check(*filter, rows, {.fields = 2, .strings_a_field = 2});
  return 0;
}
