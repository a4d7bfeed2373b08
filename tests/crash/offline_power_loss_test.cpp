// Commands on a folder that nobody holds, over a disk that loses power: a migration and the replay of one collection
// are cut at their disk operations. Afterwards the state before is there or the one after, nothing between, and the
// same command again ends with exactly the state after.
#include <algorithm>
#include <functional>

#include "engine/offline.hpp"
#include "store/vdb_row_writer.hpp"
#include "support/database_script.hpp"
#include "support/sanitizers.hpp"

namespace vibrato::engine {
namespace {

using test::MadeContent;

constexpr std::uint64_t kCuts = test::kSanitized ? 10 : 40;
constexpr std::uint32_t kFileRows = 2500;  // More than one group.
constexpr const char* kFile = "/in.vdb";

void write_file(io::FileSystem& disk) {
  store::VdbWriterOptions options;
  options.dim = test::kMadeDim;
  options.metric = Metric::kDot;
  auto writer = store::VdbRowWriter::create(disk, kFile, options);
  ASSERT_OK(writer);
  for (std::uint32_t row = 0; row < kFileRows; ++row) {
    ASSERT_OK((*writer)->add(test::made_vector(row), test::made_meta(row)));
  }
  ASSERT_OK((*writer)->commit());
}

// A state of files, bitmaps and log: at LSN `past` the collection c was another.
struct Made {
  Lsn past;
  MadeContent then;
  MadeContent now;
};
void make_state(test::MadeDatabase& database, Made& made) {
  ASSERT_OK(database.open());
  ASSERT_OK(database.create("c"));
  ASSERT_OK(database.create("other"));
  ASSERT_OK(database.put("other", 1, 1));
  for (std::uint64_t id = 0; id < 30; ++id) {
    ASSERT_OK(database.put("c", id, id));
  }
  made.past = database->visible_lsn();
  made.then = database.content().value();
  ASSERT_OK(database.checkpoint());
  for (std::uint64_t id = 20; id < 50; ++id) {
    ASSERT_OK(database.put("c", id, id + 100));
  }
  for (std::uint64_t id = 0; id < 10; ++id) {
    ASSERT_OK(database.remove("c", id));
  }
  ASSERT_OK(database.put("other", 2, 2));
  made.now = database.content().value();
  database->stop();
  database.close();
}

MadeContent content_of(test::MadeDatabase& database) {
  EXPECT_OK(database.open());
  EXPECT_TRUE(database->readiness().ready);
  auto content = database.content();
  EXPECT_OK(content);
  database->stop();
  database.close();
  return content.ok() ? std::move(content).value() : MadeContent{};
}

// The log that was kept is kept, so that the past can still be reached.
DatabaseOptions options() {
  DatabaseOptions options = test::made_database_options();
  options.wal_retain_bytes = std::uint64_t{64} << 20;
  return options;
}

// `command` answers whether it said that it is done.
using Command = std::function<bool(io::FileSystem& disk, test::MadeDatabase& database, const Made& made)>;

// Nothing of a command is left beside the state, but what a cut in the removal of the old state leaves.
void expect_no_leftovers(io::FileSystem& disk, bool was_cut) {
  const auto entries = disk.list_directory("/data");
  ASSERT_OK(entries);
  for (const io::FileInfo& entry : *entries) {
    EXPECT_FALSE(entry.name.starts_with("restor")) << entry.name;
    EXPECT_TRUE(was_cut || !entry.name.starts_with("replaced-")) << entry.name;
  }
  EXPECT_CODE(disk.stat("/data/tmp/restore"), ErrorCode::kNotFound);
}

void cut_at_many_points(const Command& command) {
  std::uint64_t operations = 0;
  MadeContent after;
  {
    io::SimulatedFileSystem disk;
    test::MadeDatabase database(disk, options());
    Made made;
    make_state(database, made);
    write_file(disk);
    const std::uint64_t before = disk.operation_count();
    ASSERT_TRUE(command(disk, database, made));
    operations = disk.operation_count() - before;
    expect_no_leftovers(disk, false);
    after = content_of(database);
    ASSERT_NE(after, made.now);
  }
  std::uint64_t seen_before = 0;
  std::uint64_t seen_after = 0;
  for (std::uint64_t cut = 0; cut < kCuts; ++cut) {
    const std::uint64_t at = operations * (cut + 1) / kCuts;  // The last one after all of them.
    SCOPED_TRACE(fmt::format("cut after {} of {} operations", at, operations));
    io::SimulatedFileSystem disk;
    test::MadeDatabase database(disk, options());
    Made made;
    make_state(database, made);
    write_file(disk);
    disk.cut_power_after(at);
    const bool was_told = command(disk, database, made);
    disk.cut_power();
    database.close();
    disk.restart(io::kAllCrashModes[cut % std::size(io::kAllCrashModes)], cut);
    const MadeContent found = content_of(database);
    ASSERT_TRUE(found == after || (found == made.now && !was_told)) << was_told;
    ++(found == after ? seen_after : seen_before);
    if (!was_told) {
      ASSERT_TRUE(command(disk, database, made));
      ASSERT_EQ(content_of(database), after);
    }
    expect_no_leftovers(disk, true);
  }
  EXPECT_GT(seen_before, 0U);
  EXPECT_GT(seen_after, 0U);
}

bool migrate(io::FileSystem& disk, test::MadeDatabase& database, const Made&) {
  bool was_told = false;
  const Status done = migrate_vdb({disk, database.clock(), database.logger(), {}}, database.options(),
                                  {kFile, "c", test::kMadeDim, 1}, [&](const MigrateReport& report) {
                                    EXPECT_EQ(report.rows, kFileRows);
                                    EXPECT_FALSE(report.segment.empty());
                                    was_told = true;
                                  });
  EXPECT_TRUE(was_told || !done.ok());
  return was_told;
}

TEST(OfflinePowerLoss, a_migration_is_done_once_or_not_at_all) {
  cut_at_many_points(migrate);
}

TEST(OfflinePowerLoss, a_collection_is_replayed_wholly_or_not_at_all) {
  cut_at_many_points([](io::FileSystem& disk, test::MadeDatabase& database, const Made& made) {
    const auto report =
        replay_to_lsn({disk, database.clock(), database.logger(), {}}, database.options(), made.past, "c");
    if (report.ok()) {
      EXPECT_EQ(report->lsn, made.past);
      EXPECT_GT(report->end, made.past);
    }
    return report.ok();
  });
}

// Only an interrupted call is made up for: who migrates a file twice has its rows twice.
TEST(OfflinePowerLoss, a_migration_that_was_told_is_done_again_when_asked_again) {
  io::SimulatedFileSystem disk;
  test::MadeDatabase database(disk, options());
  Made made;
  make_state(database, made);
  write_file(disk);
  ASSERT_TRUE(migrate(disk, database, made));
  const MadeContent once = content_of(database);
  EXPECT_EQ(once.at("c").size(), made.now.at("c").size() + kFileRows);
  ASSERT_TRUE(migrate(disk, database, made));
  EXPECT_EQ(content_of(database).at("c").size(), once.at("c").size() + kFileRows);
}

// What the log had, it has: a replay of everything still reaches the moment in front of the migration.
TEST(OfflinePowerLoss, the_log_and_the_keys_stay_over_a_migration) {
  io::SimulatedFileSystem disk;
  test::MadeDatabase database(disk, options());
  Made made;
  make_state(database, made);
  write_file(disk);
  ASSERT_OK(database.open());
  const auto key = database->keys().create({"test"}, {"k", {auth::Role::kQuery}});
  ASSERT_OK(key);
  ASSERT_OK(database.snapshot("s"));
  database->stop();
  database.close();
  ASSERT_TRUE(migrate(disk, database, made));
  ASSERT_OK(database.open());
  const auto keys = database->keys().list({"test"});
  ASSERT_OK(keys);
  EXPECT_EQ(keys->size(), 1U);
  const auto snapshots = database->catalog().read([](const catalog::Tables& tables) { return tables.snapshots.all(); });
  ASSERT_OK(snapshots);
  EXPECT_EQ(snapshots->size(), 1U);
  database->stop();
  database.close();
  ASSERT_OK(replay_to_lsn({disk, database.clock(), database.logger(), {}}, database.options(), made.past, ""));
  EXPECT_EQ(content_of(database), made.then);
}

}  // namespace
}  // namespace vibrato::engine
