// State, documents, SQL and events beside the vectors: one log, one batch, files that are made from the log.
#include <fmt/format.h>

#include "engine/database_impl.hpp"
#include "engine/file_hash.hpp"
#include "engine/offline.hpp"
#include "engine/snapshot_check.hpp"
#include "support/file_contents.hpp"
#include "support/made_database.hpp"

namespace vibrato::engine {
namespace {

using test::kMadeDocuments;
using test::kMadeSql;
using test::kMadeState;
using test::MadeContent;

DatabaseOptions options_with_sql(const std::string& folder = "/data") {
  DatabaseOptions options = test::made_database_options(folder);
  options.sql = true;
  options.wal_segment_bytes = 4096;
  options.wal_retain_bytes = 4096;
  return options;
}

class DatabaseModelsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(database_.open());
    ASSERT_OK(database_.create("c"));
  }

  // One of each, by the number.
  void put_all(std::uint64_t id, std::uint64_t number) {
    ASSERT_OK(database_.put_everywhere(id, number, "c"));
    ASSERT_OK(database_.put_row(id, number));
    for (const char* const name : {"c", kMadeState, kMadeDocuments, kMadeSql}) {
      expected_[name][id] = number;
    }
  }
  // So much that the log rolls over and is cut off at the next checkpoint.
  void fill_log() {
    for (std::uint64_t i = 0; i < 200; ++i) {
      ASSERT_OK(database_.put_state(1, i));
    }
    expected_[kMadeState][1] = 199;
    ASSERT_OK(database_.checkpoint());
    ASSERT_GT(database_->stats().oldest_lsn, Lsn(1));
  }
  void expect_content(test::MadeDatabase& database) {
    const auto found = database.content();
    ASSERT_OK(found);
    EXPECT_EQ(*found, expected_);
  }
  void expect_content() { expect_content(database_); }
  void kill_and_open() {
    database_.close();
    ASSERT_OK(database_.open());
    ASSERT_TRUE(database_->readiness().ready);
  }
  void damage(const std::string& path) {
    const auto file = disk_.open(path, io::OpenMode::kReadWrite);
    ASSERT_OK(file);
    ASSERT_OK((*file)->write_at(0, test::bytes_of("this is no database at all, whatever it is called")));
  }
  OfflineContext context() { return {disk_, database_.clock(), database_.logger(), {}}; }

  io::SimulatedFileSystem disk_;
  test::MadeDatabase database_{disk_, options_with_sql()};
  MadeContent expected_;
};

TEST_F(DatabaseModelsTest, what_was_written_is_there_after_a_power_loss_and_after_a_stop) {
  put_all(1, 10);
  put_all(2, 20);
  expect_content();
  disk_.cut_power();
  database_.close();
  disk_.restart(io::CrashMode::kKeepNone, 1);
  ASSERT_OK(database_.open());
  expect_content();
  ASSERT_OK(database_.remove_state(1));
  ASSERT_OK(database_.remove_document(2));
  expected_[kMadeState].erase(1);
  expected_[kMadeDocuments].erase(2);
  database_->stop();
  for (const commit::FileModel* const file : database_->impl().files->all()) {
    EXPECT_GE(file->durable_lsn(), database_->visible_lsn()) << file->file_name();
  }
  kill_and_open();
  expect_content();
}

TEST_F(DatabaseModelsTest, a_batch_with_a_part_that_fails_changes_nothing) {
  put_all(1, 10);
  const Lsn before = database_->visible_lsn();
  std::vector<std::unique_ptr<commit::Write>> parts;
  auto put = database_.state_put(1, 11);
  ASSERT_OK(put);
  parts.push_back(std::move(*put));
  auto absent = kv::make_put(database_->state(), {"k2", "1", {}, 7}, std::make_shared<kv::PutOutcome>());
  ASSERT_OK(absent);
  parts.push_back(std::move(*absent));
  const auto outcome = std::make_shared<commit::JoinedOutcome>();
  const auto done = database_->commit(
      commit::make_joined(database_->models(), std::move(parts), commit::JoinMode::kAllOrNothing, outcome),
      Database::Kind::kPut);
  EXPECT_CODE(done.status(), ErrorCode::kRevisionMismatch);
  EXPECT_EQ(outcome->first_failed, 1U);
  EXPECT_EQ(database_->visible_lsn(), before);
  expect_content();
}

TEST_F(DatabaseModelsTest, a_file_that_is_gone_or_damaged_is_built_anew_from_a_whole_log) {
  put_all(1, 10);
  ASSERT_OK(database_.checkpoint());
  put_all(2, 20);
  database_.close();
  for (const std::string_view name : kModelFiles) {
    ASSERT_OK(disk_.remove_file("/data/" + std::string(name)));
  }
  kill_and_open();
  expect_content();
  database_.close();
  for (const std::string_view name : kModelFiles) {
    damage("/data/" + std::string(name));
  }
  kill_and_open();
  expect_content();
  const std::string moved = test::names_in(disk_, "/data/quarantine");
  for (const std::string_view name : kModelFiles) {
    EXPECT_NE(moved.find("-" + std::string(name)), std::string::npos) << moved;
  }
}

TEST_F(DatabaseModelsTest, without_the_log_from_its_begin_a_lost_or_damaged_file_is_no_empty_one) {
  put_all(1, 10);
  fill_log();
  database_->stop();
  database_.close();
  for (const std::string_view name : kModelFiles) {
    const std::string path = "/data/" + std::string(name);
    ASSERT_OK(disk_.rename(path, "/data/kept"));
    const Status missing = database_.open();
    EXPECT_CODE(missing, ErrorCode::kCorruption);
    EXPECT_NE(missing.message().find(path), std::string::npos) << missing.message();
    EXPECT_NE(missing.message().find("snapshot-restore"), std::string::npos) << missing.message();
    database_.close();
    ASSERT_OK(disk_.rename("/data/kept", path));
    const auto whole = test::read_text(disk_, path);
    ASSERT_TRUE(whole.has_value());
    damage(path);
    const auto damaged = test::read_text(disk_, path);
    EXPECT_CODE(database_.open(), ErrorCode::kCorruption);
    database_.close();
    EXPECT_EQ(*test::read_text(disk_, path), *damaged) << "stays as it is";
    ASSERT_OK(disk_.remove_file(path));
    test::write_text(disk_, path, *whole);
  }
  kill_and_open();
  expect_content();
}

TEST_F(DatabaseModelsTest, a_folder_of_a_time_before_these_models_gets_empty_files_whatever_its_log_begins_with) {
  for (std::uint64_t i = 0; i < 100; ++i) {
    ASSERT_OK(database_.put("c", i, i));
    expected_["c"][i] = i;
  }
  ASSERT_OK(database_.checkpoint());
  ASSERT_GT(database_->stats().oldest_lsn, Lsn(1));
  ASSERT_OK(database_->catalog().write([](catalog::Tables& tables) -> Status {
    Status status;
    for (const std::string_view name : kModelFiles) {
      status = status.ok() ? tables.applied.forget(name, CollectionNumber()) : status;
    }
    return status;
  }));
  database_->stop();
  database_.close();
  for (const std::string_view name : kModelFiles) {
    ASSERT_OK(disk_.remove_file("/data/" + std::string(name)));
  }
  kill_and_open();
  expect_content();
  put_all(1, 10);
  kill_and_open();
  expect_content();
}

TEST_F(DatabaseModelsTest, keys_whose_time_is_over_are_deleted_by_a_write) {
  ASSERT_OK(database_.put_state(1, 10, 1000));
  ASSERT_OK(database_.put_state(2, 20));
  const Lsn before = database_->visible_lsn();
  EXPECT_LE(database_->impl().expire_due(), 1000);
  EXPECT_EQ(database_->visible_lsn(), before);
  database_.clock().set_now_ms(database_.clock().now_ms() + 1000);
  EXPECT_EQ(*database_->state().get("k1"), nullptr) << "hidden at once";
  static_cast<void>(database_->impl().expire_due());
  ASSERT_OK(database_.put_state(3, 30));  // Behind it.
  EXPECT_EQ(database_->visible_lsn(), Lsn(before.value() + 2));
  const auto due = database_->state().due(database_.clock().now_ms(), 10);
  ASSERT_OK(due);
  EXPECT_TRUE(due->empty());
  kill_and_open();
  expected_["c"];
  expected_[kMadeState] = {{2, 20}, {3, 30}};
  expect_content();
}

TEST_F(DatabaseModelsTest, a_log_of_the_other_models_alone_is_cut_off_behind_their_files) {
  fill_log();
  const std::uint64_t bytes = database_->stats().wal_bytes;
  for (int i = 0; i < 5; ++i) {
    fill_log();
  }
  EXPECT_LT(database_->stats().wal_bytes, 3 * bytes);
  expected_["c"];
  kill_and_open();
  expect_content();
}

TEST_F(DatabaseModelsTest, a_replay_keeps_little_in_memory) {
  for (std::uint64_t i = 0; i < 300; ++i) {
    ASSERT_OK(database_.put_everywhere(i % 50, i));
    expected_[kMadeState][i % 50] = i;
    expected_[kMadeDocuments][i % 50] = i;
  }
  expected_["c"];
  const std::uint64_t unsaved = database_->stats().unsaved_bytes;
  EXPECT_GT(unsaved, 4096U);
  database_.options().hot_part_bytes = 4096;
  kill_and_open();
  EXPECT_LT(database_->stats().unsaved_bytes, unsaved / 2);
  expect_content();
}

TEST_F(DatabaseModelsTest, a_snapshot_has_all_models_as_of_one_lsn) {
  put_all(1, 10);
  ASSERT_OK(database_.checkpoint());
  put_all(2, 20);
  ASSERT_OK(database_.snapshot("s"));
  const MadeContent then = expected_;
  put_all(1, 11);
  put_all(3, 30);
  database_->stop();
  database_.close();
  const auto manifest = read_manifest(disk_, "/data/snapshots/s");
  ASSERT_OK(manifest);
  EXPECT_EQ(manifest->collections, 1U);
  const DatabaseOptions other_options = options_with_sql("/other");
  ASSERT_OK(restore_snapshot(context(), other_options, "/data/snapshots/s"));
  test::MadeDatabase other(disk_, other_options);
  ASSERT_OK(other.open());
  EXPECT_TRUE(other->readiness().ready);
  EXPECT_EQ(*other.content(), then);
  ASSERT_OK(other.put_everywhere(9, 90, "c"));

  ASSERT_OK(restore_snapshot(context(), database_.options(), "/data/snapshots/s"));
  expected_ = then;
  kill_and_open();
  expect_content();
}

// As a server wrote it that knew vectors alone.
void take_models_out_of_snapshot(io::FileSystem& disk, const std::string& folder) {
  auto manifest = read_manifest(disk, folder);
  ASSERT_OK(manifest);
  for (const std::string_view name : kModelFiles) {
    ASSERT_OK(disk.remove_file(folder + "/" + std::string(name)));
    std::erase_if(manifest->files, [name](const format::ManifestFile& file) { return file.path == name; });
  }
  {
    sqlite::Vfs vfs(disk);
    const auto connection = sqlite::Connection::open(vfs, folder + "/catalog.db");
    ASSERT_OK(connection);
    ASSERT_OK((*connection)->execute("DELETE FROM applied_lsns WHERE model LIKE '%.db';"));
    ASSERT_OK((*connection)->checkpoint());
  }
  for (format::ManifestFile& file : manifest->files) {
    file.bytes = disk.stat(folder + "/" + file.path)->size_bytes;
    file.sha256 = *hash_file(disk, folder + "/" + file.path, file.bytes);
  }
  const std::string path = folder + "/" + std::string(format::kManifestFile);
  ASSERT_OK(disk.remove_file(path));
  test::write_text(disk, path, format::encode_manifest(*manifest));
}

TEST_F(DatabaseModelsTest, a_snapshot_of_a_time_before_these_models_is_restored_without_them) {
  for (std::uint64_t i = 0; i < 100; ++i) {
    ASSERT_OK(database_.put("c", i, i));
    expected_["c"][i] = i;
  }
  ASSERT_OK(database_.checkpoint());
  ASSERT_OK(database_.snapshot("s"));
  const MadeContent then = expected_;
  put_all(1, 10);
  const Lsn last = database_->visible_lsn();
  database_->stop();
  database_.close();
  take_models_out_of_snapshot(disk_, "/data/snapshots/s");
  const DatabaseOptions other_options = options_with_sql("/other");
  ASSERT_OK(restore_snapshot(context(), other_options, "/data/snapshots/s"));
  test::MadeDatabase other(disk_, other_options);
  ASSERT_OK(other.open());
  EXPECT_TRUE(other->readiness().ready);
  EXPECT_EQ(*other.content(), then);
  ASSERT_OK(other.put_everywhere(9, 90, "c"));
  // What came after it is in the log of the folder.
  ASSERT_OK(replay_to_lsn(context(), database_.options(), last, ""));
  kill_and_open();
  expect_content();
}

TEST_F(DatabaseModelsTest, a_snapshot_that_lost_a_file_is_refused) {
  put_all(1, 10);
  fill_log();
  ASSERT_OK(database_.snapshot("s"));
  database_->stop();
  database_.close();
  ASSERT_OK(disk_.remove_file("/data/snapshots/s/docs.db"));
  EXPECT_CODE(restore_snapshot(context(), options_with_sql("/other"), "/data/snapshots/s").status(),
              ErrorCode::kCorruption);
}

TEST_F(DatabaseModelsTest, a_replay_to_an_lsn_brings_all_models_there) {
  put_all(1, 10);
  const Lsn first = database_->visible_lsn();
  const MadeContent then = expected_;
  put_all(1, 11);
  ASSERT_OK(database_.checkpoint());
  put_all(2, 20);
  database_->stop();
  database_.close();
  ASSERT_OK(replay_to_lsn(context(), database_.options(), first, ""));
  expected_ = then;
  kill_and_open();
  expect_content();
}

TEST_F(DatabaseModelsTest, the_replay_of_one_collection_leaves_the_other_models_alone) {
  put_all(1, 10);
  const Lsn first = database_->visible_lsn();
  put_all(1, 11);
  put_all(2, 20);
  ASSERT_OK(database_.checkpoint());
  put_all(3, 30);
  database_->stop();
  database_.close();
  ASSERT_OK(replay_to_lsn(context(), database_.options(), first, "c"));
  expected_["c"] = {{1, 10}};
  kill_and_open();
  expect_content();
}

TEST_F(DatabaseModelsTest, a_full_disk_keeps_what_waits_for_the_files_and_reads_go_on) {
  put_all(1, 10);
  put_all(2, 20);
  disk_.set_capacity(1);
  EXPECT_FALSE(database_->impl().files->save(database_->visible_lsn()).ok());
  expect_content();
  disk_.set_capacity(UINT64_MAX);
  ASSERT_OK(database_->impl().files->save(database_->visible_lsn()));
  EXPECT_EQ(database_->stats().unsaved_bytes, 0U);
  kill_and_open();
  expect_content();
}

TEST_F(DatabaseModelsTest, puts_wait_for_a_file_that_has_too_much_unwritten_and_deletes_do_not) {
  put_all(1, 10);
  MetricsRegistry metrics;
  WriteBudgets::Limits limits;
  limits.unwritten_bytes = 0;
  for (const commit::FileModel* const file : database_->impl().files->all()) {
    limits.unwritten_bytes = std::max(limits.unwritten_bytes, file->unsaved_bytes());
  }
  const vector::CollectionPtr collection = *database_->vectors().find("c");
  WriteBudgets full(limits, database_->vectors(), *database_->impl().files, metrics);
  EXPECT_CODE(full.check(nullptr, 1), ErrorCode::kOverloaded);
  EXPECT_OK(full.check(collection.get(), 1));
  EXPECT_CODE(full.check_all(std::span(&collection, 1), 1), ErrorCode::kOverloaded);
  ++limits.unwritten_bytes;
  WriteBudgets free(limits, database_->vectors(), *database_->impl().files, metrics);
  EXPECT_OK(free.check(nullptr, 1));
  EXPECT_OK(free.check_all(std::span(&collection, 1), 1));
}

}  // namespace
}  // namespace vibrato::engine
