// The whole database over a disk that loses power: a script of creations, puts, deletes, drops, checkpoints, merges and
// snapshots is cut at its disk operations, with what was not synced surviving in every way there is. Afterwards every
// acknowledged write is there, the one in flight is there whole or not at all, and nothing else is.
//
// The recovery itself is cut as well, once or twice, before the content is looked at.
#include <algorithm>
#include <cstdlib>

#include "base/random.hpp"
#include "engine/offline.hpp"
#include "support/made_database.hpp"
#include "support/sanitizers.hpp"

namespace vibrato::engine {
namespace {

using test::MadeContent;

std::uint64_t rounds() {
  const char* const text = std::getenv("VIBRATO_CRASH_ROUNDS");  // A factor, as in the other tests here.
  const std::uint64_t wanted = 400 * (text == nullptr ? 1 : std::strtoull(text, nullptr, 10));
  return std::max<std::uint64_t>(test::kSanitized ? wanted / 10 : wanted, 10);
}

// Runs random steps drawn from a seed, and says what may be found afterwards.
class Script {
 public:
  explicit Script(std::uint64_t seed) : random_(seed) {}

  // Ends early at the first error. `content` is what was acknowledged, `maybe` that with the step in flight.
  void run(test::MadeDatabase& database, int steps) {
    for (int step = 0; step < steps; ++step) {
      maybe = content;
      if (!run_step(database).ok()) {
        return;
      }
      content = maybe;
    }
    maybe = content;
  }

  MadeContent content;
  MadeContent maybe;

 private:
  Status run_step(test::MadeDatabase& database) {
    const std::string name = random_.chance(0.7) ? "a" : "b";
    const bool is_there = content.contains(name);
    const std::uint64_t choice = random_.below(100);
    if (!is_there) {
      maybe[name];
      return database.create(name);
    }
    auto& points = maybe[name];
    if (choice < 55) {
      const std::uint64_t id = random_.below(40);
      points[id] = random_.below(5000);
      return database.put(name, id, points[id]);
    }
    if (choice < 75) {
      if (points.empty()) {
        return ok_status();
      }
      const std::uint64_t id =
          std::next(points.begin(), static_cast<std::ptrdiff_t>(random_.below(points.size())))->first;
      points.erase(id);
      return database.remove(name, id);
    }
    if (choice < 78) {
      maybe.erase(name);
      return database.drop(name);
    }
    // A full disk is none here, so whatever fails has failed for the power.
    if (choice < 90) {
      return database.checkpoint();
    }
    return choice < 96 ? database.compact(name) : database.snapshot("");
  }

  Random random_;
};

DatabaseOptions script_options() {
  DatabaseOptions options = test::made_database_options();
  options.wal_segment_bytes = 4096;
  options.wal_retain_bytes = 4096;
  return options;
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

TEST(DatabasePowerLoss, acknowledged_writes_are_there_and_nothing_else) {
  constexpr int kSteps = 60;
  const std::uint64_t count = rounds();
  for (std::uint64_t round = 0; round < count; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    Random random(round);
    std::uint64_t operations = 0;
    {
      io::SimulatedFileSystem disk;
      test::MadeDatabase database(disk, script_options());
      ASSERT_OK(database.open());
      Script script(round / 8);  // Several cuts of each script.
      script.run(database, kSteps);
      operations = disk.operation_count();
    }
    io::SimulatedFileSystem disk;
    test::MadeDatabase database(disk, script_options());
    Script script(round / 8);
    disk.cut_power_after(random.below(operations));
    if (database.open().ok()) {
      script.run(database, kSteps);
    }
    disk.cut_power();
    database.close();
    disk.restart(io::kAllCrashModes[round % std::size(io::kAllCrashModes)], random.next_u64());
    recover(disk, database, random, static_cast<int>(random.below(3)));
    if (HasFatalFailure()) {
      return;
    }
    ASSERT_TRUE(database->readiness().ready) << database->readiness().reasons.front();
    const auto found = database.content();
    ASSERT_OK(found);
    ASSERT_TRUE(*found == script.content || *found == script.maybe);
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
}

TEST(DatabasePowerLoss, every_snapshot_that_is_named_can_be_restored) {
  const std::uint64_t count = std::max<std::uint64_t>(rounds() / 10, 5);
  for (std::uint64_t round = 0; round < count; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    Random random(round + 1000);
    io::SimulatedFileSystem disk;
    test::MadeDatabase database(disk, script_options());
    Script script(round);
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
    const DatabaseOptions options = test::made_database_options("/new");
    ASSERT_OK(restore_snapshot({disk, database.clock(), database.logger(), {}}, options, "/data/snapshots/kept"));
    test::MadeDatabase other(disk, options);
    ASSERT_OK(other.open());
    const auto found = other.content();
    ASSERT_OK(found);
    ASSERT_EQ(*found, kept);
  }
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
  const std::uint64_t stride = std::max<std::uint64_t>(operations / std::max<std::uint64_t>(rounds() / 5, 1), 1);
  bool was_untouched = false;
  bool was_restored = false;
  for (std::uint64_t cut = 0; cut <= operations; cut += stride) {
    SCOPED_TRACE("cut " + std::to_string(cut));
    io::SimulatedFileSystem disk;
    test::MadeDatabase database(disk);
    prepare(disk, database);
    Random random(cut);
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
}

}  // namespace
}  // namespace vibrato::engine
