// Snapshots and restores on a file system that refuses hard links: files are copied, and nothing else changes.
#include <fmt/format.h>

#include "engine/offline.hpp"
#include "io/faulty_file_system.hpp"
#include "support/made_database.hpp"

namespace vibrato::engine {
namespace {

using test::MadeContent;

DatabaseOptions with_a_pepper_file(const std::string& folder) {
  DatabaseOptions options = test::made_database_options(folder);
  options.pepper.reset();
  return options;
}

class NoLinksTest : public ::testing::Test {
 protected:
  void SetUp() override {
    disk_.add_rule({.fault = io::Fault::kIoError, .call = io::IoCall::kHardLink, .for_good = true});
    ASSERT_OK(database_.open());
    ASSERT_OK(database_.create("c"));
    put_some(0, 1500);  // Not small: a file of its own.
    ASSERT_OK(database_.checkpoint());
    put_some(1400, 1600);
    ASSERT_OK(database_.remove("c", 7));
  }
  void put_some(std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t id = begin; id < end; ++id) {
      ASSERT_OK(database_.put("c", id, id + begin));
    }
  }
  static MadeContent content(test::MadeDatabase& database) {
    auto found = database.content();
    EXPECT_OK(found);
    return found.ok() ? std::move(found).value() : MadeContent{};
  }
  OfflineContext context() { return {disk_, database_.clock(), database_.logger(), {}}; }

  io::SimulatedFileSystem memory_;
  io::FaultyFileSystem disk_{memory_};
  test::MadeDatabase database_{disk_, with_a_pepper_file("/data")};
};

TEST_F(NoLinksTest, a_snapshot_is_a_copy_and_is_restored_into_a_new_folder) {
  const MadeContent before = content(database_);
  ASSERT_OK(database_.snapshot("s"));
  EXPECT_GE(disk_.fault_count(), 1U);
  database_.close();
  // Nothing of the snapshot is shared with the folder.
  const auto segments = disk_.list_directory("/data/segments");
  ASSERT_OK(segments);
  ASSERT_FALSE(segments->empty());
  for (const io::FileInfo& file : *segments) {
    const auto opened = disk_.open("/data/segments/" + file.name, io::OpenMode::kReadWrite);
    ASSERT_OK(opened);
    ASSERT_OK((*opened)->truncate(0));
  }
  const DatabaseOptions options = with_a_pepper_file("/new");
  ASSERT_OK(restore_snapshot(context(), options, "/data/snapshots/s"));
  test::MadeDatabase other(disk_, options);
  ASSERT_OK(other.open());
  EXPECT_TRUE(other->readiness().ready);
  EXPECT_EQ(content(other), before);
  EXPECT_OK(other.put("c", 1, 1));
}

TEST_F(NoLinksTest, a_restore_from_a_snapshot_of_the_folder_itself_and_a_replay_keep_its_keys_private) {
  const auth::Caller caller{"cli"};
  const auto key = database_->keys().create(caller, {"first", auth::RoleSet{auth::Role::kAdmin}});
  ASSERT_OK(key);
  const MadeContent before = content(database_);
  ASSERT_OK(database_.snapshot("s"));
  const Lsn lsn = database_->visible_lsn();
  put_some(0, 10);
  database_.close();
  ASSERT_OK(restore_snapshot(context(), database_.options(), "/data/snapshots/s"));
  ASSERT_OK(database_.open());
  EXPECT_EQ(content(database_), before);
  put_some(0, 10);
  database_.close();
  ASSERT_OK(replay_to_lsn(context(), database_.options(), lsn, ""));
  ASSERT_OK(database_.open());
  EXPECT_EQ(content(database_), before);
  const auto keys = database_->keys().list(caller);
  ASSERT_OK(keys);
  EXPECT_EQ(keys->size(), 1U);
  database_.close();
  for (const char* const file : {"/data/pepper", "/data/catalog.db"}) {
    EXPECT_OK(disk_.open(file, io::OpenMode::kReadOnlyPrivate)) << file;
  }
}

TEST_F(NoLinksTest, a_pepper_that_comes_with_the_snapshot_stays_private) {
  ASSERT_OK(database_.snapshot("s"));
  database_.close();
  const DatabaseOptions options = with_a_pepper_file("/new");
  ASSERT_OK(restore_snapshot(context(), options, "/data/snapshots/s"));
  for (const char* const file : {"/new/pepper", "/new/catalog.db"}) {
    EXPECT_OK(disk_.open(file, io::OpenMode::kReadOnlyPrivate)) << file;
  }
}

}  // namespace
}  // namespace vibrato::engine
