// Which snapshots are listed: those whose folders are whole and of this store, whatever became of the catalog's rows.
#include "engine/snapshot_list.hpp"

#include <fmt/format.h>

#include "engine/offline.hpp"
#include "format/snapshot_manifest.hpp"
#include "support/file_contents.hpp"
#include "support/made_database.hpp"

namespace vibrato::engine {
namespace {

using test::MadeContent;

class SnapshotListTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(database_.open());
    ASSERT_OK(database_.create("c"));
  }

  OfflineContext context() { return {disk_, database_.clock(), database_.logger(), {}}; }
  std::vector<catalog::Snapshot> listed() {
    const auto rows = database_->catalog().read([](const catalog::Tables& tables) { return tables.snapshots.all(); });
    EXPECT_OK(rows);
    return rows.ok() ? *rows : std::vector<catalog::Snapshot>{};
  }
  std::string names() {
    std::string text;
    for (const catalog::Snapshot& snapshot : listed()) {
      text += (text.empty() ? "" : " ") + snapshot.name;
    }
    return text;
  }
  void forget(const std::string& name) {
    ASSERT_OK(database_->catalog().write([&](catalog::Tables& tables) { return tables.snapshots.remove(name); }));
  }
  MadeContent content() {
    auto found = database_.content();
    EXPECT_OK(found);
    return found.ok() ? std::move(found).value() : MadeContent{};
  }
  void put_some(std::uint64_t begin, std::uint64_t end, std::uint64_t shift = 0) {
    for (std::uint64_t id = begin; id < end; ++id) {
      ASSERT_OK(database_.put("c", id, id + shift));
    }
  }
  void stop() {
    database_->stop();
    database_.close();
  }
  void restore(const std::string& name) {
    stop();
    ASSERT_OK(restore_snapshot(context(), database_.options(), "/data/snapshots/" + name));
    ASSERT_OK(database_.open());
  }
  void replay(Lsn lsn) {
    stop();
    ASSERT_OK(replay_to_lsn(context(), database_.options(), lsn, ""));
    ASSERT_OK(database_.open());
  }
  void copy_snapshot(const std::string& from, const std::string& to) {
    for (const std::string folder : {"", "/wal", "/segments"}) {
      ASSERT_OK(disk_.create_directory(to + folder));
      const auto entries = disk_.list_directory(from + folder);
      ASSERT_OK(entries);
      for (const io::FileInfo& entry : *entries) {
        if (entry.is_regular) {
          test::write_text(disk_, to + folder + "/" + entry.name,
                           *test::read_text(disk_, from + folder + "/" + entry.name));
        }
      }
    }
  }

  io::SimulatedFileSystem disk_;
  test::MadeDatabase database_{disk_};
};

TEST_F(SnapshotListTest, a_complete_folder_whose_row_was_lost_is_listed_by_the_next_start) {
  put_some(0, 10);
  ASSERT_OK(database_.checkpoint());
  ASSERT_OK(database_.snapshot("s"));
  const std::vector<catalog::Snapshot> before = listed();
  ASSERT_EQ(before.size(), 1U);
  for (int restart = 0; restart < 2; ++restart) {
    forget("s");
    EXPECT_EQ(names(), "");
    EXPECT_CODE(database_->start_snapshot("s", {}), ErrorCode::kAlreadyExists);
    database_.close();  // As a crash.
    ASSERT_OK(database_.open());
    EXPECT_EQ(listed(), before);
  }
  restore("s");
  EXPECT_EQ(listed(), before);
}

TEST_F(SnapshotListTest, what_is_no_whole_snapshot_of_this_store_is_neither_listed_nor_touched) {
  put_some(0, 10);
  ASSERT_OK(database_.checkpoint());
  ASSERT_OK(database_.snapshot("s"));
  const std::string folder = "/data/snapshots/";
  test::MadeDatabase other(disk_, test::made_database_options("/other"));
  ASSERT_OK(other.open());
  ASSERT_OK(other.create("c"));
  ASSERT_OK(other.snapshot("foreign"));
  copy_snapshot("/other/snapshots/foreign", folder + "foreign");
  copy_snapshot(folder + "s", folder + "copied");  // Its manifest has another name.
  for (const char* const name : {"no-manifest", "bad-manifest", "less", "more", "short"}) {
    ASSERT_OK(database_.snapshot(name));
  }
  ASSERT_OK(disk_.remove_file(folder + "no-manifest/manifest.json"));
  ASSERT_OK(disk_.remove_file(folder + "bad-manifest/manifest.json"));
  test::write_text(disk_, folder + "bad-manifest/manifest.json", "{}");
  ASSERT_OK(disk_.remove_file(folder + "less/catalog.db"));
  test::write_text(disk_, folder + "more/note", "of an operator");
  const std::string catalog = *test::read_text(disk_, folder + "short/catalog.db");
  ASSERT_OK(disk_.remove_file(folder + "short/catalog.db"));
  test::write_text(disk_, folder + "short/catalog.db", catalog.substr(0, catalog.size() - 1));
  ASSERT_OK(disk_.create_directory(folder + "empty"));
  test::write_text(disk_, folder + "file", "of an operator");
  for (const catalog::Snapshot& snapshot : listed()) {
    forget(snapshot.name);
  }
  const std::string there = test::names_in(disk_, "/data/snapshots");
  for (int restart = 0; restart < 2; ++restart) {
    ASSERT_OK(database_.open());
    EXPECT_EQ(names(), "s");
    EXPECT_EQ(test::names_in(disk_, "/data/snapshots"), there);
  }
  EXPECT_EQ(test::names_in(disk_, folder + "more"),
            "catalog.db docs.db manifest.json note segments sql.db state.db wal");
}

TEST_F(SnapshotListTest, a_snapshot_whose_folder_was_removed_does_not_come_back) {
  ASSERT_OK(database_.snapshot("a"));
  ASSERT_OK(database_.snapshot("b"));
  ASSERT_OK(remove_tree(disk_, "/data/snapshots/a"));
  for (int restart = 0; restart < 2; ++restart) {
    ASSERT_OK(database_.open());
    EXPECT_EQ(names(), "b");
  }
}

TEST_F(SnapshotListTest, after_a_restore_and_a_replay_newer_snapshots_are_listed_and_can_be_restored) {
  put_some(0, 10);
  ASSERT_OK(database_.snapshot("a"));
  const MadeContent at_a = content();
  const Lsn lsn_a = database_->visible_lsn();
  put_some(5, 20, 100);
  ASSERT_OK(database_.snapshot("b"));
  const MadeContent at_b = content();
  restore("a");
  EXPECT_EQ(content(), at_a);
  EXPECT_EQ(names(), "a b");
  restore("b");
  EXPECT_EQ(content(), at_b);
  EXPECT_EQ(names(), "a b");
  replay(lsn_a);
  EXPECT_EQ(content(), at_a);
  EXPECT_EQ(names(), "a b");
}

// The log has no record of that past: what follows in it was written onto another state.
TEST_F(SnapshotListTest, a_snapshot_of_a_past_that_was_undone_is_no_base_of_what_came_after) {
  put_some(0, 10);
  ASSERT_OK(database_.snapshot("a"));
  put_some(100, 120);
  ASSERT_OK(database_.checkpoint());
  ASSERT_OK(database_.snapshot("undone"));
  const MadeContent undone = content();
  const Lsn undone_lsn = database_->visible_lsn();
  put_some(200, 205);
  restore("a");
  std::map<std::uint64_t, MadeContent> states;
  for (std::uint64_t id = 0; id < 12; ++id) {
    ASSERT_OK(database_.put("c", id, id + 500));
    states[database_->visible_lsn().value()] = content();
    if (id == 6) {
      ASSERT_OK(database_.snapshot("after"));
    }
  }
  EXPECT_EQ(names(), "a undone after");
  EXPECT_GT(states.begin()->first, undone_lsn.value() + 5);  // No LSN is given twice.
  for (auto state = states.rbegin(); state != states.rend(); ++state) {
    replay(Lsn(state->first));
    EXPECT_EQ(content(), state->second) << state->first;
    EXPECT_EQ(names(), "a undone after");
  }
  replay(undone_lsn);
  EXPECT_EQ(content(), undone);
  EXPECT_EQ(names(), "a undone after");
  ASSERT_OK(database_.put("c", 1, 1));
  EXPECT_GT(database_->visible_lsn().value(), states.rbegin()->first);
}

TEST_F(SnapshotListTest, without_catalog_and_log_a_restore_still_gives_no_lsn_twice_and_lists_all_snapshots) {
  put_some(0, 10);
  ASSERT_OK(database_.snapshot("a"));
  put_some(10, 30);
  ASSERT_OK(database_.snapshot("b"));
  const Lsn end = database_->visible_lsn();
  stop();
  ASSERT_OK(remove_tree(disk_, "/data/wal"));
  for (const char* const file : {"catalog.db", "catalog.db-wal", "witness"}) {
    if (disk_.stat(std::string("/data/") + file).ok()) {
      ASSERT_OK(disk_.remove_file(std::string("/data/") + file));
    }
  }
  ASSERT_OK(restore_snapshot(context(), database_.options(), "/data/snapshots/a"));
  ASSERT_OK(database_.open());
  EXPECT_EQ(names(), "a b");
  ASSERT_OK(database_.put("c", 1, 77));
  EXPECT_GT(database_->visible_lsn(), end);
}

}  // namespace
}  // namespace vibrato::engine
