// The golden files: segments that were written when version 3 of the format was frozen, and what must be found in them
// (golden/README.md). A build that reads one of them otherwise than it was written breaks every database there is.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <simdjson.h>
#include <span>
#include <string>
#include <vector>

#include "filter/meta_value.hpp"
#include "filter/parse_filter.hpp"
#include "filter/select.hpp"
#include "io/real_file_system.hpp"
#include "support/source_dir.hpp"
#include "support/status_matchers.hpp"
#include "vector/merge_parts.hpp"
#include "vector/sealed_part.hpp"

namespace vibrato {
namespace {

using nlohmann::json;
using vector::SealedPart;

constexpr std::size_t kFilesMin = 10;  // Files are added, never taken away.

std::filesystem::path folder() {
  return std::filesystem::path(test::source_dir()) / "tests/format/golden";
}

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder())) {
    if (entry.path().extension() == ".json") {
      names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

json as_json(const PointIdView& id) {
  return id.is_text ? json(std::string(id.text)) : json(id.number);
}
PointId as_id(const json& id) {
  return id.is_string() ? PointId(id.get<std::string>()) : PointId(id.get<std::uint64_t>());
}

class GoldenFile : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    std::ifstream in(folder() / (GetParam() + ".json"));
    expected_ = json::parse(in);
    const auto settings = vector::parse_settings(expected_["settings"].dump());
    ASSERT_OK(settings);
    settings_ = *settings;
    catalog::Segment entry;
    entry.file = expected_["file"];
    entry.part = expected_["part"];
    entry.level = expected_["level"];
    entry.row_count = expected_["rows"].size();
    entry.first_lsn = Lsn(expected_["first_lsn"].get<std::uint64_t>());
    entry.last_lsn = Lsn(expected_["last_lsn"].get<std::uint64_t>());
    auto part = SealedPart::open(fs_, folder().string(), entry, settings_);
    ASSERT_OK(part);
    part_ = *part;
  }

  // Null: no filter.
  filter::RowSet matching(const json& filter) {
    simdjson::dom::parser parser;
    const auto parsed = filter::parse_filter(parser.parse(filter.dump()).value());
    EXPECT_OK(parsed);
    const auto rows = part_->matching(*parsed, Lsn::max(), Deadline());
    EXPECT_OK(rows);
    return **rows;
  }
  std::vector<hnsw::Hit> search(const json& asked, bool exact) {
    const auto vector = asked["vector"].get<std::vector<float>>();
    const filter::RowSet allowed = matching(asked["filter"].is_null() ? json::object() : asked["filter"]);
    vector::SegmentQuery query;
    query.vector = vector.data();
    query.k = asked["k"];
    query.exact = exact;
    query.visible = Lsn::max();
    query.allowed = asked["filter"].is_null() ? nullptr : &allowed;
    std::vector<hnsw::Hit> hits;
    EXPECT_OK(part_->search(query, hnsw::scratch_of_this_thread(), hits, nullptr));
    return hits;
  }
  struct Reached {
    double recall = 0;     // Mean, of all searches of the file.
    double distances = 0;  // In all.
  };
  Reached search_by_recall(float target) {
    Reached reached;
    const json& searches = expected_["searches"];
    for (const json& one : searches) {
      const auto vector = one["vector"].get<std::vector<float>>();
      const auto nearest = one["rows"].get<std::vector<std::uint32_t>>();
      vector::SegmentQuery query;
      query.vector = vector.data();
      query.k = one["k"];
      query.recall = vector::RecallTarget{target, query.k};
      query.visible = Lsn::max();
      std::vector<hnsw::Hit> hits;
      vector::SegmentStats stats;
      EXPECT_OK(part_->search(query, hnsw::scratch_of_this_thread(), hits, &stats));
      EXPECT_TRUE(stats.rule && stats.rule->is_calibrated);
      const auto found = std::count_if(hits.begin(), hits.end(), [&](const hnsw::Hit& hit) {
        return std::find(nearest.begin(), nearest.end(), hit.row) != nearest.end();
      });
      reached.recall += static_cast<double>(found) / static_cast<double>(nearest.size() * searches.size());
      reached.distances += static_cast<double>(stats.distances);
    }
    return reached;
  }

  io::RealFileSystem fs_;
  json expected_;
  vector::CollectionSettings settings_;
  std::shared_ptr<SealedPart> part_;
};

TEST_P(GoldenFile, is_whole_and_has_its_sections) {
  const store::VdbFile& file = part_->rows().file();
  EXPECT_OK(file.verify());
  EXPECT_OK(vector::verify_part(*part_));
  EXPECT_EQ(file.layout().skipped_sections, 0U);
  json sections = json::array();
  for (const format::SectionEntry& section : file.layout().sections) {
    sections.push_back(format::to_string(static_cast<format::SectionKind>(section.kind)));
  }
  std::sort(sections.begin(), sections.end());
  EXPECT_EQ(sections, expected_["sections"]);
}

TEST_P(GoldenFile, has_the_rows_that_were_written) {
  for (std::uint32_t row = 0; row < part_->row_count(); ++row) {
    const json& expected = expected_["rows"][row];
    const auto id = part_->id(row);
    ASSERT_OK(id);
    EXPECT_EQ(as_json(*id), expected["id"]);
    EXPECT_EQ(part_->row_lsn(row).value(), expected["lsn"]);
    const auto meta = part_->meta_json(row);
    ASSERT_OK(meta);
    EXPECT_EQ(*meta, expected["meta"].get<std::string>());
    const auto found = part_->find(as_id(expected["id"]).view(), Lsn::max());
    ASSERT_OK(found);
    EXPECT_EQ(*found, row);
    const auto vector = part_->vector(row);
    if (expected_["has_vectors"]) {
      ASSERT_OK(vector);
      EXPECT_EQ(std::vector<float>(vector->begin(), vector->end()), expected["vector"].get<std::vector<float>>());
    } else {
      EXPECT_CODE(vector, ErrorCode::kGone);
    }
  }
  EXPECT_FALSE(part_->find(as_id("absent").view(), Lsn::max())->has_value());
}

TEST_P(GoldenFile, lets_filters_through_to_the_rows_that_match) {
  for (const json& one : expected_["filters"]) {
    std::vector<std::uint32_t> rows;
    matching(one["filter"]).append_to(rows);
    EXPECT_EQ(rows, one["rows"].get<std::vector<std::uint32_t>>()) << one["filter"].dump();
  }
}

TEST_P(GoldenFile, counts_values) {
  for (const json& one : expected_["facets"]) {
    filter::FacetCounts counts;
    const filter::RowSet rows = filter::RowSet::all(part_->row_count());
    EXPECT_OK(part_->count_values(filter::parse_path(one["field"].get<std::string>(), "field").value(), rows,
                                  Deadline(), counts));
    std::uint64_t sum = 0;
    for (const auto& [value, count] : counts) {
      sum += count;
    }
    EXPECT_EQ(counts.size(), one["values"]) << one.dump();
    EXPECT_EQ(sum, one["sum"]) << one.dump();
  }
}

// Hits are the nearest rows by their vectors; where only codes are left most of them are.
TEST_P(GoldenFile, finds_what_is_near) {
  for (const json& one : expected_["searches"]) {
    const auto nearest = one["rows"].get<std::vector<std::uint32_t>>();
    for (const bool exact : {true, false}) {
      const std::vector<hnsw::Hit> hits = search(one, exact);
      ASSERT_EQ(hits.size(), nearest.size()) << one.dump();
      const double error = expected_["has_vectors"] ? 1e-4 : 0.15;  // Of a distance.
      std::size_t found = 0;
      for (std::size_t i = 0; i < hits.size(); ++i) {
        found += static_cast<std::size_t>(std::count(nearest.begin(), nearest.end(), hits[i].row));
        const double distance = one["distances"][i];
        EXPECT_NEAR(hits[i].distance, distance, error * (1 + std::abs(distance))) << i << " of " << one.dump();
        EXPECT_TRUE(!exact || !expected_["has_vectors"] || hits[i].row == nearest[i]) << i << " of " << one.dump();
      }
      EXPECT_GE(static_cast<double>(found), (expected_["has_vectors"] ? 0.9 : 0.5) * static_cast<double>(hits.size()))
          << one.dump();
    }
  }
}

// Null for what is no finite number.
float as_float(const json& number) {
  return number.is_null() ? std::numeric_limits<float>::infinity() : number.get<float>();
}

TEST_P(GoldenFile, has_the_calibration_that_was_measured) {
  const format::Calibration* const calibration = part_->rows().calibration();
  ASSERT_EQ(calibration != nullptr, expected_.contains("calibration"));
  if (calibration == nullptr) return;
  const json& expected = expected_["calibration"];
  EXPECT_EQ(calibration->samples, expected["samples"]);
  EXPECT_EQ(calibration->ks, expected["ks"].get<std::vector<std::uint32_t>>());
  EXPECT_EQ(calibration->targets, expected["targets"].get<std::vector<float>>());
  EXPECT_EQ(calibration->shares, expected["shares"].get<std::vector<float>>());
  ASSERT_EQ(calibration->points.size(), expected["points"].size());
  for (std::size_t i = 0; i < calibration->points.size(); ++i) {
    const json& point = expected["points"][i];
    EXPECT_EQ(calibration->points[i],
              (format::CalibratedPoint{as_float(point["slack"]), point["reach"], as_float(point["recall"]),
                                       as_float(point["distances"]), as_float(point["expanded"])}))
        << i;
  }
}

TEST_P(GoldenFile, reaches_the_recall_that_a_search_asks_for) {
  if (!expected_.contains("calibration")) return;
  constexpr double kBelow = 0.02;  // A few searches tell a mean no better.
  double distances = 0;
  for (const float target : {0.8F, 0.95F, 0.99F}) {
    const Reached reached = search_by_recall(target);
    EXPECT_GE(reached.recall, static_cast<double>(target) - kBelow) << target;
    EXPECT_GT(reached.distances, distances) << target;
    distances = reached.distances;
  }
  // A scan would have cost as many distances as there are rows.
  EXPECT_LT(distances, 0.5 * static_cast<double>(part_->row_count() * expected_["searches"].size()));
}

INSTANTIATE_TEST_SUITE_P(Version3, GoldenFile, ::testing::ValuesIn(golden_names()),
                         [](const auto& one) { return one.param; });

// Its own order of the rows, sets of some of them, and lists: ranges of every size, from anywhere.
TEST(GoldenFiles, a_long_column_of_numbers_is_read_by_its_cuts) {
  constexpr std::uint32_t kRows = 4200;
  std::ifstream in(folder() / "column_with_cuts.meta_index", std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  std::vector<Line> lines(text.size() / sizeof(Line) + 1);
  std::memcpy(lines.data(), text.data(), text.size());
  const auto index = format::MetaIndexView::open(std::as_bytes(std::span(lines)).first(text.size()), kRows);
  ASSERT_OK(index);
  ASSERT_EQ(index->field(0)->numbers.cut_count, 4U);
  for (std::uint32_t low = 0; low < kRows; low += 311) {
    for (std::uint32_t high = low; high < kRows; high += 173) {
      using filter::Number;
      const filter::Bound<Number> from{Number::from_unsigned(low), true};
      const filter::Bound<Number> to{Number::from_unsigned(high), false};
      const filter::Filter range{filter::Range<Number>{filter::path_of("n"), from, to}};
      const auto found = filter::select(range, &*index, kRows, {});
      ASSERT_OK(found);
      std::vector<std::uint32_t> expected;
      for (std::uint32_t row = 0; row < kRows; ++row) {
        const std::uint32_t number = row * 7919 % kRows;
        if (low <= number && number < high) expected.push_back(row);
      }
      EXPECT_TRUE(found->doubtful.empty());
      EXPECT_EQ(found->certain, filter::RowSet::of(expected, kRows)) << low << " to " << high;
    }
  }
}

TEST(GoldenFiles, are_all_there) {
  EXPECT_GE(golden_names().size(), kFilesMin);
}

}  // namespace
}  // namespace vibrato
