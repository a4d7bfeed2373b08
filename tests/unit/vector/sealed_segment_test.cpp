#include "vector/sealed_segment.hpp"

#include <fstream>
#include <gtest/gtest.h>

#include "io/faulty_file_system.hpp"
#include "io/real_file_system.hpp"
#include "support/file_contents.hpp"
#include "support/temp_directory.hpp"
#include "support/vdb_bytes.hpp"
#include "support/vdb_legacy_bytes.hpp"
#include "support/vector_sets.hpp"
#include "vector/graph_file.hpp"

namespace vibrato::vector {
namespace {

using format::SectionKind;
using quant::CodeKind;

class SealedSegmentTest : public ::testing::Test {
 protected:
  std::unique_ptr<SealedSegment> open() {
    auto segment = SealedSegment::open(fs_, path_);
    EXPECT_OK(segment);
    return segment.ok() ? std::move(segment).value() : nullptr;
  }
  void build(GraphBuildOptions options = {}) {
    options.threads = 1;
    ASSERT_OK(build_graph_file(fs_, path_, options));
  }
  static std::vector<std::uint32_t> search(const SealedSegment& segment, std::span<const float> query, std::uint32_t k,
                                           std::uint32_t ef = 128) {
    hnsw::SearchParams params;
    params.k = k;
    params.ef = ef;
    std::vector<hnsw::Hit> hits;
    segment.search(query.data(), params, hnsw::scratch_of_this_thread(), hits);
    std::vector<std::uint32_t> rows;
    for (std::size_t i = 0; i < hits.size(); ++i) {
      rows.push_back(hits[i].row);
      EXPECT_TRUE(i == 0 || nearer_hit(hits[i - 1], hits[i]));
    }
    return rows;
  }
  static double mean_recall(const SealedSegment& segment, const test::VectorSet& made, std::uint32_t k,
                            std::uint32_t ef = 128) {
    const auto queries = test::make_vectors(40, made.dim, 99);
    double sum = 0;
    for (std::uint32_t q = 0; q < queries.rows; ++q) {
      const auto found = search(segment, queries.row(q), k, ef);
      sum += test::recall_of(segment.file().metric(), made, queries.row(q), k, found);
    }
    return sum / queries.rows;
  }
  void damage(std::uint64_t offset, std::byte mask) {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    const auto old = static_cast<std::byte>(file.get());
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(static_cast<char>(old ^ mask));
  }

  io::RealFileSystem fs_;
  test::TempDirectory folder_;
  std::string path_ = folder_.path("rows.vdb");
};

TEST_F(SealedSegmentTest, scans_exactly_where_there_is_no_graph) {
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kL2}) {
    const auto made = test::make_vectors(300, 7, 1);
    test::write_vdb(fs_, path_, made, metric);
    const auto segment = open();
    ASSERT_NE(segment, nullptr);
    EXPECT_FALSE(segment->has_graph());
    EXPECT_EQ(mean_recall(*segment, made, 10), 1.0) << to_string(metric);
  }
}

TEST_F(SealedSegmentTest, finds_the_neighbours_by_graph_under_every_metric_and_code) {
  const auto made = test::make_vectors(3000, 48, 2);
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kL2}) {
    for (const CodeKind kind : {CodeKind::kNone, CodeKind::kSq8, CodeKind::kSq4}) {
      test::write_vdb(fs_, path_, made, metric);
      GraphBuildOptions options;
      options.codes = kind;
      build(options);
      const auto segment = open();
      ASSERT_NE(segment, nullptr);
      ASSERT_TRUE(segment->has_graph());
      EXPECT_EQ(segment->space().quantizer != nullptr, kind != CodeKind::kNone);
      EXPECT_GT(segment->space().norm_max, 0.5F);
      EXPECT_GE(mean_recall(*segment, made, 10, 200), 0.97) << to_string(metric) << " " << quant::to_string(kind);
    }
  }
}

TEST_F(SealedSegmentTest, is_whole_after_a_rewrite_and_keeps_meta) {
  const auto made = test::make_vectors(1200, 20, 3);
  test::write_vdb(fs_, path_, made, Metric::kCosine);
  build();
  const auto segment = open();
  ASSERT_NE(segment, nullptr);
  EXPECT_OK(segment->file().verify());
  EXPECT_EQ(segment->file().meta_json(77).value(), "{\"row\":77}");
  ASSERT_TRUE(segment->build_info().has_value());
  EXPECT_EQ(segment->build_info()->m, 16U);
  EXPECT_EQ(segment->build_info()->seed, 42U);
  EXPECT_NE(segment->build_info()->codes, CodeKind::kNone);
  EXPECT_TRUE(segment->build_info()->sq4_recall.has_value());
  EXPECT_EQ(test::names_in(fs_, folder_.path()), "rows.vdb");
}

TEST_F(SealedSegmentTest, builds_the_same_bytes_again) {
  test::write_vdb(fs_, path_, test::make_vectors(1200, 20, 3), Metric::kDot);
  build();
  const auto first = test::read_text(fs_, path_);
  build();
  EXPECT_TRUE(first == test::read_text(fs_, path_));
}

TEST_F(SealedSegmentTest, handles_no_rows_one_row_and_more_hits_than_rows) {
  for (const std::uint32_t rows : {0U, 1U, 2U, 20U}) {
    for (const std::uint32_t dim : {1U, 3U}) {
      const auto made = test::make_vectors(rows, dim, 4);
      test::write_vdb(fs_, path_, made, Metric::kL2);
      build();
      const auto segment = open();
      ASSERT_NE(segment, nullptr);
      EXPECT_TRUE(segment->has_graph());
      const std::vector<float> query(dim, 0.25F);
      EXPECT_EQ(search(*segment, query, 50).size(), rows);
    }
  }
}

TEST_F(SealedSegmentTest, finds_every_one_of_many_duplicates) {
  auto made = test::make_vectors(1500, 16, 5);
  for (std::uint32_t row = 100; row < 400; ++row) {
    std::copy_n(made.values.begin(), made.dim, made.values.begin() + std::ptrdiff_t{row} * made.dim);
  }
  test::write_vdb(fs_, path_, made, Metric::kL2);
  build();
  const auto segment = open();
  ASSERT_NE(segment, nullptr);
  const auto found = search(*segment, made.row(0), 301, 400);
  EXPECT_EQ(test::recall_of(Metric::kL2, made, made.row(0), 301, found), 1.0);
}

TEST_F(SealedSegmentTest, converts_older_versions_with_their_meta) {
  const std::vector<test::LegacyMeta> metas(5);
  const auto bytes = test::make_vdb_version_2(5, 3, metas);
  std::ofstream(path_, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  const auto old = store::VdbFile::open(fs_, path_);
  ASSERT_OK(old);
  build();
  const auto segment = open();
  ASSERT_NE(segment, nullptr);
  EXPECT_EQ(segment->file().version(), 3U);
  EXPECT_EQ(segment->file().metric(), (*old)->metric());
  EXPECT_EQ(segment->file().meta_json(4).value(), (*old)->meta_json(4).value());
  EXPECT_EQ(search(*segment, (*old)->vectors().row(3), 1), std::vector<std::uint32_t>{4}) << "the longest row, by dot";
}

TEST_F(SealedSegmentTest, names_the_row_of_an_older_file_that_is_not_finite) {
  auto bytes = test::make_vdb_version_2(5, 3);
  const float bad = std::numeric_limits<float>::infinity();
  std::memcpy(bytes.data() + 64 + (2 * 3 + 1) * sizeof(float), &bad, sizeof bad);
  std::ofstream(path_, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  const auto built = build_graph_file(fs_, path_, {});
  EXPECT_CODE(built, ErrorCode::kInvalidArgument);
  EXPECT_NE(built.status().message().find("row 2: value 1"), std::string::npos) << built.status().message();
  EXPECT_EQ(test::names_in(fs_, folder_.path()), "rows.vdb");
}

TEST_F(SealedSegmentTest, reports_a_damaged_index_with_file_and_offset) {
  test::write_vdb(fs_, path_, test::make_vectors(1200, 20, 3), Metric::kCosine);
  build();
  const auto whole = test::read_text(fs_, path_).value();
  auto segment = open();
  ASSERT_NE(segment, nullptr);
  for (const SectionKind kind : {SectionKind::kGraph, SectionKind::kQuantizer}) {
    const std::uint64_t offset = segment->file().layout().find(kind)->offset;
    test::write_text(fs_, path_, whole);
    damage(offset + 4, std::byte{0x40});
    const auto damaged = SealedSegment::open(fs_, path_);
    EXPECT_CODE(damaged, ErrorCode::kCorruption);
    EXPECT_NE(damaged.status().message().find(path_), std::string::npos);
    const std::uint64_t named = kind == SectionKind::kGraph ? offset : offset + 4;
    EXPECT_NE(damaged.status().message().find("offset " + std::to_string(named) + ":"), std::string::npos)
        << damaged.status().message();
  }
}

// Whatever the stored edges and codes are, a search reads nothing out of bounds and ends.
TEST_F(SealedSegmentTest, searches_damaged_edges_and_codes_safely) {
  const auto made = test::make_vectors(1200, 20, 3);
  test::write_vdb(fs_, path_, made, Metric::kCosine);
  build();
  const auto segment = open();
  ASSERT_NE(segment, nullptr);
  Random random(11);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  for (const SectionKind kind : {SectionKind::kGraph, SectionKind::kCodes}) {
    const auto* entry = segment->file().layout().find(kind);
    ranges.emplace_back(entry->offset + 64, entry->length - 64);
  }
  for (int round = 0; round < 400; ++round) {
    const auto& [begin, length] = ranges[static_cast<std::size_t>(round % 2)];
    damage(begin + random.below(length), static_cast<std::byte>(1 + random.below(255)));
  }
  const auto damaged = SealedSegment::open(fs_, path_);
  if (!damaged.ok()) {
    EXPECT_CODE(damaged, ErrorCode::kCorruption);
    return;
  }
  for (std::uint32_t q = 0; q < 200; ++q) {
    for (const std::uint32_t row : search(**damaged, made.row(q), 10)) {
      EXPECT_LT(row, made.rows);
    }
  }
}

TEST_F(SealedSegmentTest, leaves_the_old_file_when_any_call_of_a_build_fails) {
  test::write_vdb(fs_, path_, test::make_vectors(60, 4, 3), Metric::kCosine);
  const auto before = test::read_text(fs_, path_);
  io::FaultyFileSystem counting(fs_);
  ASSERT_OK(build_graph_file(counting, path_, {}));
  test::write_text(fs_, path_, *before);
  for (std::uint64_t call = 0; call < counting.operation_count(); ++call) {
    io::FaultyFileSystem faulty(fs_);
    io::FaultRule rule;
    rule.operation = call;
    rule.for_good = true;
    faulty.add_rule(rule);
    const auto built = build_graph_file(faulty, path_, {});
    ASSERT_FALSE(built.ok()) << "call " << call;
    const auto file = store::VdbFile::open(fs_, path_);
    ASSERT_OK(file);
    EXPECT_OK((*file)->verify());
    EXPECT_EQ((*file)->rows(), 60U);
    if (call + 2 < counting.operation_count()) {  // Only the last sync of the folder comes after the rename.
      EXPECT_TRUE(before == test::read_text(fs_, path_)) << "call " << call;
    }
  }
}

TEST_F(SealedSegmentTest, serves_from_memory_as_from_the_file) {
  const auto made = test::make_vectors(1500, 32, 6);
  test::write_vdb(fs_, path_, made, Metric::kCosine);
  auto file = store::VdbFile::open(fs_, path_);
  ASSERT_OK(file);
  GraphBuildOptions options;
  options.threads = 1;
  auto index = build_index(**file, options);
  ASSERT_OK(index);
  const auto in_memory = SealedSegment::with_index(std::move(file).value(), std::move(index).value());
  build();
  const auto stored = open();
  ASSERT_NE(stored, nullptr);
  for (std::uint32_t q = 0; q < 50; ++q) {
    EXPECT_EQ(search(*in_memory, made.row(q), 10), search(*stored, made.row(q), 10));
  }
}

TEST_F(SealedSegmentTest, extends_a_stored_graph_with_the_rows_behind_it) {
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kL2}) {
    const auto all = test::make_vectors(2400, 32, 7);
    test::VectorSet part{1500, 32, {all.values.begin(), all.values.begin() + std::ptrdiff_t{1500} * 32}};
    test::write_vdb(fs_, path_, part, metric);
    build();
    const auto base = open();
    ASSERT_NE(base, nullptr);
    const std::string grown = folder_.path("grown.vdb");
    test::write_vdb(fs_, grown, all, metric);
    const auto rows = store::VdbFile::open(fs_, grown);
    ASSERT_OK(rows);
    const auto index = extend_index(*base, **rows, 1);
    ASSERT_OK(index);
    EXPECT_EQ(index->info.codes, base->build_info()->codes);
    ASSERT_OK(store_index(fs_, **rows, *index, grown));
    const auto extended = SealedSegment::open(fs_, grown);
    ASSERT_OK(extended);
    EXPECT_OK((*extended)->file().verify());
    EXPECT_GE(mean_recall(**extended, all, 10, 200), 0.97) << to_string(metric);
    for (std::uint32_t row = 1500; row < 2400; row += 50) {
      const auto found = search(**extended, all.row(row), 20, 200);
      EXPECT_TRUE(metric == Metric::kDot || found.front() == row) << row;
    }
  }
}

TEST_F(SealedSegmentTest, does_not_extend_a_graph_of_another_seed) {
  test::write_vdb(fs_, path_, test::make_vectors(500, 4, 8), Metric::kL2);
  build();
  auto file = store::VdbFile::open(fs_, path_);
  ASSERT_OK(file);
  const auto base = open();
  ASSERT_NE(base, nullptr);
  hnsw::GraphParams params;
  params.seed = 43;
  params.ef_construction = 200;
  EXPECT_CODE(hnsw::MutableGraph::create_from(base->graph(), 600, params).status(), ErrorCode::kInvalidArgument);
  params.seed = 42;
  params.m = 8;
  EXPECT_CODE(hnsw::MutableGraph::create_from(base->graph(), 600, params).status(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace vibrato::vector
