// A snapshot with single bits flipped, in its manifest and in everything that this names: checking finds each of them,
// and a restore changes nothing.
#include <gtest/gtest.h>
#include <vector>

#include "base/random.hpp"
#include "engine/offline.hpp"
#include "engine/snapshot_check.hpp"
#include "format_flips.hpp"
#include "support/made_database.hpp"

namespace vibrato::engine {
namespace {

const std::string kSnapshot = "/data/snapshots/s";

void make_snapshot(io::FileSystem& disk) {
  DatabaseOptions options = test::made_database_options();
  options.pepper.reset();
  test::MadeDatabase database(disk, options);
  ASSERT_OK(database.open());
  ASSERT_OK(database.create("c"));
  for (std::uint64_t id = 0; id < 40; ++id) {
    ASSERT_OK(database.put("c", id, id));
  }
  ASSERT_OK(database.checkpoint());
  ASSERT_OK(database.put("c", 1, 2));
  ASSERT_OK(database.snapshot("s"));
}

// Flips a bit in place, and back.
void flip(io::FileSystem& disk, const std::string& path, std::uint64_t at, std::byte mask) {
  const auto file = disk.open(path, io::OpenMode::kReadWrite);
  ASSERT_OK(file);
  std::byte byte{};
  ASSERT_OK((*file)->read_at(at, {&byte, 1}));
  byte ^= mask;
  ASSERT_OK((*file)->write_at(at, {&byte, 1}));
}

TEST(SnapshotDamage, every_flipped_bit_is_found_before_anything_is_touched) {
  const std::uint64_t seed = test::seed_or(4711);
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  io::SimulatedFileSystem disk;
  make_snapshot(disk);
  const auto manifest = check_snapshot(disk, kSnapshot);
  ASSERT_OK(manifest);
  std::vector<std::string> files = {std::string(format::kManifestFile)};
  for (const format::ManifestFile& file : manifest->files) {
    files.push_back(file.path);
  }
  ASSERT_GE(files.size(), 6U);
  const DatabaseOptions other = test::made_database_options("/other");
  const test::FakeClock clock;
  const Logger logger(LogLevel::kOff);
  for (std::uint64_t i = 0; i < test::flips(400, 2); ++i) {
    // Half of them in the manifest, which has no hash of its own elsewhere.
    const std::string path = kSnapshot + "/" + (random.chance(0.5) ? files.front() : files[random.below(files.size())]);
    const std::uint64_t at = random.below(disk.stat(path)->size_bytes);
    const std::byte mask = std::byte{1} << random.below(8);
    flip(disk, path, at, mask);
    ASSERT_FALSE(check_snapshot(disk, kSnapshot).ok()) << path << ", byte " << at;
    if (i % 16 == 0) {
      ASSERT_FALSE(restore_snapshot({disk, clock, logger, {}}, other, kSnapshot).ok());
      ASSERT_EQ(disk.stat("/other").status().code(), ErrorCode::kNotFound);
    }
    flip(disk, path, at, mask);
  }
  EXPECT_OK(restore_snapshot({disk, clock, logger, {}}, other, kSnapshot));
  test::record_flips(test::flips(400, 2));
}

}  // namespace
}  // namespace vibrato::engine
