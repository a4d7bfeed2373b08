#include "app/file_stats.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/pack_stats.hpp"
#include "format/codes.hpp"
#include "format/graph.hpp"
#include "quant/code_layout.hpp"
#include "store/pack_writer.hpp"
#include "store/vdb_row_writer.hpp"
#include "support/id_rows.hpp"
#include "support/status_matchers.hpp"
#include "unit/app/input_files.hpp"

namespace vibrato::app {
namespace {

using ::testing::HasSubstr;

constexpr std::uint32_t kEnd = format::kNoNeighbour;

// Three rows in a graph of two levels: row 1 stands alone on level 1.
struct SmallGraph {
  std::vector<std::uint32_t> level0 = std::vector<std::uint32_t>(3 * 16, kEnd);
  std::vector<std::uint32_t> upper_rows = {1};
  std::vector<std::uint32_t> upper_offsets = {0, 1};
  std::vector<std::uint32_t> upper_lists = std::vector<std::uint32_t>(8, kEnd);
  format::GraphView view;

  SmallGraph() {
    level0[0] = 1;
    level0[16] = 0;
    level0[17] = 2;
    level0[32] = 1;
    view.row_count = 3;
    view.m = 8;
    view.m0 = 16;
    view.ef_construction = 77;
    view.entry_row = 1;
    view.entry_upper = 0;
    view.max_level = 1;
    view.upper_count = 1;
    view.upper_list_count = 1;
    view.level0 = level0.data();
    view.upper_rows = upper_rows.data();
    view.upper_offsets = upper_offsets.data();
    view.upper_lists = upper_lists.data();
  }

  std::vector<std::byte> bytes() const {
    format::GraphHeader header;
    std::vector<std::byte> all;
    for (const auto part : format::graph_section_parts(view, header)) all.insert(all.end(), part.begin(), part.end());
    return all;
  }
};

class FileStatsTest : public ::testing::Test {
 protected:
  // Writes three rows of dim 4 and the given sections; gathers what it says about itself.
  Result<FileStats> stats_of(const std::vector<store::NewSection>& sections) {
    const std::string path = files_.path("a.vdb");
    auto writer = store::VdbRowWriter::create(files_.fs, path, {4, Metric::kL2});
    EXPECT_OK(writer);
    for (int row = 0; row < 3; ++row) EXPECT_OK((*writer)->add(std::vector<float>{1, 2, 3, 4}, ""));
    EXPECT_OK((*writer)->commit(sections));
    const auto file = store::VdbFile::open(files_.fs, path);
    EXPECT_OK(file);
    return gather_stats(**file);
  }

  InputFiles files_;
};

TEST_F(FileStatsTest, ids_are_counted) {
  const auto stats_of_ids = [this](const std::vector<test::IdRow>& rows) {
    const std::string path = files_.path("ids.vdb");
    EXPECT_OK(test::write_id_file(files_.fs, path, rows));
    const auto file = store::VdbFile::open(files_.fs, path);
    EXPECT_OK(file);
    return gather_stats(**file);
  };
  auto stats = stats_of_ids({{PointId("a"), Lsn(5)}, {PointId(7), Lsn(4)}, {PointId("a"), Lsn(9)}});
  ASSERT_OK(stats);
  ASSERT_TRUE(stats->ids.has_value());
  EXPECT_TRUE(stats->ids->has_texts);
  EXPECT_EQ(stats->ids->distinct, 2U);
  EXPECT_THAT(stats_table(*stats), HasSubstr("ids:      texts and numbers, 2 different, written at LSN 4 to 9\n"));
  EXPECT_EQ(nlohmann::json::parse(stats_json(*stats))["ids"]["distinct"], 2);
  stats = stats_of_ids({{PointId(7), Lsn(4)}});
  ASSERT_OK(stats);
  EXPECT_THAT(stats_table(*stats), HasSubstr("ids:      numbers, 1 different"));
  stats = stats_of({});
  ASSERT_OK(stats);
  EXPECT_THAT(stats_table(*stats), HasSubstr("ids:      none\n"));
  EXPECT_TRUE(nlohmann::json::parse(stats_json(*stats))["ids"].is_null());
}

TEST_F(FileStatsTest, a_pack_is_shown_part_by_part) {
  const std::string path = files_.path("pack.vdb");
  const auto pack = store::PackWriter::create(files_.fs, path);
  ASSERT_OK(pack);
  for (std::uint32_t i = 0; i < 3; ++i) {
    auto writer = (*pack)->begin_part({.dim = 2});
    ASSERT_OK(writer);
    const auto rows = store::VdbRowWriter::over(files_.fs, path, std::move(*writer));
    ASSERT_OK(rows);
    ASSERT_OK(test::write_id_rows(**rows, files_.fs, path, test::made_id_rows(i + 4, i)));
    const auto bytes = (*rows)->writer().finish();
    ASSERT_OK(bytes);
    (*pack)->end_part(*bytes);
  }
  ASSERT_OK((*pack)->commit());
  const auto opened = open_pack(files_.fs, path);
  ASSERT_OK(opened);
  ASSERT_NE(*opened, nullptr);
  const auto parts = gather_pack_stats(**opened);
  ASSERT_OK(parts);
  ASSERT_EQ(parts->size(), 3U);
  EXPECT_EQ((*parts)[2].rows, 6U);
  EXPECT_EQ((*parts)[2].dim, 2U);
  EXPECT_EQ((*parts)[1].offset, (*opened)->part_range(1).offset);
  EXPECT_THAT(pack_table(path, *parts), HasSubstr("pack of:  3 parts\n"));
  EXPECT_EQ(nlohmann::json::parse(pack_json(path, *parts))["parts"][1]["rows"], 5);
  EXPECT_OK(stats_of({}));
  EXPECT_EQ(open_pack(files_.fs, files_.path("a.vdb")).value(), nullptr);
}

TEST_F(FileStatsTest, a_bare_file_has_rows_and_no_graph) {
  const auto stats = stats_of({});
  ASSERT_OK(stats);
  EXPECT_EQ(stats->version, 3U);
  EXPECT_EQ(stats->rows, 3U);
  EXPECT_EQ(stats->dim, 4U);
  EXPECT_EQ(stats->bytes, files_.content("a.vdb").size());
  EXPECT_FALSE(stats->has_meta);
  EXPECT_FALSE(stats->graph.has_value());
  EXPECT_FALSE(stats->codes.has_value());
  ASSERT_EQ(stats->sections.at(0).name, "vectors");
  EXPECT_EQ(stats->sections[0].bytes, 3U * 64U);
  EXPECT_THAT(stats_table(*stats), HasSubstr("graph:    none"));
}

TEST_F(FileStatsTest, a_graph_is_counted_level_by_level) {
  const SmallGraph graph;
  const std::vector<std::byte> bytes = graph.bytes();
  const auto stats = stats_of({store::section_of(format::SectionKind::kGraph, bytes)});
  ASSERT_OK(stats);
  ASSERT_TRUE(stats->graph.has_value());
  EXPECT_EQ(stats->graph->m, 8U);
  EXPECT_EQ(stats->graph->ef_construction, 77U);
  ASSERT_EQ(stats->graph->levels.size(), 2U);
  EXPECT_EQ(stats->graph->levels[0].edges, 4U);
  EXPECT_EQ(stats->graph->levels[1].rows, 1U);
  const std::string table = stats_table(*stats);
  EXPECT_THAT(table, HasSubstr("m 8, ef_construction 77, 2 levels"));
  EXPECT_THAT(table, HasSubstr("1 to 2 links a row, 1.3 on average"));
}

TEST_F(FileStatsTest, codes_are_what_the_quantizer_says) {
  const auto layout = quant::CodeLayout::of(quant::CodeKind::kSq4, 4);
  format::QuantizerDescription quantizer;
  quantizer.code_kind = static_cast<std::uint32_t>(layout.kind);
  quantizer.metric = Metric::kL2;
  quantizer.dim = 4;
  quantizer.code_bytes = layout.code_bytes;
  quantizer.stride_bytes = layout.stride_bytes;
  quantizer.centre = {0, 0, 0, 0};
  const std::vector<std::byte> quantizer_bytes = format::write_quantizer_section(quantizer);
  const std::vector<std::byte> codes(3 * layout.stride_bytes);
  const auto stats = stats_of({store::section_of(format::SectionKind::kQuantizer, quantizer_bytes),
                               store::section_of(format::SectionKind::kCodes, codes)});
  ASSERT_OK(stats);
  ASSERT_TRUE(stats->codes.has_value());
  EXPECT_EQ(stats->codes->kind, "sq4");
  EXPECT_EQ(stats->codes->bytes_per_row, layout.stride_bytes);
  EXPECT_THAT(stats_table(*stats), HasSubstr("codes:    sq4, 32 bytes a row"));
}

TEST_F(FileStatsTest, a_quantizer_of_garbage_is_corruption) {
  const std::vector<std::byte> garbage(64, std::byte{0xff});
  EXPECT_CODE(stats_of({store::section_of(format::SectionKind::kQuantizer, garbage)}), ErrorCode::kCorruption);
}

TEST_F(FileStatsTest, json_carries_the_same_facts) {
  const SmallGraph graph;
  const std::vector<std::byte> bytes = graph.bytes();
  const auto stats =
      stats_of({store::section_of(format::SectionKind::kGraph, bytes),
                store::section_of(format::SectionKind::kBuildInfo, std::string_view("{\"by\":\"test\"}"))});
  ASSERT_OK(stats);
  const auto json = nlohmann::json::parse(stats_json(*stats));
  EXPECT_EQ(json["rows"], 3);
  EXPECT_EQ(json["metric"], "l2");
  EXPECT_EQ(json["graph"]["levels"][0]["links"], 4);
  EXPECT_EQ(json["graph"]["levels"][1]["rows"], 1);
  EXPECT_EQ(json["codes"], nullptr);
  EXPECT_EQ(json["build_info"]["by"], "test");
  EXPECT_EQ(json["sections"].back()["name"], "build_info");
}

TEST_F(FileStatsTest, a_graph_that_does_not_fit_the_rows_is_corruption) {
  SmallGraph graph;
  graph.view.row_count = 2;
  const std::vector<std::byte> bytes = graph.bytes();
  EXPECT_CODE(stats_of({store::section_of(format::SectionKind::kGraph, bytes)}), ErrorCode::kCorruption);
}

}  // namespace
}  // namespace vibrato::app
