// A server that is killed again and again before a checkpoint ends: every start makes progress, so that the log stays
// within its bound and what one life writes.
#include <algorithm>

#include "support/made_database.hpp"

namespace vibrato::engine {
namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kCap = 256 * kKiB;
constexpr std::uint64_t kWritesOfALife = 1500;
constexpr std::uint64_t kIds = 2000;

// Without background work: no checkpoint ever ends of itself.
DatabaseOptions options() {
  DatabaseOptions options = test::made_database_options();
  options.wal_segment_bytes = 16 * kKiB;
  options.wal_max_bytes = kCap;
  options.hot_part_bytes = 128 * kKiB;
  options.background_io_mb_per_sec = 0;
  return options;
}

class RecoveryProgressTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(database_.open());
    ASSERT_OK(database_.create("c"));
    ASSERT_OK(database_.create("idle"));
    put("idle", 1);
  }
  void put(const std::string& name, std::uint64_t id) {
    ASSERT_OK(database_.put(name, id, ++number_));
    expected_[name][id] = number_;
  }
  // Mostly overwrites what earlier lives wrote, and the same few ids again and again.
  void write(std::uint64_t writes) {
    for (std::uint64_t i = 0; i < writes; ++i) {
      put("c", i % 3 == 0 ? i % 7 : random_.below(kIds));
    }
    const std::uint64_t gone = expected_["c"].rbegin()->first;
    ASSERT_OK(database_.remove("c", gone));
    expected_["c"].erase(gone);
  }
  void kill(io::CrashMode mode = io::CrashMode::kKeepAll) {
    disk_.cut_power();
    database_.close();
    disk_.restart(mode, random_.next_u64());
  }
  void expect_content() {
    const auto content = database_.content();
    ASSERT_OK(content);
    EXPECT_EQ(*content, expected_);
  }

  io::SimulatedFileSystem disk_;
  test::MadeDatabase database_{disk_, options()};
  Random random_{7};
  test::MadeContent expected_;
  std::uint64_t number_ = 0;
};

TEST_F(RecoveryProgressTest, the_log_stays_bounded_over_kills_before_any_checkpoint) {
  std::uint64_t of_a_life = 0;
  Lsn durable;
  for (int life = 0; life < 16; ++life) {
    SCOPED_TRACE("life " + std::to_string(life));
    const std::uint64_t before = database_->stats().wal_bytes;
    write(kWritesOfALife);
    of_a_life = std::max(of_a_life, database_->stats().wal_bytes - before);
    ASSERT_LE(database_->stats().wal_bytes, kCap + 2 * of_a_life);
    kill();
    ASSERT_OK(database_.open());
    ASSERT_LE(database_->stats().wal_bytes, kCap + 16 * kKiB) << "the start has cut it off";
    expect_content();
    ASSERT_GE(database_->vectors().durable_lsn(), durable);
    durable = database_->vectors().durable_lsn();
  }
  ASSERT_GT(of_a_life, 64 * kKiB);
  EXPECT_GT(durable, Lsn(8 * kWritesOfALife));
  EXPECT_LE(database_->stats().hot_rows, 3 * kWritesOfALife);
}

// The disk is taken away in the middle of what the start saves, before it has saved all.
TEST_F(RecoveryProgressTest, starts_that_are_killed_make_progress_too) {
  write(10 * kWritesOfALife);
  ASSERT_GT(database_->stats().wal_bytes, 3 * kCap);
  kill();
  int kills = 0;
  while (true) {
    disk_.cut_power_after(120);
    if (database_.open().ok()) {
      break;
    }
    ASSERT_LT(++kills, 60);
    kill(io::kAllCrashModes[static_cast<std::size_t>(kills) % std::size(io::kAllCrashModes)]);
  }
  EXPECT_GE(kills, 3) << "the starts were not disturbed";
  disk_.cut_power_after(UINT64_MAX);
  EXPECT_LE(database_->stats().wal_bytes, kCap + 16 * kKiB);
  expect_content();
}

TEST_F(RecoveryProgressTest, a_log_within_its_bound_is_replayed_into_memory_as_it_is) {
  write(kWritesOfALife);
  ASSERT_LT(database_->stats().wal_bytes, kCap);
  const std::uint64_t before = disk_.operation_count();
  kill();
  ASSERT_OK(database_.open());
  EXPECT_LT(disk_.operation_count() - before, 40U);
  EXPECT_EQ(database_->vectors().durable_lsn(), Lsn());
  EXPECT_EQ(disk_.list_directory("/data/segments")->size(), 0U);
  expect_content();
}

// What is read-only for damage cannot be saved: the start does not try again and again, and serves.
TEST_F(RecoveryProgressTest, a_damaged_collection_keeps_its_records_and_holds_nobody_up) {
  ASSERT_OK(database_.checkpoint());
  write(4 * kWritesOfALife);
  const auto idle = database_->vectors().find("idle");
  ASSERT_OK(idle);
  put("idle", 2);
  const catalog::Segment segment = (*idle)->read_view().version->sealed.at(0)->entry();
  ASSERT_OK(database_->vectors().degrade(**idle, segment.id, "made for the test"));
  write(4 * kWritesOfALife);
  const std::uint64_t files = disk_.list_directory("/data/segments")->size();
  kill();
  ASSERT_OK(disk_.rename("/data/" + segment.file, "/data/moved"));  // Whole, it would lose its mark.
  expected_["idle"].erase(1);
  ASSERT_OK(database_.open());
  expect_content();
  EXPECT_GT(database_->stats().wal_bytes, kCap);
  EXPECT_LE(disk_.list_directory("/data/segments")->size(), files + 8);
  ASSERT_OK(database_.put("c", 1, ++number_));
}

TEST_F(RecoveryProgressTest, the_log_is_cut_off_behind_each_part_that_a_checkpoint_saves) {
  write(20 * kWritesOfALife);
  ASSERT_GT(database_->stats().wal_bytes, 6 * kCap);
  const std::size_t from = disk_.operations().size();
  ASSERT_OK(database_.checkpoint());
  const std::vector<io::SimulatedOperation> operations = disk_.operations();
  const auto is_seal = [](const io::SimulatedOperation& one) {
    return one.kind == io::SimulatedOperation::Kind::kRename && one.path.starts_with("/data/segments/");
  };
  const auto last_seal = std::find_if(operations.rbegin(), operations.rend(), is_seal);
  const auto cuts = std::count_if(
      operations.begin() + static_cast<std::ptrdiff_t>(from), last_seal.base(), [](const io::SimulatedOperation& one) {
        return one.kind == io::SimulatedOperation::Kind::kRemoveFile && one.path.starts_with("/data/wal/events-");
      });
  EXPECT_GT(cuts, 5) << "segments of the log that went before the last part was saved";
  expect_content();
}

}  // namespace
}  // namespace vibrato::engine
