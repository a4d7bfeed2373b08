#include "vector/sealed_part.hpp"

#include <algorithm>
#include <gtest/gtest.h>

#include "io/real_file_system.hpp"
#include "support/file_contents.hpp"
#include "support/sealed_rows.hpp"
#include "support/temp_directory.hpp"
#include "vector/flat_scan.hpp"

namespace vibrato::vector {
namespace {

constexpr std::uint32_t kSealedDim = 24;
const std::string kSealedFile = "segments/a.vdb";

class SealedPartTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(fs_.create_directory(folder_.path("segments"))); }

  // Seals the part and opens the file, with the part's own deletes.
  std::shared_ptr<SealedPart> seal(const CollectionSettings& settings, const HotPart& part) {
    const auto entry = seal_hot_part(fs_, folder_.path(), kSealedFile, CollectionNumber(3), settings, part);
    EXPECT_OK(entry);
    entry_ = *entry;
    auto opened = SealedPart::open(fs_, folder_.path(), entry_, settings, part.deletes());
    EXPECT_OK(opened);
    return std::move(opened).value();
  }
  Status open(const catalog::Segment& entry, const CollectionSettings& settings) {
    return SealedPart::open(fs_, folder_.path(), entry, settings).status();
  }

  io::RealFileSystem fs_;
  test::TempDirectory folder_;
  catalog::Segment entry_;
};

TEST_F(SealedPartTest, holds_the_rows_of_the_hot_part_as_they_were) {
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kL2}) {
    const auto settings = test::small_segment_settings(kSealedDim, metric);
    const auto made = test::make_vectors(2500, kSealedDim, 5);
    const auto hot = test::frozen_part(settings, made);
    const auto sealed = seal(settings, *hot);
    ASSERT_EQ(sealed->row_count(), 2500U);
    EXPECT_EQ(sealed->indexed_count(), 2500U);
    EXPECT_EQ(sealed->first_lsn(), test::made_lsn(0));
    EXPECT_EQ(sealed->last_lsn(), test::made_lsn(2499));
    for (std::uint32_t row = 0; row < made.rows; ++row) {
      ASSERT_EQ(PointId(sealed->id(row).value()), test::made_id(row));
      ASSERT_EQ(sealed->row_lsn(row), test::made_lsn(row));
      ASSERT_EQ(sealed->find(test::made_id(row).view(), Lsn::max()).value(), row);
      ASSERT_TRUE(std::ranges::equal(sealed->vector(row).value(), made.row(row)));
      ASSERT_EQ(sealed->meta_json(row).value(), test::sealed_meta(row));
    }
    EXPECT_EQ(sealed->find(PointId("absent").view(), Lsn::max()).value(), std::nullopt);
    EXPECT_OK(sealed->rows().file().verify());
  }
}

TEST_F(SealedPartTest, its_catalog_entry_says_what_the_file_holds) {
  const auto settings = test::small_segment_settings(kSealedDim);
  const auto sealed = seal(settings, *test::frozen_part(settings, test::make_vectors(20, kSealedDim, 5)));
  EXPECT_EQ(entry_.collection, CollectionNumber(3));
  EXPECT_EQ(entry_.file, kSealedFile);
  EXPECT_EQ(entry_.part, 0U);
  EXPECT_EQ(entry_.level, 0U);
  EXPECT_EQ(entry_.state, catalog::SegmentState::kLive);
  EXPECT_EQ(entry_.row_count, 20U);
  EXPECT_EQ(entry_.first_lsn, Lsn(10));
  EXPECT_EQ(entry_.last_lsn, Lsn(29));
  EXPECT_EQ(entry_.bytes, fs_.stat(folder_.path(kSealedFile))->size_bytes);
  EXPECT_EQ(sealed->bytes_on_disk(), entry_.bytes);
  EXPECT_EQ(test::names_in(fs_, folder_.path("segments")), "a.vdb");
}

TEST_F(SealedPartTest, stores_the_graph_as_it_stands) {
  const auto settings = test::small_segment_settings(kSealedDim);
  const auto made = test::make_vectors(2500, kSealedDim, 5);
  const auto hot = test::frozen_part(settings, made);
  ASSERT_EQ(hot->indexed_count(), 2500U);
  const auto sealed = seal(settings, *hot);
  const format::GraphView before = hot->rows().graph()->view(2500);
  const format::GraphView& after = sealed->rows().graph();
  ASSERT_EQ(after.m0, before.m0);
  EXPECT_TRUE(std::equal(before.level0, before.level0 + std::size_t{2500} * before.m0, after.level0));
  EXPECT_EQ(after.entry_row, before.entry_row);
  // Whoever inserts more rows needs the seed of its levels.
  ASSERT_TRUE(sealed->rows().build_info().has_value());
  EXPECT_EQ(sealed->rows().build_info()->seed, hot->rows().graph()->params().seed);
  EXPECT_EQ(sealed->rows().build_info()->m, 8U);
}

TEST_F(SealedPartTest, codes_are_those_that_the_settings_ask_for) {
  const auto made = test::make_vectors(2500, kSealedDim, 5);
  const struct {
    Quantization quantization;
    std::vector<quant::CodeKind> kinds;
  } cases[] = {{Quantization::kAuto, {quant::CodeKind::kSq4, quant::CodeKind::kSq8}},
               {Quantization::kSq8, {quant::CodeKind::kSq8}},
               {Quantization::kSq4, {quant::CodeKind::kSq4}},
               {Quantization::kNone, {quant::CodeKind::kNone}}};
  for (const auto& item : cases) {
    auto settings = test::small_segment_settings(kSealedDim);
    settings.quantization = item.quantization;
    const auto sealed = seal(settings, *test::frozen_part(settings, made));
    const quant::ScalarQuantizer* quantizer = sealed->rows().space().quantizer;
    const auto kind = quantizer == nullptr ? quant::CodeKind::kNone : quantizer->layout().kind;
    EXPECT_TRUE(std::ranges::count(item.kinds, kind) == 1) << to_string(item.quantization);
    EXPECT_EQ(sealed->rows().build_info()->codes, kind);
  }
}

TEST_F(SealedPartTest, finds_nearly_what_a_scan_finds) {
  const auto settings = test::small_segment_settings(kSealedDim);
  const auto made = test::make_vectors(3000, kSealedDim, 5);
  const auto sealed = seal(settings, *test::frozen_part(settings, made));
  const auto queries = test::make_vectors(100, kSealedDim, 6);
  std::size_t found = 0;
  for (std::uint32_t i = 0; i < queries.rows; ++i) {
    SegmentStats stats;
    const auto exact = test::search_part(*sealed, queries.row(i), 10, Lsn::max(), /*exact=*/true, &stats);
    EXPECT_EQ(stats.plan, "scan");
    const auto walked = test::search_part(*sealed, queries.row(i), 10, Lsn::max(), /*exact=*/false, &stats);
    EXPECT_EQ(stats.plan, "graph");
    EXPECT_LT(stats.distances, 3000U);
    ASSERT_EQ(walked.size(), 10U);
    EXPECT_TRUE(std::ranges::is_sorted(walked, nearer_hit));
    for (const hnsw::Hit& hit : walked) {
      found += std::ranges::count(test::rows_of(exact), hit.row) > 0 ? 1 : 0;
    }
  }
  EXPECT_GE(found, 970U);
}

TEST_F(SealedPartTest, deleted_rows_are_gone_for_readers_from_their_delete_on) {
  const auto settings = test::small_segment_settings(kSealedDim);
  const auto made = test::make_vectors(3000, kSealedDim, 5);
  const auto hot = test::frozen_part(settings, made);
  const auto sealed = seal(settings, *hot);
  ASSERT_EQ(sealed->deletes(), hot->deletes());
  const auto nearest = test::search_part(*sealed, made.row(7), 1, Lsn(5000));
  ASSERT_EQ(test::rows_of(nearest), std::vector<std::uint32_t>{7});
  ASSERT_OK(hot->deletes()->mark(7, Lsn(6000)));
  for (const bool exact : {false, true}) {
    EXPECT_EQ(test::search_part(*sealed, made.row(7), 1, Lsn(5999), exact).front().row, 7U);
    EXPECT_NE(test::search_part(*sealed, made.row(7), 1, Lsn(6000), exact).front().row, 7U);
  }
  EXPECT_TRUE(sealed->is_alive(7, Lsn(5999)));
  EXPECT_FALSE(sealed->is_alive(7, Lsn(6000)));
  EXPECT_EQ(sealed->find(test::made_id(7).view(), Lsn(6000)).value(), 7U) << "alive or not";
}

TEST_F(SealedPartTest, finds_every_row_that_is_left_however_few) {
  const auto settings = test::small_segment_settings(kSealedDim);
  const auto made = test::make_vectors(3000, kSealedDim, 5);
  const auto sealed = seal(settings, *test::frozen_part(settings, made));
  const std::uint64_t seed = 99;
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  std::vector<std::uint32_t> alive(made.rows);
  for (std::uint32_t i = 0; i < made.rows; ++i) {
    alive[i] = i;
  }
  for (const std::uint32_t left : {1500U, 300U, 20U, 3U, 0U}) {
    while (alive.size() > left) {
      const std::size_t at = random.below(alive.size());
      ASSERT_OK(sealed->deletes()->mark(alive[at], Lsn(9000)));
      alive.erase(alive.begin() + static_cast<std::ptrdiff_t>(at));
    }
    for (std::uint32_t query = 0; query < 20; ++query) {
      const auto hits = test::search_part(*sealed, made.row(query), 10, Lsn(9000));
      const auto exact = test::search_part(*sealed, made.row(query), 10, Lsn(9000), /*exact=*/true);
      ASSERT_EQ(hits.size(), std::min<std::size_t>(10, left));
      ASSERT_EQ(exact.size(), hits.size());
      for (const hnsw::Hit& hit : hits) {
        ASSERT_TRUE(std::ranges::binary_search(alive, hit.row));
      }
      if (left <= 20) {
        ASSERT_EQ(test::rows_of(hits), test::rows_of(exact));
      }
    }
  }
}

TEST_F(SealedPartTest, an_id_that_was_overwritten_finds_its_newest_row) {
  const auto settings = test::small_segment_settings(2);
  HotPartOptions options;
  options.settings = settings;
  options.row_capacity = 10;
  const auto part = HotPart::create(options);
  ASSERT_OK(part);
  for (std::uint64_t i = 0; i < 6; ++i) {
    ASSERT_OK((*part)->append(PointId(i % 2).view(), std::vector<float>{static_cast<float>(i), 0}, "", Lsn(50 + i)));
  }
  (*part)->freeze();
  const auto sealed = seal(settings, **part);
  EXPECT_EQ(sealed->find(PointId(0).view(), Lsn::max()).value(), 4U);
  EXPECT_EQ(sealed->find(PointId(1).view(), Lsn::max()).value(), 5U);
}

TEST_F(SealedPartTest, small_and_flat_parts_have_no_graph_and_answer_exactly) {
  auto settings = test::small_segment_settings(kSealedDim);
  auto sealed = seal(settings, *test::frozen_part(settings, test::make_vectors(50, kSealedDim, 5)));
  EXPECT_FALSE(sealed->rows().has_graph());
  EXPECT_EQ(sealed->indexed_count(), 0U);
  settings.index = IndexKind::kFlat;
  const auto made = test::make_vectors(3000, kSealedDim, 5);
  sealed = seal(settings, *test::frozen_part(settings, made));
  EXPECT_FALSE(sealed->rows().has_graph());
  SegmentStats stats;
  EXPECT_EQ(test::search_part(*sealed, made.row(9), 3, Lsn::max(), false, &stats).front().row, 9U);
  EXPECT_EQ(stats.plan, "scan");
}

TEST_F(SealedPartTest, a_flat_part_with_codes_is_scanned_on_them) {
  auto settings = test::small_segment_settings(kSealedDim);
  settings.index = IndexKind::kFlat;
  settings.quantization = Quantization::kSq8;
  const auto made = test::make_vectors(3000, kSealedDim, 5);
  const auto sealed = seal(settings, *test::frozen_part(settings, made));
  ASSERT_OK(sealed->deletes()->mark(9, Lsn(9000)));
  SegmentStats stats;
  const auto before = test::search_part(*sealed, made.row(9), 10, Lsn(8999), false, &stats);
  EXPECT_EQ(stats.plan, "coded_scan");
  EXPECT_EQ(before, test::search_part(*sealed, made.row(9), 10, Lsn(8999), /*exact=*/true));
  EXPECT_EQ(before.front().row, 9U);
  EXPECT_NE(test::search_part(*sealed, made.row(9), 10, Lsn(9000)).front().row, 9U);
}

TEST_F(SealedPartTest, refuses_a_file_that_is_not_what_the_catalog_says) {
  const auto settings = test::small_segment_settings(kSealedDim);
  seal(settings, *test::frozen_part(settings, test::make_vectors(50, kSealedDim, 5)));
  EXPECT_OK(open(entry_, settings));
  auto other = settings;
  other.dim = kSealedDim + 1;
  EXPECT_EQ(open(entry_, other).code(), ErrorCode::kCorruption);
  other = settings;
  other.metric = Metric::kDot;
  EXPECT_EQ(open(entry_, other).code(), ErrorCode::kCorruption);
  auto entry = entry_;
  entry.row_count = 49;
  EXPECT_EQ(open(entry, settings).code(), ErrorCode::kCorruption);
  entry = entry_;
  entry.last_lsn = Lsn(1000);
  EXPECT_EQ(open(entry, settings).code(), ErrorCode::kCorruption);
  entry = entry_;
  entry.part = 1;
  EXPECT_EQ(open(entry, settings).code(), ErrorCode::kNotFound);
  entry = entry_;
  entry.file = "../" + kSealedFile;
  EXPECT_EQ(open(entry, settings).code(), ErrorCode::kInvalidArgument);
  entry.file = "segments/b.vdb";
  EXPECT_EQ(open(entry, settings).code(), ErrorCode::kNotFound);
  test::write_vdb(fs_, folder_.path("segments/b.vdb"), test::make_vectors(50, kSealedDim, 5), Metric::kL2);
  entry.first_lsn = Lsn();
  entry.last_lsn = Lsn();
  const Status no_ids = open(entry, settings);
  EXPECT_EQ(no_ids.code(), ErrorCode::kCorruption);
  EXPECT_NE(no_ids.message().find("segments/b.vdb"), std::string::npos) << no_ids.message();
}

TEST_F(SealedPartTest, names_file_and_place_of_a_damaged_calibration) {
  const auto settings = test::small_segment_settings(kSealedDim);
  const auto hot = test::frozen_part(settings, test::make_vectors(2500, kSealedDim, 5));
  std::uint64_t offset = 0;
  {
    const auto sealed = seal(settings, *hot);
    const auto* section = sealed->rows().file().layout().find(format::SectionKind::kCalibration);
    ASSERT_NE(section, nullptr);
    offset = section->offset;
  }
  std::string bytes = *test::read_text(fs_, folder_.path(kSealedFile));
  bytes[offset] = static_cast<char>(bytes[offset] ^ 4);
  test::write_text(fs_, folder_.path(kSealedFile), bytes);
  const Status damaged = open(entry_, settings);
  EXPECT_EQ(damaged.code(), ErrorCode::kCorruption);
  EXPECT_NE(damaged.message().find(kSealedFile), std::string::npos) << damaged.message();
  EXPECT_NE(damaged.message().find("version of the calibration"), std::string::npos) << damaged.message();
}

}  // namespace
}  // namespace vibrato::vector
