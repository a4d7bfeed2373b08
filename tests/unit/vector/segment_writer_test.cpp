#include "vector/segment_writer.hpp"

#include <algorithm>
#include <gtest/gtest.h>

#include "io/faulty_file_system.hpp"
#include "io/real_file_system.hpp"
#include "io/simulated_file_system.hpp"
#include "support/file_contents.hpp"
#include "support/sealed_rows.hpp"
#include "support/temp_directory.hpp"
#include "vector/flush_file.hpp"

namespace vibrato::vector {
namespace {

constexpr std::uint32_t kWrittenDim = 16;
const std::string kWrittenFile = "segments/a.vdb";

class SegmentWriterTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(fs_.create_directory(folder_.path("segments"))); }

  io::RealFileSystem fs_;
  test::TempDirectory folder_;
};

TEST_F(SegmentWriterTest, writes_rows_in_any_order_of_their_lsns_with_an_index_over_them) {
  const auto settings = test::small_segment_settings(kWrittenDim);
  const auto made = test::make_vectors(2000, kWrittenDim, 5);
  auto writer = SegmentFileWriter::create(fs_, folder_.path(), kWrittenFile, CollectionNumber(9), settings);
  ASSERT_OK(writer);
  for (std::uint32_t row = 0; row < made.rows; ++row) {
    ASSERT_OK((*writer)->add({test::made_id(row).view(), Lsn(5000 - row), made.row(row), test::sealed_meta(row)}));
  }
  const auto rows = (*writer)->finish_rows();
  ASSERT_OK(rows);
  EXPECT_OK((*rows)->verify());
  GraphBuildOptions options;
  options.m = 8;
  options.ef_construction = 60;
  const auto index = build_index(**rows, options);
  ASSERT_OK(index);
  const auto entry = (*writer)->commit(&*index, 1);
  ASSERT_OK(entry);
  EXPECT_EQ(entry->level, 1U);
  EXPECT_EQ(entry->first_lsn, Lsn(3001));
  EXPECT_EQ(entry->last_lsn, Lsn(5000));
  writer->reset();
  EXPECT_EQ(test::names_in(fs_, folder_.path("segments")), "a.vdb");

  const auto sealed = SealedPart::open(fs_, folder_.path(), *entry, settings);
  ASSERT_OK(sealed);
  EXPECT_OK((*sealed)->rows().file().verify());
  EXPECT_EQ((*sealed)->indexed_count(), 2000U);
  for (std::uint32_t row = 0; row < made.rows; ++row) {
    ASSERT_EQ((*sealed)->find(test::made_id(row).view(), Lsn::max()).value(), row);
    ASSERT_EQ((*sealed)->row_lsn(row), Lsn(5000 - row));
    ASSERT_EQ((*sealed)->meta_json(row).value(), test::sealed_meta(row));
  }
  EXPECT_EQ(test::search_part(**sealed, made.row(3), 1, Lsn::max()).front().row, 3U);
}

TEST_F(SegmentWriterTest, a_stop_leaves_the_segment_without_a_calibration_and_whole) {
  const auto settings = test::small_segment_settings(kWrittenDim);
  const auto made = test::make_vectors(2500, kWrittenDim, 5);
  for (const bool stops : {false, true}) {
    auto writer = SegmentFileWriter::create(fs_, folder_.path(), kWrittenFile, CollectionNumber(9), settings);
    ASSERT_OK(writer);
    for (std::uint32_t row = 0; row < made.rows; ++row) {
      ASSERT_OK((*writer)->add({test::made_id(row).view(), Lsn(row + 1), made.row(row), {}}));
    }
    const auto rows = (*writer)->finish_rows();
    ASSERT_OK(rows);
    GraphBuildOptions options;
    options.m = 8;
    options.ef_construction = 60;
    const auto index = build_index(**rows, options);
    ASSERT_OK(index);
    int asked = 0;
    const auto entry = (*writer)->commit(&*index, 1, [&] {
      ++asked;
      return stops && asked == 3 ? Status(ErrorCode::kUnavailable, "stopping") : ok_status();
    });
    ASSERT_OK(entry);
    EXPECT_EQ(stops, asked == 3);
    const auto sealed = SealedPart::open(fs_, folder_.path(), *entry, settings);
    ASSERT_OK(sealed);
    EXPECT_OK((*sealed)->rows().file().verify());
    EXPECT_EQ((*sealed)->rows().calibration() == nullptr, stops);
  }
}

TEST_F(SegmentWriterTest, leaves_nothing_behind_without_a_commit) {
  const auto made = test::make_vectors(20'000, kWrittenDim, 5);  // Enough for every spool to become a file.
  {
    auto writer = SegmentFileWriter::create(fs_, folder_.path(), kWrittenFile, CollectionNumber(1),
                                            test::small_segment_settings(kWrittenDim));
    ASSERT_OK(writer);
    for (std::uint32_t row = 0; row < made.rows; ++row) {
      const std::string id(100, 'i');
      ASSERT_OK((*writer)->add({PointId(id + std::to_string(row)).view(), Lsn(1 + row), made.row(row), id}));
    }
    EXPECT_OK((*writer)->finish_rows());
    EXPECT_NE(test::names_in(fs_, folder_.path("segments")), "");
  }
  EXPECT_EQ(test::names_in(fs_, folder_.path("segments")), "");
}

TEST_F(SegmentWriterTest, refuses_a_segment_without_rows_and_rows_that_do_not_fit) {
  auto writer = SegmentFileWriter::create(fs_, folder_.path(), kWrittenFile, CollectionNumber(1),
                                          test::small_segment_settings(2));
  ASSERT_OK(writer);
  const std::vector<float> vector = {1, 2};
  const std::vector<float> longer = {1, 2, 3};
  EXPECT_CODE((*writer)->add({PointId(1).view(), Lsn(1), longer, ""}), ErrorCode::kDimMismatch);
  ASSERT_OK((*writer)->finish_rows());
  EXPECT_CODE((*writer)->commit(nullptr, 0), ErrorCode::kInvalidArgument);
  writer = SegmentFileWriter::create(fs_, folder_.path(), kWrittenFile, CollectionNumber(1),
                                     test::small_segment_settings(2));
  EXPECT_CODE((*writer)->add({PointId(1).view(), Lsn(), vector, ""}), ErrorCode::kInvalidArgument);
  EXPECT_CODE(
      SegmentFileWriter::create(fs_, folder_.path(), "../a", CollectionNumber(1), test::small_segment_settings(2)),
      ErrorCode::kInvalidArgument);
}

TEST_F(SegmentWriterTest, tells_the_throttle_of_every_byte_before_it_is_written) {
  const auto settings = test::small_segment_settings(kWrittenDim);
  std::uint64_t told = 0;
  const auto entry = seal_hot_part(fs_, folder_.path(), kWrittenFile, CollectionNumber(1), settings,
                                   *test::frozen_part(settings, test::make_vectors(5000, kWrittenDim, 5)),
                                   [&told](std::uint64_t bytes) { told += bytes; });
  ASSERT_OK(entry);
  EXPECT_GE(told, entry->bytes);
  EXPECT_LT(told, entry->bytes + entry->bytes / 4);
}

TEST_F(SegmentWriterTest, a_thousand_small_parts_make_one_file_and_cost_little_memory) {
  std::vector<PackItem> items;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const auto settings = test::small_segment_settings(4 + i % 3, static_cast<Metric>(i % 3));
    items.push_back(pack_item(CollectionNumber(i + 1), settings,
                              test::frozen_part(settings, test::make_vectors(10, settings.dim, i))));
  }
  const auto entries = seal_small_parts(fs_, folder_.path(), kWrittenFile, items);
  ASSERT_OK(entries);
  ASSERT_EQ(entries->size(), 1000U);
  EXPECT_EQ(test::names_in(fs_, folder_.path("segments")), "a.vdb");
  store::PackMaps packs;
  std::vector<std::shared_ptr<SealedPart>> parts;
  std::uint64_t bytes = 0;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const catalog::Segment& entry = (*entries)[i];
    ASSERT_EQ(entry.part, i);
    ASSERT_EQ(entry.collection, CollectionNumber(i + 1));
    const auto part = SealedPart::open(fs_, folder_.path(), entry, items[i].settings, nullptr, &packs);
    ASSERT_OK(part);
    parts.push_back(*part);
    bytes += parts.back()->bytes_in_memory();
    for (std::uint32_t row = 0; row < 10; ++row) {
      ASSERT_EQ(parts.back()->find(test::made_id(row).view(), Lsn::max()).value(), row);
      ASSERT_EQ(parts.back()->meta_json(row).value(), test::sealed_meta(row));
      ASSERT_TRUE(std::ranges::equal(parts.back()->vector(row).value(), items[i].row(row)->vector));
    }
    ASSERT_EQ(test::search_part(*parts.back(), items[i].row(4)->vector, 10, Lsn::max()).size(), 10U);
  }
  EXPECT_LT(bytes, 1000U * 2048U);
  // All of them look into one map, which holds the whole file.
  const auto begin_of = [](const SealedPart& part) { return part.rows().file().map().bytes().data(); };
  const std::uint64_t file_bytes = fs_.stat(folder_.path(kWrittenFile))->size_bytes;
  for (const auto& part : parts) {
    ASSERT_LT(static_cast<std::uint64_t>(begin_of(*part) - begin_of(*parts.front())), file_bytes);
  }
}

TEST_F(SegmentWriterTest, parts_without_rows_are_refused_and_leave_nothing) {
  const auto settings = test::small_segment_settings(2);
  const auto empty = test::frozen_part(settings, {0, 2, {}});
  EXPECT_CODE(seal_hot_part(fs_, folder_.path(), kWrittenFile, CollectionNumber(1), settings, *empty),
              ErrorCode::kInvalidArgument);
  const std::vector<PackItem> items = {pack_item(CollectionNumber(1), settings, empty)};
  EXPECT_CODE(seal_small_parts(fs_, folder_.path(), kWrittenFile, items), ErrorCode::kInvalidArgument);
  EXPECT_EQ(test::names_in(fs_, folder_.path("segments")), "");
}

// `vibratod serve` would lose the ids.
TEST_F(SegmentWriterTest, a_segment_takes_no_rows_that_have_no_ids) {
  const auto settings = test::small_segment_settings(kWrittenDim);
  const auto hot = test::frozen_part(settings, test::make_vectors(50, kWrittenDim, 5));
  ASSERT_OK(seal_hot_part(fs_, folder_.path(), kWrittenFile, CollectionNumber(1), settings, *hot));
  const std::string path = folder_.path(kWrittenFile);
  const auto sealed = SealedSegment::open(fs_, path);
  ASSERT_OK(sealed);
  EXPECT_CODE(write_flushed(fs_, path, **sealed, {}, {}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(test::names_in(fs_, folder_.path("segments")), "a.vdb");
}

// What the catalog may name once a call was ok must survive a power loss whole; before, there may be no such file.
class SegmentPowerLossTest : public ::testing::Test {
 protected:
  static void prepare(io::FileSystem& fs) {
    ASSERT_OK(fs.create_directory("/data"));
    ASSERT_OK(fs.sync_directory("/"));
    ASSERT_OK(fs.create_directory("/data/segments"));
    ASSERT_OK(fs.sync_directory("/data"));
  }

  // Cuts the power after each operation of `write`, which answers entries; `settings` are those of all of them.
  template <typename Write>
  static void cut_everywhere(const CollectionSettings& settings, const Write& write) {
    int whole = 0;
    for (const io::CrashMode mode : io::kAllCrashModes) {
      bool finished = false;
      for (std::uint64_t operations = 0; !finished; ++operations) {
        io::SimulatedFileSystem fs;
        prepare(fs);
        fs.cut_power_after(operations);
        const Result<std::vector<catalog::Segment>> entries = write(fs);
        finished = fs.has_power();
        fs.restart(mode, operations + 1);
        if (entries.ok()) {
          for (const catalog::Segment& entry : *entries) {
            const auto part = SealedPart::open(fs, "/data", entry, settings);
            ASSERT_OK(part) << "after " << operations << " operations";
            ASSERT_OK((*part)->rows().file().verify());
          }
          ++whole;
          continue;
        }
        store::PackMaps packs;
        const auto file = packs.open(fs, "/data/" + kWrittenFile, 0);
        ASSERT_TRUE(file.ok() || file.status().code() == ErrorCode::kNotFound) << file.status().message();
        ASSERT_TRUE(!file.ok() || (*file)->verify().ok());
      }
    }
    EXPECT_GE(whole, 1);
  }
};

TEST_F(SegmentPowerLossTest, a_sealed_file_is_whole_or_not_there) {
  const auto settings = test::small_segment_settings(kWrittenDim);
  const auto hot = test::frozen_part(settings, test::make_vectors(1500, kWrittenDim, 5));
  cut_everywhere(settings, [&](io::FileSystem& fs) -> Result<std::vector<catalog::Segment>> {
    VIBRATO_ASSIGN_OR_RETURN(const auto entry,
                             seal_hot_part(fs, "/data", kWrittenFile, CollectionNumber(1), settings, *hot));
    return std::vector{entry};
  });
}

TEST_F(SegmentPowerLossTest, a_pack_is_whole_or_not_there) {
  const auto settings = test::small_segment_settings(4);
  std::vector<PackItem> items;
  for (std::uint32_t i = 0; i < 5; ++i) {
    items.push_back(pack_item(CollectionNumber(1), settings, test::frozen_part(settings, test::make_vectors(7, 4, i))));
  }
  cut_everywhere(settings, [&items](io::FileSystem& fs) { return seal_small_parts(fs, "/data", kWrittenFile, items); });
}

TEST_F(SegmentPowerLossTest, every_failing_call_is_reported_and_leaves_no_file_behind) {
  const auto settings = test::small_segment_settings(kWrittenDim);
  const auto hot = test::frozen_part(settings, test::make_vectors(1500, kWrittenDim, 5));
  bool struck = true;
  for (std::uint64_t operation = 0; struck; ++operation) {
    io::SimulatedFileSystem fs;
    prepare(fs);
    io::FaultyFileSystem faulty(fs);
    io::FaultRule rule;
    rule.fault = io::Fault::kDiskFull;
    rule.operation = operation;
    faulty.add_rule(rule);
    const auto entry = seal_hot_part(faulty, "/data", kWrittenFile, CollectionNumber(1), settings, *hot);
    struck = !entry.ok();
    const std::string names = test::names_in(fs, "/data/segments");
    // The sync of the folder and the look at the size come after the new name is there.
    EXPECT_TRUE(names.empty() || names == "a.vdb") << names;
  }
}

}  // namespace
}  // namespace vibrato::vector
