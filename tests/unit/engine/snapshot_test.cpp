// Snapshots, restores and replays: what comes back is exactly what was there at the LSN.
#include <fmt/format.h>

#include "engine/offline.hpp"
#include "engine/replay_plan.hpp"
#include "engine/snapshot_check.hpp"
#include "format/snapshot_manifest.hpp"
#include "support/file_contents.hpp"
#include "support/made_database.hpp"

namespace vibrato::engine {
namespace {

using test::MadeContent;

class SnapshotTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(database_.open()); }

  OfflineContext context() { return {disk_, database_.clock(), database_.logger(), {}}; }
  MadeContent content(test::MadeDatabase& database) {
    auto found = database.content();
    EXPECT_OK(found);
    return found.ok() ? std::move(found).value() : MadeContent{};
  }
  MadeContent content() { return content(database_); }
  void put_some(const std::string& name, std::uint64_t begin, std::uint64_t end, std::uint64_t shift = 0) {
    for (std::uint64_t id = begin; id < end; ++id) {
      ASSERT_OK(database_.put(name, id, id + shift));
    }
  }
  // What a new folder holds after a restore of the snapshot.
  MadeContent restored(const std::string& snapshot, const std::string& folder = "/new") {
    const DatabaseOptions options = test::made_database_options(folder);
    const auto report = restore_snapshot(context(), options, snapshot);
    EXPECT_OK(report);
    test::MadeDatabase other(disk_, options);
    EXPECT_OK(other.open());
    EXPECT_TRUE(other->readiness().ready);
    MadeContent found = content(other);
    if (report.ok()) {
      EXPECT_EQ(report->collections, found.size());
      const auto manifest = read_manifest(disk_, snapshot);
      EXPECT_OK(manifest);
      EXPECT_EQ(manifest.ok() ? manifest->collections : 0, found.size());
      EXPECT_EQ(report->lsn, other->visible_lsn());
    }
    // It takes writes, also those of collections that were made before.
    for (const auto& [name, points] : found) {
      EXPECT_OK(other.put(name, 9999, 99));
    }
    EXPECT_OK(other.create("made-after-the-restore"));
    EXPECT_OK(other.checkpoint());
    EXPECT_OK(other.open());
    EXPECT_EQ(content(other).size(), found.size() + 1);
    return found;
  }

  io::SimulatedFileSystem disk_;
  test::MadeDatabase database_{disk_};
};

TEST_F(SnapshotTest, what_is_only_in_the_log_is_in_the_snapshot) {
  ASSERT_OK(database_.create("c"));
  put_some("c", 0, 30);
  ASSERT_OK(database_.remove("c", 3));
  const MadeContent before = content();
  ASSERT_OK(database_.snapshot("s"));
  put_some("c", 10, 40, 500);
  ASSERT_OK(database_.remove("c", 4));
  EXPECT_EQ(restored("/data/snapshots/s"), before);
}

// The order of names is not the order in which the collections were made.
TEST_F(SnapshotTest, collections_whose_names_are_in_another_order_than_their_making) {
  for (const char* const name : {"m", "z", "a", "b"}) {
    ASSERT_OK(database_.create(name));
    put_some(name, 0, 4);
  }
  ASSERT_OK(database_.checkpoint());
  ASSERT_OK(database_.drop("m"));
  ASSERT_OK(database_.create("m"));
  put_some("m", 0, 3, 70);
  ASSERT_OK(database_.checkpoint());
  const MadeContent before = content();
  ASSERT_OK(database_.snapshot("s"));
  EXPECT_EQ(restored("/data/snapshots/s"), before);
}

TEST_F(SnapshotTest, files_deletes_and_the_log_make_one_state) {
  ASSERT_OK(database_.create("c"));
  ASSERT_OK(database_.create("idle"));
  ASSERT_OK(database_.create("dropped"));
  put_some("idle", 0, 5);
  put_some("c", 0, 60);
  put_some("dropped", 0, 5);
  ASSERT_OK(database_.checkpoint());
  ASSERT_OK(database_.remove("c", 1));
  put_some("c", 50, 80, 300);
  ASSERT_OK(database_.checkpoint());
  ASSERT_OK(database_.drop("dropped"));
  ASSERT_OK(database_.create("young"));
  put_some("young", 0, 3);
  ASSERT_OK(database_.remove("c", 2));
  const MadeContent before = content();
  ASSERT_OK(database_.snapshot("s"));
  // All that follows must not be seen.
  ASSERT_OK(database_.remove("c", 5));
  put_some("c", 0, 10, 700);
  ASSERT_OK(database_.drop("young"));
  ASSERT_OK(database_.checkpoint());
  ASSERT_OK(database_.compact("c"));
  EXPECT_EQ(restored("/data/snapshots/s"), before);
  // Its files are its own: the database it came from may go.
  const auto rows = database_->catalog().read([](const catalog::Tables& tables) { return tables.snapshots.all(); });
  ASSERT_OK(rows);
  ASSERT_EQ(rows->size(), 1U);
  EXPECT_EQ((*rows)[0].folder, "snapshots/s");
}

TEST_F(SnapshotTest, an_empty_database_can_be_kept_too) {
  ASSERT_OK(database_.snapshot("s"));
  EXPECT_EQ(restored("/data/snapshots/s"), MadeContent{});
}

TEST_F(SnapshotTest, names_are_ids_and_given_once) {
  EXPECT_CODE(database_->start_snapshot("../s", {}), ErrorCode::kInvalidArgument);
  EXPECT_CODE(database_->start_snapshot(".s", {}), ErrorCode::kInvalidArgument);
  EXPECT_CODE(database_->start_snapshot(std::string(65, 'x'), {}), ErrorCode::kInvalidArgument);
  ASSERT_OK(database_.snapshot("s"));
  EXPECT_CODE(database_->start_snapshot("s", {}), ErrorCode::kAlreadyExists);
  EXPECT_OK(database_.snapshot(""));
  // A folder that the catalog does not list.
  ASSERT_OK(disk_.create_directory("/data/snapshots/copied"));
  EXPECT_CODE(database_->start_snapshot("copied", {}), ErrorCode::kAlreadyExists);
  EXPECT_EQ(test::names_in(disk_, "/data/snapshots/copied"), "");
}

TEST_F(SnapshotTest, a_snapshot_is_no_data_folder) {
  ASSERT_OK(database_.create("c"));
  put_some("c", 0, 10);
  ASSERT_OK(database_.snapshot("s"));
  const std::string snapshot = "/data/snapshots/s";
  const DatabaseOptions options = test::made_database_options(snapshot);
  const auto expect_refused = [&] {
    const std::string before = test::names_in(disk_, snapshot);
    test::MadeDatabase served(disk_, options);
    EXPECT_CODE(served.open(), ErrorCode::kInvalidArgument);
    EXPECT_CODE(create_snapshot(context(), options, "t"), ErrorCode::kInvalidArgument);
    EXPECT_CODE(replay_to_lsn(context(), options, Lsn(2), ""), ErrorCode::kInvalidArgument);
    EXPECT_CODE(replay_to_lsn(context(), options, Lsn(2), "c"), ErrorCode::kInvalidArgument);
    EXPECT_EQ(test::names_in(disk_, snapshot), before);
  };
  expect_refused();
  EXPECT_CODE(restore_snapshot(context(), options, snapshot), ErrorCode::kInvalidArgument);
  const MadeContent before = content();
  EXPECT_EQ(restored(snapshot), before);
  std::string damaged = test::read_text(disk_, snapshot + "/manifest.json").value_or("");
  ASSERT_FALSE(damaged.empty());
  damaged.front() = 'x';
  for (const std::string& text : {std::string("{\"version\": 2}"), damaged}) {
    ASSERT_OK(disk_.remove_file(snapshot + "/manifest.json"));
    test::write_text(disk_, snapshot + "/manifest.json", text);
    expect_refused();
  }
}

TEST_F(SnapshotTest, a_file_called_as_the_manifest_makes_no_snapshot_of_a_data_folder) {
  database_.close();
  ASSERT_OK(disk_.open("/data/LOCK", io::OpenMode::kCreateTruncate));
  test::write_text(disk_, "/data/manifest.json", "{\"of\": \"somebody else\"}");
  EXPECT_OK(database_.open());
}

TEST_F(SnapshotTest, a_snapshot_in_the_way_of_its_restore_is_refused_before_anything_is_touched) {
  ASSERT_OK(database_.create("c"));
  put_some("c", 0, 10);
  ASSERT_OK(database_.snapshot("s"));
  const std::string snapshot = "/data/snapshots/s";
  database_->stop();
  database_.close();
  const std::string before = test::names_in(disk_, snapshot);
  // Equal, in it, and around it where its place is not that of the folder's own snapshots.
  for (const std::string& folder :
       {snapshot, snapshot + "/segments", snapshot + "/new", std::string("/data/snapshots")}) {
    EXPECT_CODE(restore_snapshot(context(), test::made_database_options(folder), snapshot), ErrorCode::kInvalidArgument)
        << folder;
  }
  EXPECT_EQ(test::names_in(disk_, snapshot), before);
  EXPECT_EQ(test::names_in(disk_, "/data/snapshots"), "s");
  // A path that begins as another does is apart.
  EXPECT_OK(restore_snapshot(context(), test::made_database_options(snapshot + "-new"), snapshot));
  EXPECT_OK(restore_snapshot(context(), database_.options(), snapshot));
}

TEST_F(SnapshotTest, files_of_others_where_a_state_is_built_stay) {
  ASSERT_OK(database_.create("c"));
  ASSERT_OK(database_.snapshot("s"));
  database_->stop();
  database_.close();
  ASSERT_OK(disk_.create_directory("/data/tmp/restore"));
  test::write_text(disk_, "/data/tmp/restore/x", "of somebody else");
  EXPECT_CODE(restore_snapshot(context(), database_.options(), "/data/snapshots/s"), ErrorCode::kConflict);
  EXPECT_CODE(replay_to_lsn(context(), database_.options(), Lsn(1), ""), ErrorCode::kConflict);
  ASSERT_OK(database_.open());
  database_.close();
  EXPECT_EQ(test::names_in(disk_, "/data/tmp/restore"), "x");
  ASSERT_OK(disk_.remove_file("/data/tmp/restore/x"));
  EXPECT_OK(restore_snapshot(context(), database_.options(), "/data/snapshots/s"));
}

// The bitmaps of a snapshot are those of its LSN, the rows behind the last checkpoint are in its log: checkpoints in
// several commits go on from both.
TEST_F(SnapshotTest, what_was_restored_is_saved_in_portions) {
  ASSERT_OK(database_.create("c"));
  put_some("c", 0, 10);
  ASSERT_OK(database_.checkpoint());
  put_some("c", 10, 60);
  ASSERT_OK(database_.remove("c", 1));
  ASSERT_OK(database_.snapshot("s"));
  DatabaseOptions options = test::made_database_options("/new");
  options.hot_part_bytes = 256;
  ASSERT_OK(restore_snapshot(context(), options, "/data/snapshots/s"));
  test::MadeDatabase other(disk_, options);
  ASSERT_OK(other.open());
  ASSERT_OK(other.remove("c", 2));
  ASSERT_OK(other.put("c", 3, 333));
  const MadeContent before = content(other);
  ASSERT_EQ(before.at("c").size(), 58U);
  ASSERT_OK(other.checkpoint());
  const auto collection = other->vectors().find("c");
  ASSERT_OK(collection);
  EXPECT_GT((*collection)->info().segments, 3U);
  EXPECT_EQ(other->vectors().durable_lsn(), other->visible_lsn());
  ASSERT_OK(other.open());
  EXPECT_EQ(content(other), before);
}

TEST_F(SnapshotTest, a_restore_keeps_keys_and_audit_of_the_folder_and_puts_the_old_state_aside) {
  ASSERT_OK(database_.create("c"));
  put_some("c", 0, 10);
  const auth::Caller caller{"cli"};
  const auto first = database_->keys().create(caller, {"first", auth::RoleSet{auth::Role::kAdmin}});
  ASSERT_OK(first);
  ASSERT_OK(database_.snapshot("s"));
  const MadeContent before = content();
  const auto second = database_->keys().create(caller, {"second", auth::RoleSet{auth::Role::kAdmin}});
  ASSERT_OK(second);
  ASSERT_OK(database_->keys().revoke(caller, first->record.id));
  put_some("c", 0, 10, 100);
  ASSERT_OK(database_.snapshot("later"));
  const Lsn end = database_->visible_lsn();
  database_->stop();
  database_.close();
  const auto report = restore_snapshot(context(), database_.options(), "/data/snapshots/s");
  ASSERT_OK(report);
  EXPECT_EQ(report->lsn, Lsn(11));
  ASSERT_TRUE(report->old_state.ends_with("-*")) << report->old_state;
  const std::string old_state = report->old_state.substr(0, report->old_state.size() - 1);
  EXPECT_OK(disk_.stat(old_state + "catalog.db"));
  EXPECT_OK(disk_.stat(old_state + "wal"));
  ASSERT_OK(database_.open());
  EXPECT_EQ(content(), before);
  const auto keys = database_->keys().list(caller);
  ASSERT_OK(keys);
  ASSERT_EQ(keys->size(), 2U);
  for (const auth::KeyRecord& key : *keys) {
    EXPECT_EQ(key.revoked_at_ms.has_value(), key.id == first->record.id);
  }
  const auto audit =
      database_->catalog().read([](const catalog::Tables& tables) { return tables.audit.page(std::nullopt, 100); });
  ASSERT_OK(audit);
  EXPECT_GE(audit->size(), 3U);
  // A snapshot of what was undone can be restored as before; LSNs are not given twice.
  const auto snapshots =
      database_->catalog().read([](const catalog::Tables& tables) { return tables.snapshots.all(); });
  ASSERT_OK(snapshots);
  ASSERT_EQ(snapshots->size(), 2U);
  EXPECT_EQ(snapshots->at(1).name, "later");
  EXPECT_EQ(snapshots->at(1).lsn, end);
  ASSERT_OK(database_.put("c", 77, 77));
  EXPECT_GT(database_->visible_lsn(), end);
}

TEST_F(SnapshotTest, a_running_server_is_not_restored_into) {
  ASSERT_OK(database_.snapshot("s"));
  EXPECT_CODE(restore_snapshot(context(), database_.options(), "/data/snapshots/s"), ErrorCode::kUnavailable);
  EXPECT_CODE(replay_to_lsn(context(), database_.options(), Lsn(1), ""), ErrorCode::kUnavailable);
  EXPECT_CODE(create_snapshot(context(), database_.options(), "t"), ErrorCode::kUnavailable);
}

TEST_F(SnapshotTest, the_command_makes_the_same_snapshot) {
  ASSERT_OK(database_.create("c"));
  put_some("c", 0, 10);
  const MadeContent before = content();
  database_->stop();
  database_.close();
  const auto report = create_snapshot(context(), database_.options(), "s");
  ASSERT_OK(report);
  EXPECT_EQ(report->folder, "/data/snapshots/s");
  EXPECT_EQ(report->lsn, Lsn(11));
  EXPECT_EQ(restored(report->folder), before);
}

class ReplayTest : public SnapshotTest {
 protected:
  // A write a step; states_[lsn] is what is there after it.
  void note() { states_[database_->visible_lsn().value()] = content(); }
  void run_script() {
    states_[0] = {};
    ASSERT_OK(database_.create("c"));
    note();
    for (std::uint64_t id = 0; id < 20; ++id) {
      ASSERT_OK(database_.put("c", id, id));
      note();
      if (id == 8) {
        ASSERT_OK(database_.checkpoint());
      }
      if (id == 12) {
        ASSERT_OK(database_.snapshot("s"));
      }
    }
    ASSERT_OK(database_.create("d"));
    note();
    ASSERT_OK(database_.put("d", 1, 1));
    note();
    ASSERT_OK(database_.remove("c", 3));
    note();
    ASSERT_OK(database_.checkpoint());
  }

  std::map<std::uint64_t, MadeContent> states_;
};

TEST_F(ReplayTest, every_lsn_can_be_brought_back_while_the_log_has_it) {
  run_script();
  database_->stop();
  database_.close();
  for (const std::uint64_t lsn : {22U, 14U, 13U, 5U, 0U}) {
    const auto report = replay_to_lsn(context(), database_.options(), Lsn(lsn), "");
    ASSERT_OK(report) << lsn;
    EXPECT_EQ(report->lsn, Lsn(lsn));
    ASSERT_OK(database_.open());
    EXPECT_EQ(content(), states_.at(lsn)) << lsn;
    database_->stop();
    database_.close();
  }
  ASSERT_OK(database_.open());
  ASSERT_OK(database_.create("again"));
  EXPECT_GT(database_->visible_lsn(), Lsn(24));  // The past keeps its numbers.
}

TEST_F(ReplayTest, what_cannot_be_reached_is_refused_with_the_ranges_and_changes_nothing) {
  run_script();
  const MadeContent before = content();
  database_->stop();
  database_.close();
  const auto beyond = replay_to_lsn(context(), database_.options(), Lsn(1000), "");
  EXPECT_CODE(beyond, ErrorCode::kInvalidArgument);
  EXPECT_NE(beyond.status().message().find("0 to 24"), std::string::npos) << beyond.status().message();
  ASSERT_OK(database_.open());
  EXPECT_EQ(content(), before);
}

TEST_F(ReplayTest, what_can_be_reached_has_the_snapshots_behind_what_was_asked_for) {
  database_.close();
  database_.options().wal_segment_bytes = 16 * 1024;
  database_.options().wal_retain_bytes = 0;
  database_.options().wal_retain_hours = 0;
  ASSERT_OK(database_.open());
  ASSERT_OK(database_.create("c"));
  put_some("c", 0, 500);
  ASSERT_OK(database_.checkpoint());
  ASSERT_OK(database_.snapshot("s"));
  const std::uint64_t lsn = database_->visible_lsn().value();
  database_->stop();
  database_.close();
  const auto before = replay_to_lsn(context(), database_.options(), Lsn(1), "");
  EXPECT_CODE(before, ErrorCode::kInvalidArgument);
  EXPECT_NE(before.status().message().find(std::to_string(lsn)), std::string::npos) << before.status().message();
}

TEST_F(ReplayTest, one_collection_comes_back_and_the_others_stay) {
  run_script();
  ASSERT_OK(database_.put("d", 2, 2));
  ASSERT_OK(database_.put("c", 0, 555));
  ASSERT_OK(database_.drop("c"));
  const Lsn end = database_->visible_lsn();
  database_->stop();
  database_.close();
  const auto report = replay_to_lsn(context(), database_.options(), Lsn(14), "c");
  ASSERT_OK(report);
  EXPECT_EQ(report->lsn, Lsn(14));
  EXPECT_GT(report->end, end);
  ASSERT_OK(database_.open());
  MadeContent expected;
  expected["c"] = states_.at(14).at("c");
  expected["d"] = {{1, 1}, {2, 2}};
  EXPECT_EQ(content(), expected);
  database_->stop();
  database_.close();
  EXPECT_CODE(replay_to_lsn(context(), database_.options(), Lsn(14), "d"), ErrorCode::kNotFound);
  EXPECT_CODE(replay_to_lsn(context(), database_.options(), Lsn(14), "../d"), ErrorCode::kInvalidArgument);
}

TEST(ReachableRanges, are_the_log_and_the_snapshots_that_it_goes_on_from) {
  const auto base = [](std::uint64_t lsn, bool log_goes_on) {
    ReplayBase one;
    one.snapshot.lsn = Lsn(lsn);
    one.log_goes_on = log_goes_on;
    return one;
  };
  using Ranges = std::vector<LsnRange>;
  EXPECT_EQ(reachable_ranges({}, Lsn(), Lsn(9)), (Ranges{{Lsn(), Lsn(9)}}));
  EXPECT_EQ(reachable_ranges({}, Lsn(5), Lsn(9)), Ranges{});
  EXPECT_EQ(reachable_ranges({base(3, false), base(6, true)}, Lsn(5), Lsn(9)),
            (Ranges{{Lsn(3), Lsn(3)}, {Lsn(6), Lsn(9)}}));
  EXPECT_EQ(reachable_ranges({base(6, true), base(7, true)}, Lsn(), Lsn(9)), (Ranges{{Lsn(), Lsn(9)}}));
  // Of a past that was undone.
  EXPECT_EQ(reachable_ranges({base(6, true), base(7, false)}, Lsn(5), Lsn(9)), (Ranges{{Lsn(6), Lsn(9)}}));
  EXPECT_EQ(reachable_ranges({base(7, false), base(12, false)}, Lsn(8), Lsn(9)),
            (Ranges{{Lsn(7), Lsn(7)}, {Lsn(12), Lsn(12)}}));
}

}  // namespace
}  // namespace vibrato::engine
