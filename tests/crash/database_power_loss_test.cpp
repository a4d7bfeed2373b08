// The whole database over a disk that loses power: a script of writes, checkpoints, merges, snapshots, restores and
// keys is cut at its disk operations, with what was not synced surviving in every way there is. Afterwards every
// acknowledged write is there, the one in flight is there whole or not at all, and nothing else is.
//
// The recovery itself is cut as well, once or twice, before the content is looked at.
#include <algorithm>
#include <set>

#include "engine/snapshot_check.hpp"
#include "support/database_script.hpp"
#include "support/sanitizers.hpp"
#include "support/test_numbers.hpp"

namespace vibrato::engine {
namespace {

using test::DatabaseScript;
using test::MadeContent;

constexpr int kDatabaseSteps = 80;
constexpr std::uint64_t kCutsOfAScript = 8;

DatabaseOptions script_options() {
  DatabaseOptions options = test::script_options();
  options.sql = true;
  return options;
}

std::uint64_t rounds() {
  const std::uint64_t wanted = 1000 * test::number_from_environment("VIBRATO_CRASH_ROUNDS", 1);  // A factor.
  return std::max<std::uint64_t>(test::kSanitized ? wanted / 10 : wanted, 10);
}

// VIBRATO_TEST_SEED begins other sequences.
std::uint64_t first_seed() {
  return test::seed_or(0) << 32;
}

// Starts until it comes up, losing power on the way as often as `cuts` says.
void recover(io::SimulatedFileSystem& disk, test::MadeDatabase& database, Random& random, int cuts) {
  for (int cut = 0; cut < cuts; ++cut) {
    disk.cut_power_after(random.below(60));
    static_cast<void>(database.open());
    database.close();
    disk.cut_power();
    disk.restart(io::kAllCrashModes[random.below(std::size(io::kAllCrashModes))], random.next_u64());
  }
  ASSERT_OK(database.open());
}

// What the scripts did, so that they cannot come to test less.
struct Seen {
  std::set<std::string> kinds;
  std::uint64_t cuts_in_recovery = 0;

  void add(const io::SimulatedOperation& operation) {
    using Kind = io::SimulatedOperation::Kind;
    const auto is = [&](Kind kind, std::string_view part) {
      return operation.kind == kind && operation.path.find(part) != std::string::npos;
    };
    if (is(Kind::kRemoveFile, "/data/wal/events-")) {
      kinds.insert("trim");
    } else if (is(Kind::kCreate, "/data/wal/events-0") && !operation.path.ends_with("00001.log")) {
      kinds.insert("rollover");
    } else if (is(Kind::kRemoveFile, "/data/segments/")) {
      kinds.insert("merge");
    } else if (is(Kind::kRename, "/data/segments/")) {
      kinds.insert("seal");
    } else if (is(Kind::kRename, "/data/snapshots/s")) {
      kinds.insert("snapshot");
    } else if (is(Kind::kRename, "/data/replaced-")) {
      kinds.insert("restore");
    }
  }
};

// The disk operations of a script that nothing interrupts.
std::uint64_t count_operations(std::uint64_t seed, Seen& seen) {
  io::SimulatedFileSystem disk;
  test::MadeDatabase database(disk, script_options());
  EXPECT_OK(database.open());
  DatabaseScript script(seed, disk);
  script.run(database, kDatabaseSteps);
  EXPECT_EQ(script.wrong_beside_points(database), "");
  for (const io::SimulatedOperation& operation : disk.operations()) {
    seen.add(operation);
  }
  return disk.operation_count();
}

TEST(DatabasePowerLoss, acknowledged_writes_are_there_and_nothing_else) {
  const std::uint64_t count = rounds();
  Seen seen;
  std::uint64_t operations = 0;
  for (std::uint64_t round = 0; round < count; ++round) {
    SCOPED_TRACE("round " + std::to_string(round) + ", VIBRATO_TEST_SEED=" + std::to_string(test::seed_or(0)));
    if (round % kCutsOfAScript == 0) {
      operations = count_operations(first_seed() + round / kCutsOfAScript, seen);
    }
    Random random(first_seed() + round);
    io::SimulatedFileSystem disk;
    test::MadeDatabase database(disk, script_options());
    DatabaseScript script(first_seed() + round / kCutsOfAScript, disk);
    disk.cut_power_after(random.below(operations));
    if (database.open().ok()) {
      script.run(database, kDatabaseSteps);
    }
    disk.cut_power();
    database.close();
    disk.restart(io::kAllCrashModes[round % std::size(io::kAllCrashModes)], random.next_u64());
    const auto cuts = static_cast<int>(random.below(3));
    seen.cuts_in_recovery += static_cast<std::uint64_t>(cuts);
    recover(disk, database, random, cuts);
    if (HasFatalFailure()) {
      return;
    }
    ASSERT_TRUE(database->readiness().ready) << database->readiness().reasons.front();
    const auto found = database.content();
    ASSERT_OK(found);
    ASSERT_TRUE(*found == script.content || *found == script.maybe);
    ASSERT_EQ(script.wrong_beside_points(database), "");
    // It goes on from there, over a stop in order too.
    ASSERT_OK(database.create("after"));
    ASSERT_OK(database.put("after", 1, 1));
    ASSERT_OK(database.checkpoint());
    MadeContent expected = *found;
    expected["after"] = {{1, 1}};
    ASSERT_OK(database.open());
    const auto again = database.content();
    ASSERT_OK(again);
    ASSERT_EQ(*again, expected);
  }
  if (count >= 1000) {
    EXPECT_EQ(seen.kinds, (std::set<std::string>{"trim", "rollover", "merge", "seal", "snapshot", "restore"}));
  }
  RecordProperty("power_losses", static_cast<int>(count + seen.cuts_in_recovery));
}

TEST(DatabasePowerLoss, every_snapshot_that_is_named_can_be_restored) {
  const std::uint64_t count = std::max<std::uint64_t>(rounds() / 25, 5);
  for (std::uint64_t round = 0; round < count; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    Random random(first_seed() + round + 1000);
    io::SimulatedFileSystem disk;
    test::MadeDatabase database(disk, script_options());
    DatabaseScript script(first_seed() + round, disk);
    ASSERT_OK(database.open());
    script.run(database, 30);
    const MadeContent kept = script.content;
    disk.cut_power_after(random.below(200));
    const bool was_made = database.snapshot("kept").ok();
    disk.cut_power();
    database.close();
    disk.restart(io::kAllCrashModes[round % std::size(io::kAllCrashModes)], random.next_u64());
    ASSERT_OK(database.open());
    const auto row =
        database->catalog().read([](const catalog::Tables& tables) { return tables.snapshots.find("kept"); });
    ASSERT_OK(row);
    ASSERT_TRUE(row->has_value() || !was_made);
    database->stop();
    database.close();
    if (!row->has_value()) {
      continue;
    }
    DatabaseOptions options = test::made_database_options("/new");
    options.sql = true;
    ASSERT_OK(restore_snapshot({disk, database.clock(), database.logger(), {}}, options, "/data/snapshots/kept"));
    test::MadeDatabase other(disk, options);
    ASSERT_OK(other.open());
    const auto found = other.content();
    ASSERT_OK(found);
    ASSERT_EQ(*found, kept);
  }
  RecordProperty("power_losses", static_cast<int>(count));
}

// The moment between the rename that names a snapshot and its sync, on disks that keep names in any order.
TEST(DatabasePowerLoss, a_snapshot_that_is_just_named_is_whole_or_has_no_name) {
  const auto fill = [](test::MadeDatabase& database) {
    ASSERT_OK(database.open());
    ASSERT_OK(database.create("a"));
    ASSERT_OK(database.put("a", 1, 1));
    ASSERT_OK(database.checkpoint());
  };
  std::uint64_t named_at = 0;  // How many operations there are up to the rename.
  {
    io::SimulatedFileSystem disk;
    test::MadeDatabase database(disk);
    fill(database);
    ASSERT_OK(database.snapshot("kept"));
    const std::vector<io::SimulatedOperation> operations = disk.operations();
    const auto named = std::ranges::find_if(operations, [](const io::SimulatedOperation& operation) {
      return operation.kind == io::SimulatedOperation::Kind::kRename && operation.path == "/data/snapshots/kept";
    });
    ASSERT_NE(named, operations.end());
    named_at = static_cast<std::uint64_t>(named - operations.begin()) + 1;
  }
  int with_name = 0;
  constexpr std::uint64_t kSeeds = 64;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    io::SimulatedFileSystem disk;
    test::MadeDatabase database(disk);
    disk.cut_power_after(named_at);
    fill(database);
    EXPECT_FALSE(database.snapshot("kept").ok());
    disk.cut_power();
    database.close();
    disk.restart(io::CrashMode::kReordered, seed);
    ASSERT_OK(database.open());
    EXPECT_EQ(disk.stat("/data/snapshots/.kept.partial").status().code(), ErrorCode::kNotFound);
    if (disk.stat("/data/snapshots/kept").ok()) {
      EXPECT_OK(check_snapshot(disk, "/data/snapshots/kept"));
      ++with_name;
    }
  }
  EXPECT_GT(with_name, 0);
}

// A restore into a folder with another state: whenever the power goes, one of the two is there, whole.
TEST(DatabasePowerLoss, a_restore_swaps_all_or_nothing) {
  const auto prepare = [](io::SimulatedFileSystem& disk, test::MadeDatabase& database) {
    ASSERT_OK(database.open());
    ASSERT_OK(database.create("old"));
    ASSERT_OK(database.put("old", 1, 1));
    ASSERT_OK(database.checkpoint());
    ASSERT_OK(database.put("old", 2, 2));
    ASSERT_OK(database.snapshot("s"));
    ASSERT_OK(database.put("old", 3, 3));
    ASSERT_OK(database.checkpoint());
    database->stop();
    database.close();
    ASSERT_TRUE(disk.has_power());
  };
  const MadeContent restored = {{"old", {{1, 1}, {2, 2}}}};
  const MadeContent untouched = {{"old", {{1, 1}, {2, 2}, {3, 3}}}};
  std::uint64_t operations = 0;
  const auto run_restore = [](io::SimulatedFileSystem& disk, test::MadeDatabase& database) {
    return restore_snapshot({disk, database.clock(), database.logger(), {}}, database.options(), "/data/snapshots/s")
        .status();
  };
  {
    io::SimulatedFileSystem disk;
    test::MadeDatabase database(disk);
    prepare(disk, database);
    const std::uint64_t before = disk.operation_count();
    ASSERT_OK(run_restore(disk, database));
    operations = disk.operation_count() - before;
    ASSERT_OK(database.open());
    ASSERT_EQ(*database.content(), restored);
  }
  const std::uint64_t stride = std::max<std::uint64_t>(operations / std::max<std::uint64_t>(rounds() / 12, 1), 1);
  bool was_untouched = false;
  bool was_restored = false;
  for (std::uint64_t cut = 0; cut <= operations; cut += stride) {
    SCOPED_TRACE("cut " + std::to_string(cut));
    io::SimulatedFileSystem disk;
    test::MadeDatabase database(disk);
    prepare(disk, database);
    Random random(first_seed() + cut);
    disk.cut_power_after(cut);
    const bool was_done = run_restore(disk, database).ok();
    disk.cut_power();
    disk.restart(io::kAllCrashModes[random.below(std::size(io::kAllCrashModes))], random.next_u64());
    recover(disk, database, random, static_cast<int>(random.below(2)));
    const auto found = database.content();
    ASSERT_OK(found);
    ASSERT_TRUE(*found == restored || (!was_done && *found == untouched));
    ASSERT_TRUE(database->readiness().ready);
    was_untouched = was_untouched || *found == untouched;
    was_restored = was_restored || *found == restored;
  }
  EXPECT_TRUE(was_untouched);
  EXPECT_TRUE(was_restored);
  RecordProperty("power_losses", static_cast<int>(operations / stride + 1));
}

}  // namespace
}  // namespace vibrato::engine
