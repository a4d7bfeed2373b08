// Snapshots that somebody has tampered with are refused before the data folder is touched. On a real file system,
// which has symbolic links.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "engine/offline.hpp"
#include "engine/snapshot_check.hpp"
#include "io/real_file_system.hpp"
#include "support/made_database.hpp"
#include "support/temp_directory.hpp"

namespace vibrato::engine {
namespace {

namespace stdfs = std::filesystem;

class HostileSnapshotTest : public ::testing::Test {
 protected:
  void SetUp() override {
    test::MadeDatabase database(fs_, test::made_database_options(root_.path() + "/origin"));
    ASSERT_OK(database.open());
    ASSERT_OK(database.create("c"));
    ASSERT_OK(database.put("c", 1, 1));
    ASSERT_OK(database.checkpoint());
    ASSERT_OK(database.put("c", 2, 2));
    ASSERT_OK(database.snapshot("s"));
    snapshot_ = root_.path() + "/s";
    stdfs::copy(root_.path() + "/origin/snapshots/s", snapshot_, stdfs::copy_options::recursive);
  }

  Status restore() {
    return restore_snapshot({fs_, clock_, logger_, {}}, test::made_database_options(target()), snapshot_).status();
  }
  [[nodiscard]] std::string target() const { return root_.path() + "/new"; }
  void expect_refused(std::string_view part) {
    const Status status = restore();
    EXPECT_CODE(status, ErrorCode::kCorruption);
    EXPECT_NE(status.message().find(part), std::string::npos) << status.message();
    EXPECT_FALSE(stdfs::exists(target()));
  }
  std::string read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(snapshot_ + "/" + path, std::ios::binary).rdbuf();
    return text.str();
  }
  void write(const std::string& path, const std::string& content) {
    std::ofstream(snapshot_ + "/" + path, std::ios::binary | std::ios::trunc) << content;
  }
  std::string first_file_in(const std::string& folder) {
    return folder + "/" + stdfs::directory_iterator(snapshot_ + "/" + folder)->path().filename().string();
  }
  void replace_in_manifest(const std::string& part, const std::string& other) {
    std::string text = read("manifest.json");
    const std::size_t at = text.find(part);
    ASSERT_NE(at, std::string::npos);
    text.replace(at, part.size(), other).resize(text.size() - format::kManifestTailBytes);
    write("manifest.json", text + format::manifest_tail(text));
  }

  test::TempDirectory root_;
  io::RealFileSystem fs_;
  test::FakeClock clock_;
  Logger logger_{LogLevel::kOff};
  std::string snapshot_;
};

TEST_F(HostileSnapshotTest, an_honest_one_is_restored) {
  ASSERT_OK(restore());
  test::MadeDatabase database(fs_, test::made_database_options(target()));
  ASSERT_OK(database.open());
  const auto found = database.content();
  ASSERT_OK(found);
  EXPECT_EQ(*found, (test::MadeContent{{"c", {{1, 1}, {2, 2}}}}));
}

TEST_F(HostileSnapshotTest, names_that_lead_outside_are_refused) {
  replace_in_manifest("\"wal/state\"", "\"wal/../../../etc/passwd\"");
  expect_refused("path");
}

TEST_F(HostileSnapshotTest, symbolic_links_are_refused) {
  const std::string file = first_file_in("segments");
  const std::string elsewhere = root_.path() + "/elsewhere";
  stdfs::rename(snapshot_ + "/" + file, elsewhere);
  stdfs::create_symlink(elsewhere, snapshot_ + "/" + file);
  expect_refused(file);
}

TEST_F(HostileSnapshotTest, linked_folders_are_refused) {
  stdfs::rename(snapshot_ + "/segments", root_.path() + "/elsewhere");
  stdfs::create_directory_symlink(root_.path() + "/elsewhere", snapshot_ + "/segments");
  expect_refused("segments");
}

TEST_F(HostileSnapshotTest, a_linked_manifest_is_refused) {
  stdfs::rename(snapshot_ + "/manifest.json", root_.path() + "/elsewhere");
  stdfs::create_symlink(root_.path() + "/elsewhere", snapshot_ + "/manifest.json");
  expect_refused("manifest.json");
}

TEST_F(HostileSnapshotTest, other_content_than_the_hash_says_is_refused) {
  for (const std::string& file : {std::string("catalog.db"), first_file_in("segments"), std::string("wal/state")}) {
    const std::string before = read(file);
    std::string changed = before;
    changed[changed.size() / 2] = static_cast<char>(changed[changed.size() / 2] ^ 1);
    write(file, changed);
    expect_refused("SHA-256");
    write(file, before + "x");
    expect_refused("size");
    write(file, before);
  }
  EXPECT_OK(restore());
}

TEST_F(HostileSnapshotTest, missing_files_and_more_files_than_named_are_refused) {
  const std::string file = first_file_in("segments");
  const std::string content = read(file);
  stdfs::remove(snapshot_ + "/" + file);
  expect_refused(file);
  write(file, content);
  write("segments/more.vdb", "x");
  expect_refused("more.vdb");
  stdfs::remove(snapshot_ + "/segments/more.vdb");
  write("evil.sh", "x");
  expect_refused("evil.sh");
  stdfs::remove(snapshot_ + "/evil.sh");
  stdfs::create_directory(snapshot_ + "/more");
  expect_refused("more");
  stdfs::remove(snapshot_ + "/more");
  EXPECT_OK(restore());
}

TEST_F(HostileSnapshotTest, without_a_manifest_it_is_none) {
  stdfs::remove(snapshot_ + "/manifest.json");
  EXPECT_CODE(restore(), ErrorCode::kNotFound);
  EXPECT_FALSE(stdfs::exists(target()));
  snapshot_ = root_.path() + "/nothing";
  EXPECT_CODE(restore(), ErrorCode::kNotFound);
}

TEST_F(HostileSnapshotTest, a_manifest_of_an_lsn_that_its_log_does_not_reach_is_refused_though_its_hashes_hold) {
  replace_in_manifest("\"lsn\": 3", "\"lsn\": 4");
  EXPECT_CODE(restore(), ErrorCode::kCorruption);
  EXPECT_FALSE(stdfs::exists(target() + "/catalog.db"));
}

TEST_F(HostileSnapshotTest, the_pepper_of_a_snapshot_is_private) {
  test::MadeDatabase database(fs_, [&] {
    engine::DatabaseOptions options = test::made_database_options(root_.path() + "/peppered");
    options.pepper.reset();
    return options;
  }());
  ASSERT_OK(database.open());
  ASSERT_OK(database->keys().bootstrap_admin_key());
  ASSERT_OK(database.snapshot("s"));
  const auto permissions = stdfs::status(root_.path() + "/peppered/snapshots/s/pepper").permissions();
  EXPECT_EQ(permissions, stdfs::perms::owner_read | stdfs::perms::owner_write);
  engine::DatabaseOptions options = database.options();
  options.data_folder = target();
  ASSERT_OK(restore_snapshot({fs_, clock_, logger_, {}}, options, root_.path() + "/peppered/snapshots/s"));
  EXPECT_EQ(stdfs::status(target() + "/pepper").permissions(), permissions);
  test::MadeDatabase restored(fs_, options);
  ASSERT_OK(restored.open());
  const auto keys = restored->keys().list({"cli"});
  ASSERT_OK(keys);
  EXPECT_EQ(keys->size(), 1U);
}

}  // namespace
}  // namespace vibrato::engine
