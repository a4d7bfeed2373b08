#include "vector/single_file.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <set>
#include <thread>

#include "io/real_file_system.hpp"
#include "support/temp_directory.hpp"
#include "support/vector_sets.hpp"

namespace vibrato::vector {
namespace {

constexpr std::uint32_t kStored = 600;
constexpr std::uint32_t kFileRows = 2200;

// Rows that were acknowledged are found under their numbers, each once, whatever flushes meanwhile.
void search_what_was_ingested(const SingleFile& file, const test::VectorSet& made,
                              const std::atomic<std::uint32_t>& acknowledged, std::uint64_t seed) {
  Random random(seed);
  while (acknowledged.load() < kFileRows) {
    const auto row = static_cast<std::uint32_t>(random.below(acknowledged.load()));
    const auto hits = file.search(made.row(row), 10, 200);
    ASSERT_OK(hits);
    ASSERT_EQ(hits->size(), 10U);
    ASSERT_EQ(hits->front().row, row);
    std::set<std::uint32_t> rows;
    for (const RowHit& hit : *hits) {
      rows.insert(hit.row);
      ASSERT_EQ(file.meta_json(hit.row).value(), "{\"row\":" + std::to_string(hit.row) + "}");
    }
    ASSERT_EQ(rows.size(), 10U);
  }
}

TEST(SingleFileThreads, lose_and_double_nothing_while_flushes_run) {
  io::RealFileSystem fs;
  const test::TempDirectory folder;
  const std::string path = folder.path("rows.vdb");
  const auto made = test::make_vectors(kFileRows, 16, 1);
  test::write_vdb(fs, path, {kStored, 16, {made.values.begin(), made.values.begin() + kStored * 16}}, Metric::kL2);
  SingleFileOptions options;
  options.m = 8;
  options.ef_construction = 60;
  options.build_threads = 2;
  options.max_ram_buffer_vectors = kFileRows;
  auto file = SingleFile::open(fs, path, options, {});
  ASSERT_OK(file);

  std::atomic<std::uint32_t> acknowledged{kStored};
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    for (std::uint32_t row = kStored; row < kFileRows; ++row) {
      const auto at = (*file)->ingest(made.row(row), "{\"row\":" + std::to_string(row) + "}");
      ASSERT_OK(at);
      ASSERT_EQ(*at, row);
      acknowledged.store(row + 1);
    }
  });
  threads.emplace_back([&] {
    while (acknowledged.load() < kFileRows) {
      (void)(*file)->start_flush();
      const FlushStatus status = (*file)->flush_status();
      ASSERT_NE(status.state, FlushState::kFailed) << status.error.value_or("");
      ASSERT_GE(status.persisted_vectors + status.dynamic_vectors, kStored);
      std::this_thread::yield();
    }
  });
  for (std::uint64_t seed = 0; seed < 2; ++seed) {
    threads.emplace_back([&, seed] { search_what_was_ingested(**file, made, acknowledged, seed); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }

  while ((*file)->start_flush() != FlushStart::kNothingToFlush) {
    std::this_thread::yield();
  }
  EXPECT_EQ((*file)->info().persisted_vectors, kFileRows);
  file->reset();
  const auto again = SingleFile::open(fs, path, options, {});
  ASSERT_OK(again);
  EXPECT_EQ((*again)->info().persisted_vectors, kFileRows);
  for (std::uint32_t row = 0; row < kFileRows; row += 13) {
    const auto hits = (*again)->search(made.row(row), 1, 200);
    ASSERT_OK(hits);
    EXPECT_EQ(hits->front().row, row);
  }
}

}  // namespace
}  // namespace vibrato::vector
