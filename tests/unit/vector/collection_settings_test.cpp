#include "vector/collection_settings.hpp"

#include <gtest/gtest.h>
#include <string>

#include "support/status_matchers.hpp"

namespace vibrato::vector {
namespace {

CollectionSettings settings_of(std::uint32_t dim) {
  CollectionSettings settings;
  settings.dim = dim;
  settings.metric = Metric::kDot;
  return settings;
}

TEST(CollectionSettings, json_holds_every_field_in_a_stable_order) {
  CollectionSettings settings = settings_of(128);
  EXPECT_EQ(
      settings_json(settings),
      R"({"dim":128,"metric":"dot","index":"hnsw","m":16,"ef_construction":200,"quantization":"auto","archive":null})");
  settings.archive = ArchiveSettings{false};
  settings.index = IndexKind::kFlat;
  settings.quantization = Quantization::kSq4;
  EXPECT_EQ(settings_json(settings), R"({"dim":128,"metric":"dot","index":"flat","m":16,"ef_construction":200,)"
                                     R"("quantization":"sq4","archive":{"keep_raw":false}})");
}

TEST(CollectionSettings, survive_json) {
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kL2}) {
    for (const IndexKind index : {IndexKind::kHnsw, IndexKind::kFlat}) {
      for (const Quantization codes :
           {Quantization::kAuto, Quantization::kSq8, Quantization::kSq4, Quantization::kNone}) {
        CollectionSettings settings = settings_of(limits::kDimMax);
        settings.metric = metric;
        settings.index = index;
        settings.quantization = codes;
        settings.m = index == IndexKind::kHnsw ? 32 : settings.m;
        for (const auto& archive : {std::optional<ArchiveSettings>(), std::optional(ArchiveSettings{true}),
                                    std::optional(ArchiveSettings{false})}) {
          settings.archive = archive;
          const auto parsed = parse_settings(settings_json(settings));
          ASSERT_OK(parsed);
          EXPECT_EQ(*parsed, settings);
        }
      }
    }
  }
}

TEST(CollectionSettings, json_that_is_not_theirs_is_corruption) {
  const std::string good = settings_json(settings_of(4));
  ASSERT_OK(parse_settings(good));
  const auto changed = [&good](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return parse_settings(text);
  };
  EXPECT_CODE(parse_settings(""), ErrorCode::kCorruption);
  EXPECT_CODE(parse_settings("[]"), ErrorCode::kCorruption);
  EXPECT_CODE(parse_settings("null"), ErrorCode::kCorruption);
  EXPECT_CODE(parse_settings(good + "x"), ErrorCode::kCorruption);
  EXPECT_CODE(changed("\"dim\":4,", ""), ErrorCode::kCorruption);
  EXPECT_CODE(changed("\"dim\":4", "\"dim\":0"), ErrorCode::kCorruption);
  EXPECT_CODE(changed("\"dim\":4", "\"dim\":-4"), ErrorCode::kCorruption);
  EXPECT_CODE(changed("\"dim\":4", "\"dim\":4.5"), ErrorCode::kCorruption);
  EXPECT_CODE(changed("\"dim\":4", "\"dim\":4294967297"), ErrorCode::kCorruption);
  EXPECT_CODE(changed("\"dim\":4", "\"dim\":4,\"dims\":4"), ErrorCode::kCorruption);
  EXPECT_CODE(changed("dot", "dots"), ErrorCode::kCorruption);
  EXPECT_CODE(changed("hnsw", "ivf"), ErrorCode::kCorruption);
  EXPECT_CODE(changed("auto", "pq"), ErrorCode::kCorruption);
  EXPECT_CODE(changed("16", "1"), ErrorCode::kCorruption);
  EXPECT_CODE(changed("null", "{}"), ErrorCode::kCorruption);
  EXPECT_CODE(changed("null", "true"), ErrorCode::kCorruption);
  EXPECT_CODE(changed("null", R"({"keep_raw":1})"), ErrorCode::kCorruption);
  EXPECT_CODE(changed("null", R"({"keep_raw":true,"x":1})"), ErrorCode::kCorruption);
  EXPECT_NE(changed("dot", "dots").status().message().find("metric"), std::string::npos);
}

TEST(CollectionSettings, are_checked_at_the_edges_of_their_limits) {
  const auto check = [](auto change) {
    CollectionSettings settings = settings_of(4);
    change(settings);
    return check_settings(settings);
  };
  EXPECT_CODE(check([](auto& s) { s.dim = 0; }), ErrorCode::kInvalidArgument);
  EXPECT_OK(check([](auto& s) { s.dim = 1; }));
  EXPECT_OK(check([](auto& s) { s.dim = limits::kDimDefaultMax; }));
  EXPECT_CODE(check([](auto& s) { s.dim = limits::kDimDefaultMax + 1; }), ErrorCode::kInvalidArgument);
  EXPECT_OK(check_settings(settings_of(limits::kDimDefaultMax + 1), limits::kDimMax));
  EXPECT_CODE(check([](auto& s) { s.m = limits::kGraphMMin - 1; }), ErrorCode::kInvalidArgument);
  EXPECT_OK(check([](auto& s) { s.m = limits::kGraphMMin; }));
  EXPECT_OK(check([](auto& s) { s.m = limits::kGraphMMax; }));
  EXPECT_CODE(check([](auto& s) { s.m = limits::kGraphMMax + 1; }), ErrorCode::kInvalidArgument);
  EXPECT_CODE(check([](auto& s) { s.ef_construction = 0; }), ErrorCode::kInvalidArgument);
  EXPECT_OK(check([](auto& s) { s.ef_construction = 1; }));
  EXPECT_OK(check([](auto& s) { s.ef_construction = limits::kEfConstructionMax; }));
  EXPECT_CODE(check([](auto& s) { s.ef_construction = limits::kEfConstructionMax + 1; }), ErrorCode::kInvalidArgument);
  const Status flat = check([](auto& s) {
    s.index = IndexKind::kFlat;
    s.m = 17;
  });
  EXPECT_CODE(flat, ErrorCode::kInvalidArgument);
  EXPECT_NE(flat.message().find("m and ef_construction"), std::string::npos);
}

TEST(CollectionSettings, an_archive_needs_a_graph_and_stored_settings_that_have_none_are_read_all_the_same) {
  CollectionSettings settings = settings_of(4);
  settings.archive = ArchiveSettings{true};
  EXPECT_OK(check_settings(settings));
  settings.index = IndexKind::kFlat;
  EXPECT_CODE(check_settings(settings), ErrorCode::kInvalidArgument);
  EXPECT_EQ(check_settings(settings).message(), "archive needs index kind hnsw");
  const auto stored = parse_settings(settings_json(settings));
  ASSERT_OK(stored);
  EXPECT_EQ(*stored, settings);
}

}  // namespace
}  // namespace vibrato::vector
