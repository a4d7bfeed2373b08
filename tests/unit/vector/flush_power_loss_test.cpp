// A flush that loses power at any of its changes, with whatever the disk kept of them.
#include <gtest/gtest.h>
#include <thread>

#include "io/simulated_file_system.hpp"
#include "support/file_contents.hpp"
#include "support/vector_sets.hpp"
#include "vector/single_file.hpp"

namespace vibrato::vector {
namespace {

constexpr std::uint32_t kStored = 60;
constexpr std::uint32_t kNew = 20;
const std::string kPath = "/data/rows.vdb";

SingleFileOptions options() {
  SingleFileOptions options;
  options.build_threads = 1;
  options.max_ram_buffer_vectors = kNew;
  return options;
}

// Opens the file, which must be durable, takes new rows, and flushes them with power for `operations` more changes.
// True if the flush was reported as complete.
bool flush_with_power_for(io::SimulatedFileSystem& fs, const test::VectorSet& made, std::uint64_t operations) {
  const auto file = SingleFile::open(fs, kPath, options(), {});
  EXPECT_OK(file);
  for (std::uint32_t row = kStored; file.ok() && row < kStored + kNew; ++row) {
    EXPECT_OK((*file)->ingest(made.row(row), "{\"row\":" + std::to_string(row) + "}"));
  }
  fs.cut_power_after(operations);
  EXPECT_EQ((*file)->start_flush(), FlushStart::kStarted);
  while ((*file)->flush_status().state == FlushState::kRunning) {
    std::this_thread::yield();
  }
  return (*file)->flush_status().state == FlushState::kCompleted;
}

void expect_whole(io::SimulatedFileSystem& fs, const test::VectorSet& made, bool completed) {
  const auto raw = store::VdbFile::open(fs, kPath);
  ASSERT_OK(raw);
  ASSERT_OK((*raw)->verify());
  const auto file = SingleFile::open(fs, kPath, options(), [](std::uint64_t, std::uint64_t) { FAIL() << "no graph"; });
  ASSERT_OK(file);
  const std::uint64_t rows = (*file)->info().persisted_vectors;
  EXPECT_TRUE(rows == kStored + kNew || (rows == kStored && !completed)) << rows;
  for (std::uint32_t row = 0; row < rows; ++row) {
    const auto hits = (*file)->search(made.row(row), 1, 200);
    ASSERT_OK(hits);
    ASSERT_EQ(hits->size(), 1U);
    EXPECT_EQ(hits->front().row, row);
    EXPECT_EQ((*file)->meta_json(row).value(), "{\"row\":" + std::to_string(row) + "}");
  }
  EXPECT_EQ(test::names_in(fs, "/data"), "rows.vdb");
}

class FlushPowerLoss : public ::testing::TestWithParam<io::CrashMode> {};

TEST_P(FlushPowerLoss, leaves_the_old_file_or_the_new_one_whole) {
  const auto made = test::make_vectors(kStored + kNew, 5, 1);
  const test::VectorSet stored{kStored, 5, {made.values.begin(), made.values.begin() + kStored * 5}};
  bool completed = false;
  std::uint64_t operations = 0;
  for (; !completed; ++operations) {
    SCOPED_TRACE(operations);
    io::SimulatedFileSystem fs;
    ASSERT_OK(fs.create_directory("/data"));
    ASSERT_OK(fs.sync_directory("/"));
    test::write_vdb(fs, kPath, stored, Metric::kL2);
    ASSERT_OK(SingleFile::open(fs, kPath, options(), {}));  // Stores the graph.
    completed = flush_with_power_for(fs, made, operations);
    fs.restart(GetParam(), operations);
    expect_whole(fs, made, completed);
    ASSERT_LT(operations, 1000U) << "the flush never completes";
  }
  EXPECT_GT(operations, 10U) << "writing two files takes more changes than that";
}

INSTANTIATE_TEST_SUITE_P(EveryCrashMode, FlushPowerLoss, ::testing::ValuesIn(io::kAllCrashModes));

}  // namespace
}  // namespace vibrato::vector
