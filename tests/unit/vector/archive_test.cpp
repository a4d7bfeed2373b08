// Archive segments: what they find beside exact answers, with raw vectors and without, and what damage does to them.
#include "vector/archive.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>

#include "base/random.hpp"
#include "io/real_file_system.hpp"
#include "store/vdb_rewrite.hpp"
#include "support/file_contents.hpp"
#include "support/made_rows.hpp"
#include "support/memory_map.hpp"
#include "support/sealed_rows.hpp"
#include "support/temp_directory.hpp"
#include "vector/choose_codes.hpp"
#include "vector/segment_writer.hpp"

namespace vibrato::vector {
namespace {

const std::string kArchiveFile = "segments/a.vdb";
constexpr std::uint32_t kArchiveQueries = 40;
constexpr std::uint32_t kRowsAHitMax = 20;

struct RowsAndQueries {
  test::MadeRows rows;
  test::MadeRows queries;
};

RowsAndQueries clustered(std::uint32_t rows, std::uint32_t dim) {
  test::MadeRows all = test::clustered_rows(rows + kArchiveQueries, dim, 60, 0.4F, dim);
  test::MadeRows queries = test::take_tail(all, kArchiveQueries);
  return {std::move(all), std::move(queries)};
}

class ArchiveTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(fs_.create_directory(folder_.path("segments"))); }

  static CollectionSettings settings(std::uint32_t dim, Metric metric, bool keep_raw) {
    CollectionSettings made = test::small_segment_settings(dim, metric);
    made.archive = ArchiveSettings{keep_raw};
    return made;
  }

  std::shared_ptr<SealedPart> archived(const test::MadeRows& rows, const CollectionSettings& of, bool with_graph = true,
                                       std::uint32_t threads = 2, std::uint8_t level = kArchiveLevel) {
    auto writer = SegmentFileWriter::create(fs_, folder_.path(), kArchiveFile, CollectionNumber(3), of);
    EXPECT_OK(writer);
    for (std::uint32_t row = 0; row < rows.count; ++row) {
      const std::span<const float> values(rows.row(row), rows.dim);
      EXPECT_OK((*writer)->add({test::made_id(row).view(), test::made_lsn(row), values, test::sealed_meta(row)}));
    }
    const auto image = (*writer)->finish_rows();
    EXPECT_OK(image);
    GraphBuildOptions options;
    options.m = of.m;
    options.ef_construction = of.ef_construction;
    options.threads = 1;
    auto index = with_graph ? build_index(**image, options) : code_rows(**image, options);
    EXPECT_OK(index);
    if (level == kArchiveLevel) {
      EXPECT_OK(archive_index(**image, threads, *index));
    }
    const auto entry = (*writer)->commit(&*index, level);
    EXPECT_OK(entry);
    writer->reset();
    EXPECT_EQ(test::names_in(fs_, folder_.path("segments")), "a.vdb");
    auto part = SealedPart::open(fs_, folder_.path(), *entry, of);
    EXPECT_OK(part);
    return part.ok() ? *part : nullptr;
  }

  io::RealFileSystem fs_;
  test::TempDirectory folder_;
};

double recall_of(const SealedPart& part, const RowsAndQueries& made, Metric metric, bool exact = false) {
  std::uint32_t found = 0;
  for (std::uint32_t q = 0; q < made.queries.count; ++q) {
    const float* query = made.queries.row(q);
    const double tenth = test::exact_nearest(metric, made.rows, query, 10).back();
    for (const hnsw::Hit& hit : test::search_part(part, {query, made.rows.dim}, 10, Lsn::max(), exact)) {
      const double distance = test::exact_distance(metric, made.rows.row(hit.row), query, made.rows.dim);
      found += distance <= tenth * (1 + 1e-6) + 1e-6 || distance <= tenth ? 1 : 0;
    }
  }
  return found / (10.0 * made.queries.count);
}

TEST_F(ArchiveTest, finds_the_nearest_with_exact_distances_at_every_metric_and_dim) {
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kDot}) {
    for (const std::uint32_t dim : {37U, 50U, 100U, 200U}) {
      const RowsAndQueries made = clustered(3000, dim);
      const auto part = archived(made.rows, settings(dim, metric, true));
      ASSERT_NE(part, nullptr);
      ASSERT_NE(part->rows().space().product, nullptr);
      EXPECT_GE(recall_of(*part, made, metric), 0.95) << to_string(metric) << ", dim " << dim;
      const auto codes = part->rows().file().section(format::SectionKind::kCodes);
      EXPECT_LE(codes->size() * 16, std::size_t{dim} * sizeof(float) * made.rows.count);
      for (const hnsw::Hit& hit : test::search_part(*part, {made.queries.row(0), dim}, 10, Lsn::max())) {
        const double want = test::exact_distance(metric, made.rows.row(hit.row), made.queries.row(0), dim);
        EXPECT_NEAR(hit.distance, want, 1e-4 * std::max(1.0, std::fabs(want)));
      }
    }
  }
}

TEST_F(ArchiveTest, scores_at_most_twenty_rows_a_hit_again) {
  const RowsAndQueries made = clustered(4000, 32);
  const auto part = archived(made.rows, settings(32, Metric::kL2, true));
  ASSERT_NE(part, nullptr);
  for (const std::uint32_t k : {1U, 10U, 50U}) {
    for (std::uint32_t q = 0; q < made.queries.count; ++q) {
      hnsw::SearchParams params;
      params.k = k;
      params.ef = 2000;
      std::vector<hnsw::Hit> hits;
      hnsw::SearchStats stats;
      hnsw::search(simd::kernels(), part->rows().graph(), part->rows().space(), made.queries.row(q), params,
                   hnsw::scratch_of_this_thread(), hits, &stats);
      ASSERT_EQ(hits.size(), k);
      ASSERT_GE(stats.rescored, k);
      ASSERT_LE(stats.rescored, kRowsAHitMax * k);
    }
  }
}

TEST_F(ArchiveTest, answers_from_codes_alone_where_raw_vectors_are_dropped) {
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kDot}) {
    const RowsAndQueries made = clustered(3000, 50);
    const auto kept = archived(made.rows, settings(50, metric, true));
    ASSERT_NE(kept, nullptr);
    const std::uint64_t kept_bytes = kept->bytes_on_disk();
    const auto part = archived(made.rows, settings(50, metric, false));
    ASSERT_NE(part, nullptr);
    EXPECT_LT(part->bytes_on_disk() + std::uint64_t{3000} * 50 * 4, kept_bytes);
    EXPECT_FALSE(part->rows().file().has_vectors());
    EXPECT_TRUE(part->rows().file().inverse_norms().empty());
    EXPECT_OK(part->rows().file().verify());
    EXPECT_EQ(part->row_count(), 3000U);
    EXPECT_GE(recall_of(*part, made, metric), 0.4) << to_string(metric);
    // The same answers by graph, and by scan on the codes, which is what "exact" comes to.
    EXPECT_GE(recall_of(*part, made, metric, true), 0.4) << to_string(metric);

    for (std::uint32_t row = 0; row < 3000; row += 7) {
      EXPECT_CODE(part->vector(row), ErrorCode::kGone);
      ASSERT_EQ(part->meta_json(row).value(), test::sealed_meta(row));
      ASSERT_EQ(part->find(test::made_id(row).view(), Lsn::max()).value(), row);
      ASSERT_EQ(part->row_lsn(row), test::made_lsn(row));
    }
    // A row itself is near, at about its exact distance.
    const auto hits = test::search_part(*part, {made.rows.row(11), 50}, 10, Lsn::max());
    ASSERT_EQ(hits.size(), 10U);
    EXPECT_TRUE(std::is_sorted(hits.begin(), hits.end(), nearer_hit));
  }
}

TEST_F(ArchiveTest, answers_every_row_once_where_k_is_all_of_them) {
  for (const bool keep_raw : {true, false}) {
    const RowsAndQueries made = clustered(1000, 16);
    const auto part = archived(made.rows, settings(16, Metric::kL2, keep_raw));
    ASSERT_NE(part, nullptr);
    for (const std::uint32_t k : {999U, 1000U, 5000U}) {
      const auto rows = test::rows_of(test::search_part(*part, {made.queries.row(0), 16}, k, Lsn::max()));
      EXPECT_EQ(std::set<std::uint32_t>(rows.begin(), rows.end()).size(), std::min(k, 1000U));
    }
  }
}

TEST_F(ArchiveTest, leaves_deleted_rows_out) {
  for (const bool keep_raw : {true, false}) {
    const RowsAndQueries made = clustered(2000, 24);
    const auto part = archived(made.rows, settings(24, Metric::kCosine, keep_raw));
    ASSERT_NE(part, nullptr);
    for (std::uint32_t row = 0; row < 2000; ++row) {
      if (row % 3 != 0) {
        ASSERT_OK(part->deletes()->mark(row, Lsn(5000)));
      }
    }
    for (std::uint32_t q = 0; q < made.queries.count; ++q) {
      const auto hits = test::search_part(*part, {made.queries.row(q), 24}, 10, Lsn(6000));
      ASSERT_EQ(hits.size(), 10U);
      for (const hnsw::Hit& hit : hits) {
        ASSERT_EQ(hit.row % 3, 0U);
      }
    }
  }
}

TEST_F(ArchiveTest, scans_codes_where_there_is_no_graph) {
  for (const bool keep_raw : {true, false}) {
    const RowsAndQueries made = clustered(6000, 40);
    const auto part = archived(made.rows, settings(40, Metric::kL2, keep_raw), /*with_graph=*/false);
    ASSERT_NE(part, nullptr);
    SegmentStats stats;
    const auto hits = test::search_part(*part, {made.queries.row(0), 40}, 10, Lsn::max(), false, &stats);
    EXPECT_EQ(hits.size(), 10U);
    EXPECT_EQ(stats.plan, "coded_scan");
    EXPECT_GE(recall_of(*part, made, Metric::kL2), keep_raw ? 0.97 : 0.4);
  }
}

TEST_F(ArchiveTest, gives_the_same_bytes_on_any_number_of_threads) {
  const RowsAndQueries made = clustered(1500, 37);
  std::vector<std::byte> first;
  for (const std::uint32_t threads : {1U, 3U}) {
    const auto part = archived(made.rows, settings(37, Metric::kL2, false), true, threads);
    ASSERT_NE(part, nullptr);
    const auto map = fs_.map_read_only(folder_.path(kArchiveFile));
    ASSERT_OK(map);
    const std::vector<std::byte> bytes((*map)->bytes().begin(), (*map)->bytes().end());
    if (first.empty()) {
      first = bytes;
    }
    EXPECT_TRUE(first == bytes) << threads;
  }
}

TEST_F(ArchiveTest, keeps_raw_vectors_below_the_archive_level_whatever_the_settings_say) {
  const RowsAndQueries made = clustered(1200, 16);
  const auto part = archived(made.rows, settings(16, Metric::kL2, false), true, 1, 1);
  ASSERT_NE(part, nullptr);
  EXPECT_TRUE(part->rows().file().has_vectors());
  EXPECT_OK(part->vector(7));
}

TEST_F(ArchiveTest, refuses_rows_that_are_too_few_too_long_or_too_narrow) {
  const auto try_rows = [&](const test::MadeRows& rows) -> Status {
    const CollectionSettings of = settings(rows.dim, Metric::kL2, true);
    auto writer = SegmentFileWriter::create(fs_, folder_.path(), kArchiveFile, CollectionNumber(3), of);
    EXPECT_OK(writer);
    for (std::uint32_t row = 0; row < rows.count; ++row) {
      EXPECT_OK((*writer)->add({test::made_id(row).view(), test::made_lsn(row), {rows.row(row), rows.dim}, ""}));
    }
    const auto image = (*writer)->finish_rows();
    EXPECT_OK(image);
    auto index = code_rows(**image, {});
    EXPECT_OK(index);
    EXPECT_EQ(may_be_archived(**image, index->norm_max), archive_index(**image, 1, *index).ok());
    return archive_index(**image, 1, *index);
  };
  EXPECT_OK(try_rows(test::gaussian_rows(kArchivedRowsMin, 4, 1)));
  EXPECT_CODE(try_rows(test::gaussian_rows(kArchivedRowsMin - 1, 4, 1)), ErrorCode::kInvalidArgument);
  EXPECT_CODE(try_rows(test::gaussian_rows(kArchivedRowsMin, 3, 1)), ErrorCode::kInvalidArgument);
  test::MadeRows longer = test::gaussian_rows(kArchivedRowsMin, 4, 1);
  longer.row(500)[0] = 2 * kCodedNormMax;
  EXPECT_CODE(try_rows(longer), ErrorCode::kInvalidArgument);
}

TEST_F(ArchiveTest, ends_soon_after_it_is_told_to_stop_and_changes_nothing_then) {
  const RowsAndQueries made = clustered(2000, 32);
  auto writer = SegmentFileWriter::create(fs_, folder_.path(), kArchiveFile, CollectionNumber(3),
                                          settings(32, Metric::kL2, true));
  ASSERT_OK(writer);
  for (std::uint32_t row = 0; row < made.rows.count; ++row) {
    ASSERT_OK((*writer)->add({test::made_id(row).view(), test::made_lsn(row), {made.rows.row(row), 32}, ""}));
  }
  const auto image = (*writer)->finish_rows();
  ASSERT_OK(image);
  for (const std::uint32_t threads : {1U, 3U}) {
    int asked = 0;
    auto all = code_rows(**image, {});
    ASSERT_OK(all);
    ASSERT_OK(archive_index(**image, threads, *all, [&asked] {
      ++asked;
      return ok_status();
    }));
    EXPECT_GT(asked, 50);  // Of each sub-space and iteration, and of the rows as they are coded.
    GraphBuildOptions stopped;
    stopped.threads = threads;
    stopped.codes = quant::CodeKind::kSq8;
    stopped.keep_going = [] { return unavailable("stop"); };
    EXPECT_CODE(code_rows(**image, stopped), ErrorCode::kUnavailable);
    for (const int stop_at : {1, asked / 3, asked / 2, asked}) {
      auto index = code_rows(**image, {});
      ASSERT_OK(index);
      int asked_until_end = 0;
      const auto keep_going = [&]() -> Status {
        return ++asked_until_end < stop_at ? ok_status() : unavailable("stop");
      };
      EXPECT_CODE(archive_index(**image, threads, *index, keep_going), ErrorCode::kUnavailable);
      EXPECT_EQ(asked_until_end, stop_at);
      EXPECT_EQ(index->product, nullptr);
      EXPECT_FALSE(index->product_codes.has_value());
    }
  }
}

TEST_F(ArchiveTest, cannot_be_built_upon_without_raw_vectors) {
  const RowsAndQueries made = clustered(1200, 16);
  const auto part = archived(made.rows, settings(16, Metric::kL2, false));
  ASSERT_NE(part, nullptr);
  const store::VdbFile& file = part->rows().file();
  EXPECT_CODE(build_index(file, {}), ErrorCode::kGone);
  EXPECT_CODE(code_rows(file, {}), ErrorCode::kGone);
  BuiltIndex index;
  EXPECT_CODE(archive_index(file, 1, index), ErrorCode::kGone);
  auto writer = store::VdbRowWriter::create(fs_, folder_.path("b.vdb"), {.dim = 16, .metric = Metric::kL2});
  ASSERT_OK(writer);
  EXPECT_CODE((*writer)->add_all(file), ErrorCode::kGone);
  // Other sections beside the same codes are no matter.
  ASSERT_OK(store::copy_with_sections(fs_, file, folder_.path("c.vdb"), {}));
  const auto copy = SealedSegment::open(fs_, folder_.path("c.vdb"));
  ASSERT_OK(copy);
  EXPECT_EQ((*copy)->row_count(), 1200U);
  EXPECT_OK((*copy)->file().verify());
}

TEST_F(ArchiveTest, survives_damage_that_no_checksum_was_asked_about) {
  for (const bool keep_raw : {true, false}) {
    const RowsAndQueries made = clustered(1200, 16);
    const auto part = archived(made.rows, settings(16, Metric::kL2, keep_raw));
    ASSERT_NE(part, nullptr);
    const auto map = fs_.map_read_only(folder_.path(kArchiveFile));
    ASSERT_OK(map);
    const std::vector<std::byte> good((*map)->bytes().begin(), (*map)->bytes().end());
    const format::VdbLayout& layout = part->rows().file().layout();
    const std::uint64_t seed = 20'261'121;
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    std::uint32_t opened = 0;
    for (int round = 0; round < 600; ++round) {
      std::vector<std::byte> bytes = good;
      // Quantizer, codes and graph in turn.
      const auto kinds = {format::SectionKind::kQuantizer, format::SectionKind::kCodes, format::SectionKind::kGraph};
      const format::SectionEntry& section = *layout.find(*(kinds.begin() + round % 3));
      for (std::uint64_t edits = 1 + random.below(8); edits > 0; --edits) {
        const std::uint64_t length = random.chance(0.5) ? std::min<std::uint64_t>(section.length, 64) : section.length;
        bytes[section.offset + random.below(length)] ^= std::byte{1} << random.below(8);
      }
      auto file = store::VdbFile::from_map("damaged.vdb", std::make_unique<test::MemoryMap>(bytes));
      ASSERT_OK(file);
      EXPECT_CODE((*file)->verify(), ErrorCode::kCorruption);
      const auto segment = SealedSegment::from_file(std::move(*file));
      if (!segment.ok()) {
        EXPECT_CODE(segment, ErrorCode::kCorruption);
        ASSERT_NE(segment.status().message().find("damaged.vdb"), std::string::npos);
        continue;
      }
      ++opened;
      std::vector<hnsw::Hit> hits;
      (*segment)->search(made.queries.row(0), {}, hnsw::scratch_of_this_thread(), hits);
      EXPECT_LE(hits.size(), 10U);
      for (const hnsw::Hit& hit : hits) {
        ASSERT_LT(hit.row, 1200U);
      }
    }
    EXPECT_GT(opened, 300U);
  }
}

}  // namespace
}  // namespace vibrato::vector
