#include "filter/select.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <random>
#include <string>

#include "filter/matcher.hpp"
#include "filter/meta_index_builder.hpp"
#include "filter/parse_filter.hpp"
#include "format/meta_index_writer.hpp"

namespace vibrato::filter {
namespace {

using Random = std::mt19937;

std::uint32_t below(Random& random, std::uint32_t bound) {
  return static_cast<std::uint32_t>(random() % bound);
}

template <typename T, std::size_t kCount>
T one_of(Random& random, const T (&choices)[kCount]) {
  return choices[random() % kCount];
}

constexpr const char* kKeys[] = {"a", "b", "c", "d", "a.b", "a.c", "a.b.c", "b.a", "z", "x."};

std::string made_scalar(Random& random) {
  switch (below(random, 8)) {
    case 0:
      return one_of(random, {"true", "false"});
    case 1:
      return fmt::format("{}", below(random, 12));
    case 2:
      return fmt::format("{}.5", static_cast<int>(below(random, 12)) - 6);
    case 3:
      return one_of(random, {"9007199254740992", "9007199254740993", "18446744073709551615", "-9223372036854775807"});
    case 4:
      return fmt::format("\"2026-11-{:02}T00:00:00{}\"", 1 + below(random, 28), one_of(random, {"Z", "+02:00", ".5Z"}));
    case 5:
      return fmt::format("\"{}\"", std::string(250 + below(random, 12), 'l'));
    default:
      return fmt::format("\"{}{}\"", one_of(random, {"ro", "ja", ""}), below(random, 6));
  }
}

std::string made_value(Random& random, int depth) {
  const std::uint32_t kind = below(random, 10);
  if (kind == 0) {
    return "null";
  }
  if (kind <= 2 || (kind <= 5 && depth == 0)) {
    std::string items;
    for (std::uint32_t count = below(random, 4); count > 0; --count) {
      items.append(items.empty() ? "" : ",")
          .append(below(random, 8) == 0 ? made_value(random, 0) : made_scalar(random));
    }
    return fmt::format("[{}]", items);
  }
  if (kind <= 5) {
    std::string fields;
    for (std::uint32_t count = below(random, 5); count > 0; --count) {
      fields += fmt::format("{}\"{}\":{}", fields.empty() ? "" : ",", one_of(random, {"a", "b", "c", "a.b", ""}),
                            made_value(random, depth - 1));
    }
    return fmt::format("{{{}}}", fields);
  }
  return made_scalar(random);
}

std::string made_meta(Random& random) {
  if (below(random, 12) == 0) {
    return one_of(random, {"", "null", "[1]", "\"a\"", "{}"});
  }
  std::string fields;
  const std::uint32_t wide = below(random, 20) == 0 ? 30 : 0;  // More fields than are compared one with the other.
  for (std::uint32_t count = wide + below(random, 6); count > 0; --count) {
    fields += fmt::format("{}\"{}\":{}", fields.empty() ? "" : ",", one_of(random, {"a", "b", "c", "d", "e", "x"}),
                          made_value(random, 3));
  }
  return fmt::format("{{{}}}", fields);
}

std::string made_condition(Random& random, int depth) {
  const char* key = one_of(random, kKeys);
  const auto list = [&](const std::string& first) {
    std::string items = first;
    for (std::uint32_t count = below(random, 4); count > 0; --count) {
      items.append(items.empty() ? "" : ",").append(made_scalar(random));
    }
    return fmt::format("[{}]", items);
  };
  switch (below(random, depth > 0 ? 12 : 9)) {
    case 0:
      return fmt::format(R"({{"key":"{}","match":{{"value":{}}}}})", key, made_scalar(random));
    case 1:
      return fmt::format(R"({{"key":"{}","match":{{"any":{}}}}})", key, list(""));
    case 2:
      return fmt::format(R"({{"key":"{}","match":{{"except":{}}}}})", key, list(""));
    case 3:
      return fmt::format(R"({{"key":"{}","match":{{"prefix":"{}"}}}})", key,
                         one_of(random, {"", "r", "ro1", "l", "2"}));
    case 4:
    case 5:
      return fmt::format(R"({{"key":"{}","range":{{"{}":{},"{}":{}}}}})", key, one_of(random, {"gt", "gte"}),
                         static_cast<int>(below(random, 14)) - 7, one_of(random, {"lt", "lte"}),
                         one_of(random, {"3", "9", "9007199254740992", "1e300"}));
    case 6:
      return fmt::format(R"({{"key":"{}","range":{{"{}":"2026-11-{:02}T00:00:00Z"}}}})", key,
                         one_of(random, {"gt", "gte", "lt", "lte"}), 1 + below(random, 28));
    case 7:
      return fmt::format(R"({{"{}":"{}"}})", one_of(random, {"is_null", "is_empty"}), key);
    case 8:
      return fmt::format(R"({{"has_id":[{},{},"x"]}})", below(random, 400), below(random, 400));
    default: {
      std::string parts;
      for (const char* part : {"must", "should", "must_not"}) {
        if (below(random, 2) == 0) {
          parts += fmt::format("{}\"{}\":[{},{}]", parts.empty() ? "" : ",", part, made_condition(random, depth - 1),
                               made_condition(random, depth - 1));
        }
      }
      return fmt::format("{{{}}}", parts);
    }
  }
}

Filter parsed_filter(const std::string& json) {
  simdjson::dom::parser parser;
  Result<Filter> filter = parse_filter(parser.parse(json));
  EXPECT_TRUE(filter.ok()) << json << ": " << filter.status().message();
  return filter.ok() ? *std::move(filter) : Filter{Group{}};
}

// Rows whose ids are their numbers.
struct Segment {
  std::vector<std::string> metas;
  std::vector<std::byte> bytes;
  std::uint64_t left_out = 0;

  Segment(std::vector<std::string> texts, const MetaIndexCaps& caps) : metas(std::move(texts)) {
    MetaIndexBuilder builder(caps);
    for (const std::string& meta : metas) {
      EXPECT_TRUE(builder.add(meta).ok()) << meta;
    }
    left_out = builder.has_left_out() ? 1 : 0;
    bytes = builder.finish();
  }

  [[nodiscard]] std::uint32_t rows() const { return static_cast<std::uint32_t>(metas.size()); }

  [[nodiscard]] Result<Selection> select(const Filter& filter) const {
    const auto view = format::MetaIndexView::open(bytes, rows());
    if (!view.ok()) {
      return view.status();
    }
    return filter::select(filter, &*view, rows(), [](const auto& ids, std::vector<std::uint32_t>& found) {
      for (const PointId& id : ids) {
        if (!id.view().is_text) {
          found.push_back(static_cast<std::uint32_t>(id.view().number));
        }
      }
      return ok_status();
    });
  }
};

// Every row is where the matcher says.
void expect_agreement(const Segment& segment, const std::string& json, std::uint64_t& doubtful) {
  const Filter filter = parsed_filter(json);
  const Result<Selection> selection = segment.select(filter);
  ASSERT_TRUE(selection.ok()) << selection.status().message();
  Matcher matcher(filter);
  for (std::uint32_t row = 0; row < segment.rows(); ++row) {
    const bool matches = *matcher.matches({false, row, {}}, segment.metas[row]);
    if (selection->doubtful.contains(row)) {
      ++doubtful;
      ASSERT_FALSE(selection->certain.contains(row));
      continue;
    }
    ASSERT_EQ(selection->certain.contains(row), matches) << json << " on row " << row << ": " << segment.metas[row];
  }
}

TEST(Select, agrees_with_the_matcher_on_drawn_filters) {
  constexpr unsigned kSeed = 77;
  Random random(kSeed);
  std::uint64_t doubtful = 0;
  for (int round = 0; round < 40; ++round) {
    std::vector<std::string> metas(1 + below(random, 300));
    for (std::string& meta : metas) {
      meta = made_meta(random);
    }
    const Segment segment(std::move(metas), {});
    for (int draw = 0; draw < 40; ++draw) {
      expect_agreement(segment, made_condition(random, 3), doubtful);
    }
  }
  EXPECT_GT(doubtful, 0U) << "long strings are not indexed";
}

TEST(Select, leaves_what_is_past_the_caps_to_the_meta) {
  Random random(78);
  std::uint64_t doubtful = 0;
  for (int round = 0; round < 40; ++round) {
    std::vector<std::string> metas(1 + below(random, 200));
    for (std::string& meta : metas) {
      meta = made_meta(random);
    }
    const Segment segment(std::move(metas), {1 + below(random, 6), 1 + below(random, 4)});
    for (int draw = 0; draw < 30; ++draw) {
      expect_agreement(segment, made_condition(random, 3), doubtful);
    }
  }
  EXPECT_GT(doubtful, 1000U);
}

TEST(Select, is_certain_of_everything_that_is_indexed) {
  const Segment segment({R"({"a":1,"t":["x","y"]})", R"({"a":2})", "", R"({"a":null,"t":[]})"}, {});
  EXPECT_EQ(segment.left_out, 0U);
  const auto rows = [&](const std::string& json) {
    const auto selection = segment.select(parsed_filter(json));
    EXPECT_TRUE(selection.ok() && selection->doubtful.empty());
    std::vector<std::uint32_t> found;
    selection->certain.append_to(found);
    return found;
  };
  using Rows = std::vector<std::uint32_t>;
  EXPECT_EQ(rows("{}"), (Rows{0, 1, 2, 3}));
  EXPECT_EQ(rows(R"({"key":"a","range":{"gte":1}})"), (Rows{0, 1}));
  EXPECT_EQ(rows(R"({"must_not":{"key":"t","match":{"value":"y"}}})"), (Rows{1, 2, 3}));
  EXPECT_EQ(rows(R"({"is_empty":"t"})"), (Rows{1, 2, 3}));
  EXPECT_EQ(rows(R"({"is_null":"a"})"), (Rows{3}));
  EXPECT_EQ(rows(R"({"has_id":[1,3,99]})"), (Rows{1, 3}));
}

TEST(Select, knows_a_segment_without_meta) {
  const auto select_in = [](const std::string& json) {
    return filter::select(parsed_filter(json), nullptr, 3, [](const auto&, auto&) { return ok_status(); });
  };
  EXPECT_EQ(select_in(R"({"is_empty":"a"})")->certain.size(), 3U);
  EXPECT_EQ(select_in(R"({"key":"a","match":{"except":[]}})")->certain.size(), 0U);
  EXPECT_TRUE(select_in(R"({"is_null":"a"})")->doubtful.empty());
}

// Long columns have cuts, those of arrays other ones.
TEST(Select, ranges_over_long_columns_agree_with_the_matcher) {
  Random random(79);
  for (const bool arrays : {false, true}) {
    std::vector<std::string> metas(9000);
    for (std::string& meta : metas) {
      const auto number = [&] { return static_cast<int>(below(random, 5000)) - 2500; };
      meta = arrays ? fmt::format(R"({{"n":[{},{}]}})", number(), number()) : fmt::format(R"({{"n":{}}})", number());
    }
    const Segment segment(std::move(metas), {});
    std::uint64_t doubtful = 0;
    for (int draw = 0; draw < 25; ++draw) {
      const int low = static_cast<int>(below(random, 5200)) - 2600;
      const int high = low + static_cast<int>(below(random, draw % 2 == 0 ? 200 : 5000));
      expect_agreement(segment, fmt::format(R"({{"key":"n","range":{{"gte":{},"lt":{}}}}})", low, high), doubtful);
    }
    expect_agreement(segment, R"({"key":"n","range":{"lt":1e9}})", doubtful);
    expect_agreement(segment, R"({"key":"n","range":{"gt":1e9}})", doubtful);
    EXPECT_EQ(doubtful, 0U);
  }
}

TEST(Select, is_total_on_damaged_indexes) {
  Random random(80);
  std::vector<std::string> metas(5000);
  for (std::size_t i = 0; i < metas.size(); ++i) {
    metas[i] = i % 10 == 0 ? made_meta(random) : fmt::format(R"({{"a":{},"b":"s{}"}})", i % 3000, i % 700);
  }
  Segment segment(std::move(metas), {});
  const auto whole = segment.bytes;
  for (int round = 0; round < 300; ++round) {
    segment.bytes = whole;
    // Half of them where the tables are.
    const std::uint32_t range = round % 2 == 0 ? static_cast<std::uint32_t>(whole.size()) : 4000;
    for (int flips = 0; flips < 20; ++flips) {
      segment.bytes[whole.size() - 1 - below(random, range)] ^=
          std::byte{static_cast<unsigned char>(1 << below(random, 8))};
    }
    for (int draw = 0; draw < 4; ++draw) {
      const auto selection = segment.select(parsed_filter(made_condition(random, 2)));
      if (selection.ok()) {
        EXPECT_LE(selection->certain.size(), segment.rows());
      } else {
        EXPECT_EQ(selection.status().code(), ErrorCode::kCorruption);
      }
    }
  }
}

}  // namespace
}  // namespace vibrato::filter
