// Checkpoints: what is written when, what a restart finds, and that failures change nothing.
#include "vector/maintenance.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>

#include "support/vector_store_test.hpp"

namespace vibrato::vector {
namespace {

constexpr std::uint32_t kMaintainedDim = test::kStoreDim;

class MaintenanceTest : public test::VectorStoreTest {};

TEST_F(MaintenanceTest, a_checkpoint_moves_rows_to_a_file_and_the_log_is_no_longer_needed) {
  create("a");
  put("a", 0, 200);
  const auto done = store_->checkpoint();
  ASSERT_OK(done);
  EXPECT_EQ(done->collections, 1U);
  EXPECT_EQ(done->segments, 1U);
  EXPECT_EQ(done->rows, 200U);
  EXPECT_EQ(done->last_lsn, store_->visible());
  EXPECT_EQ(sealed_parts("a"), 1U);
  EXPECT_EQ(store_->collection("a")->info().hot_rows, 0U);
  EXPECT_EQ(store_->model().durable_lsn(), store_->visible());
  EXPECT_EQ(store_->segment_files(), std::vector<std::string>{"segment-0000000000000001.vdb"});
  expect_contents();
  open();
  EXPECT_EQ(store_->collection("a")->info().hot_rows, 0U);
  EXPECT_EQ(sealed_parts("a"), 1U);
  expect_contents();
}

TEST_F(MaintenanceTest, a_checkpoint_without_anything_to_save_writes_nothing) {
  create("a");
  put("a", 0, 60);
  checkpoint();
  const std::uint64_t before = disk_.operation_count();
  const auto done = store_->checkpoint();
  ASSERT_OK(done);
  EXPECT_EQ(done->collections, 0U);
  EXPECT_EQ(done->rows, 0U);
  EXPECT_EQ(disk_.operation_count(), before);
}

TEST_F(MaintenanceTest, deletes_alone_are_saved_as_bitmaps) {
  create("a");
  put("a", 0, 200);
  checkpoint();
  remove("a", 0, 40);
  const auto done = store_->checkpoint();
  ASSERT_OK(done);
  EXPECT_EQ(done->segments, 0U);
  EXPECT_EQ(done->collections, 1U);
  EXPECT_EQ(store_->segment_files().size(), 1U);
  EXPECT_EQ(store_->model().durable_lsn(), store_->visible());
  expect_contents();
  open();
  expect_contents();
  EXPECT_EQ(store_->collection("a")->info().deleted_count, 40U);
}

TEST_F(MaintenanceTest, writes_between_checkpoints_replace_rows_of_files) {
  create("a");
  put("a", 0, 100);
  checkpoint();
  put("a", 50, 150, 1);
  remove("a", 0, 10);
  expect_contents();
  open();
  expect_contents();
  checkpoint();
  put("a", 90, 100, 2);
  expect_contents();
  open();
  expect_contents();
}

TEST_F(MaintenanceTest, small_collections_share_a_file) {
  for (int i = 0; i < 30; ++i) {
    const std::string name = fmt::format("c{}", i);
    create(name);
    put(name, 0, 10);
  }
  create("large");
  put("large", 0, 100);
  const auto done = store_->checkpoint();
  ASSERT_OK(done);
  EXPECT_EQ(done->collections, 31U);
  EXPECT_EQ(done->segments, 31U);
  EXPECT_EQ(store_->segment_files().size(), 2U);
  expect_contents();
  open();
  expect_contents();
  EXPECT_EQ(store_->model().durable_lsn(), store_->visible());
}

TEST_F(MaintenanceTest, creates_and_drops_are_saved_and_files_of_dropped_collections_go) {
  create("empty");
  create("a");
  create("b");
  put("a", 0, 100);
  put("b", 0, 10);
  checkpoint();
  ASSERT_EQ(store_->segment_files().size(), 2U);
  ASSERT_OK(store_->drop("a"));
  ASSERT_OK(store_->drop("b"));
  create("b");  // A new one of the same name.
  create("never-saved");
  ASSERT_OK(store_->drop("never-saved"));
  expected_.clear();
  put("b", 0, 3, 7);
  checkpoint();
  ASSERT_OK(store_->maintenance().remove_unused());
  EXPECT_EQ(store_->segment_files().size(), 1U);
  expect_contents();
  open();
  EXPECT_EQ(store_->model().all().size(), 2U);
  EXPECT_EQ(store_->collection("a"), nullptr);
  EXPECT_EQ(store_->collection("never-saved"), nullptr);
  EXPECT_NE(store_->collection("empty"), nullptr);
  expect_contents();
}

TEST_F(MaintenanceTest, files_in_use_stay_until_their_last_reader_has_left) {
  create("a");
  put("a", 0, 100);
  checkpoint();
  auto view = store_->collection("a")->read_view();
  ASSERT_OK(store_->drop("a"));
  checkpoint();
  ASSERT_OK(store_->maintenance().remove_unused());
  EXPECT_EQ(store_->segment_files().size(), 1U);
  EXPECT_OK(view.version->sealed.front()->vector(99));
  view = {};
  ASSERT_OK(store_->maintenance().remove_unused());
  EXPECT_TRUE(store_->segment_files().empty());
}

TEST_F(MaintenanceTest, only_what_is_due_is_checkpointed_by_itself) {
  options_.maintenance.checkpoint_age_ms = 10'000;
  options_.collection.hot_part_bytes = 300 * kMaintainedDim * sizeof(float);
  open();
  create("a");
  create("b");
  put("a", 0, 20);
  auto done = store_->maintenance().checkpoint_due({});
  ASSERT_OK(done);
  EXPECT_EQ(done->rows, 0U);
  clock_.advance_ms(9'999);
  put("b", 0, 20);
  done = store_->maintenance().checkpoint_due({});
  ASSERT_OK(done);
  EXPECT_EQ(done->rows, 0U);
  clock_.advance_ms(1);
  done = store_->maintenance().checkpoint_due({});
  ASSERT_OK(done);
  EXPECT_EQ(done->rows, 20U);
  EXPECT_EQ(sealed_parts("a"), 1U);
  EXPECT_EQ(sealed_parts("b"), 0U);
  // A full part does not wait.
  put("b", 100, 500);
  done = store_->maintenance().checkpoint_due({});
  ASSERT_OK(done);
  const std::uint64_t hot = store_->collection("b")->info().hot_rows;
  EXPECT_EQ(done->rows + hot, 420U);
  EXPECT_GT(hot, 0U);
  EXPECT_EQ(sealed_parts("b"), done->segments);
  expect_contents();
  // The model follows: what is unsaved begins with the hot part.
  ASSERT_OK(store_->maintenance().checkpoint_due({}));
  EXPECT_EQ(store_->model().durable_lsn(), Lsn(store_->visible().value() - hot));
  open();
  EXPECT_EQ(store_->collection("b")->info().hot_rows, hot);
  expect_contents();
}

TEST_F(MaintenanceTest, a_drop_gives_space_and_memory_back_at_once) {
  create("a");
  put("a", 0, 200);
  checkpoint();
  const std::weak_ptr<Collection> collection = store_->collection("a");
  ASSERT_OK(store_->drop("a"));
  EXPECT_FALSE(collection.expired());
  ASSERT_OK(store_->maintenance().checkpoint_due({}));
  EXPECT_TRUE(collection.expired());
  EXPECT_TRUE(store_->segment_files().empty());
}

TEST_F(MaintenanceTest, rows_wait_for_the_index_in_the_order_they_came) {
  create("a");
  create("b");
  put("a", 0, 3000);
  put("b", 0, 3000);
  EXPECT_EQ(store_->collection("a")->info().indexed_count, 0U);
  bool a_was_done_first = false;
  while (store_->maintenance().index_step()) {
    const bool a_done = store_->collection("a")->tail_bytes() == 0;
    a_was_done_first = a_was_done_first || (a_done && store_->collection("b")->info().indexed_count == 0);
  }
  EXPECT_TRUE(a_was_done_first);
  EXPECT_GT(store_->collection("a")->info().indexed_count, 0U);
  EXPECT_GT(store_->collection("b")->info().indexed_count, 0U);
  expect_contents();
}

TEST_F(MaintenanceTest, rows_that_are_too_few_for_a_batch_are_indexed_when_asked_for) {
  create("a");
  put("a", 0, 3000);
  while (store_->maintenance().index_step()) {
  }
  put("a", 3000, 3007);
  EXPECT_FALSE(store_->maintenance().index_step());
  EXPECT_EQ(store_->collection("a")->info().indexed_count, 3000U);
  EXPECT_TRUE(store_->maintenance().index_step(/*all=*/true));
  EXPECT_EQ(store_->collection("a")->info().indexed_count, 3007U);
  EXPECT_FALSE(store_->maintenance().index_step(/*all=*/true));
  expect_contents();
}

TEST_F(MaintenanceTest, a_stop_ends_a_checkpoint_and_leaves_nothing_behind) {
  create("a");
  put("a", 0, 200);
  const auto stopped = store_->maintenance().checkpoint(store_->visible(), [] { return unavailable("stopping"); });
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.status().message(), "stopping");
  EXPECT_TRUE(store_->segment_files().empty());
  expect_contents();
  checkpoint();
  expect_contents();
  EXPECT_EQ(sealed_parts("a"), 1U);
}

// Ten parts of which the first has no living row, and deletes in others.
TEST_F(MaintenanceTest, a_checkpoint_that_is_ended_early_keeps_each_part_that_it_saved) {
  options_.collection.hot_part_bytes = 100 * kMaintainedDim * sizeof(float);
  options_.maintenance.commit_bytes = 1;
  std::vector<Lsn> durable;
  options_.maintenance.committed = [&] { durable.push_back(store_->model().durable_lsn()); };
  open();
  create("a");
  put("a", 0, 1000);
  put("a", 0, 150, 1);
  remove("a", 400, 420);
  const auto three_parts = [&] { return sealed_parts("a") == 3 ? unavailable("stopping") : ok_status(); };
  const auto stopped = store_->maintenance().checkpoint(store_->visible(), three_parts);
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(sealed_parts("a"), 3U);
  EXPECT_EQ(store_->segment_files().size(), 3U);
  const Lsn reached = store_->model().durable_lsn();
  EXPECT_EQ(store_->collection("a")->durable_lsn(), reached);
  EXPECT_GT(reached, Lsn(1));
  EXPECT_LT(reached, store_->visible());
  expect_contents();

  open();
  EXPECT_EQ(sealed_parts("a"), 3U);
  EXPECT_EQ(store_->model().durable_lsn(), reached);
  EXPECT_EQ(store_->collection("a")->durable_lsn(), reached);
  expect_contents();
  const auto done = store_->checkpoint();
  ASSERT_OK(done);
  EXPECT_EQ(done->collections, 1U);
  EXPECT_EQ(done->first_lsn, reached.next());
  EXPECT_EQ(done->last_lsn, store_->visible());
  EXPECT_EQ(store_->model().durable_lsn(), store_->visible());
  EXPECT_GE(durable.size(), 6U);
  EXPECT_TRUE(std::is_sorted(durable.begin(), durable.end()));
  open();
  EXPECT_EQ(store_->collection("a")->info().hot_rows, 0U);
  expect_contents();
}

TEST_F(MaintenanceTest, writes_between_the_commits_of_a_checkpoint_are_the_next_ones) {
  options_.collection.hot_part_bytes = 100 * kMaintainedDim * sizeof(float);
  options_.maintenance.commit_bytes = 1;
  std::uint64_t commits = 0;
  options_.maintenance.committed = [&] {
    if (++commits <= 4) {
      put("a", commits * 50, commits * 50 + 60, commits);
      put("other", commits, commits + 1, commits);
      remove("a", 600 + commits, 601 + commits);
    }
  };
  open();
  create("a");
  create("other");
  put("a", 0, 700);
  const Lsn wanted = store_->visible();
  ASSERT_OK(store_->maintenance().checkpoint(wanted, {}));
  EXPECT_GE(commits, 7U);
  EXPECT_GE(store_->collection("a")->durable_lsn(), wanted);
  EXPECT_LT(store_->model().durable_lsn(), store_->visible());
  expect_contents();
  open();
  expect_contents();
  checkpoint();
  EXPECT_EQ(store_->model().durable_lsn(), store_->visible());
  open();
  expect_contents();
}

TEST_F(MaintenanceTest, many_small_collections_are_saved_in_portions) {
  options_.maintenance.commit_bytes = 4 * 30 * kMaintainedDim * sizeof(float);
  open();
  for (int number = 0; number < 12; ++number) {
    const std::string name = fmt::format("c{:02}", 11 - number);
    create(name);
    put(name, 0, 30);
  }
  const auto two_packs = [&] { return store_->segment_files().size() == 2 ? unavailable("stopping") : ok_status(); };
  EXPECT_FALSE(store_->maintenance().checkpoint(store_->visible(), two_packs).ok());
  EXPECT_EQ(sealed_parts("c11") + sealed_parts("c10"), 2U) << "those with the oldest rows come first";
  EXPECT_EQ(sealed_parts("c00"), 0U);
  EXPECT_GT(store_->model().durable_lsn(), Lsn(100));
  open();
  expect_contents();
  checkpoint();
  EXPECT_EQ(store_->model().durable_lsn(), store_->visible());
  expect_contents();
}

TEST_F(MaintenanceTest, parts_without_a_living_row_are_not_indexed) {
  options_.collection.hot_part_bytes = 2000 * kMaintainedDim * sizeof(float);
  open();
  create("a");
  for (std::uint64_t version = 0; version < 4; ++version) {
    put("a", 0, 2000, version);
  }
  while (store_->maintenance().index_step()) {
  }
  std::uint64_t dead = 0;
  const auto version = store_->collection("a")->read_view().version;
  for (const auto& part : version->frozen) {
    const bool is_dead = part->deletes()->count() == part->row_count();
    dead += is_dead ? 1 : 0;
    EXPECT_EQ(part->indexed_count(), is_dead ? 0 : part->row_count());
  }
  EXPECT_GE(dead, 2U);
  EXPECT_GT(version->frozen.size(), dead);
  expect_contents();
}

TEST_F(MaintenanceTest, a_failed_checkpoint_is_tried_again_but_not_at_once) {
  options_.maintenance.checkpoint_age_ms = 0;
  open();
  create("a");
  put("a", 0, 200);
  fs_.add_rule(
      {.fault = io::Fault::kDiskFull, .call = io::IoCall::kWrite, .path_part = "/segments/", .for_good = true});
  const auto failed = store_->maintenance().checkpoint_due({});
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.status().code(), ErrorCode::kDiskFull);
  EXPECT_TRUE(store_->segment_files().empty());
  const std::uint64_t calls = fs_.operation_count();
  EXPECT_OK(store_->maintenance().checkpoint_due({}));
  EXPECT_EQ(fs_.operation_count(), calls);
  clock_.advance_ms(1000);
  EXPECT_FALSE(store_->maintenance().checkpoint_due({}).ok());
  fs_.clear_rules();
  clock_.advance_ms(2000);
  const auto done = store_->maintenance().checkpoint_due({});
  ASSERT_OK(done);
  EXPECT_EQ(done->rows, 200U);
  expect_contents();
}

TEST_F(MaintenanceTest, orphans_are_quarantined_and_foreign_files_stay) {
  create("a");
  put("a", 0, 100);
  checkpoint();
  const std::string folder = "/data/segments/";
  const auto make = [&](const std::string& name) {
    const auto file = disk_.open(name, io::OpenMode::kCreateNew);
    ASSERT_OK(file);
  };
  make(folder + "segment-0000000000000099.vdb");
  make(folder + "pack-0000000000000098.vdb");
  for (const char* const leftover :
       {".0.vibrato-tmp", ".1000.vibrato-tmp", ".norms.0.vibrato-tmp", ".offsets.7.vibrato-tmp", ".meta.10.vibrato-tmp",
        ".lsns.0.vibrato-tmp", ".ids.0.vibrato-tmp", ".kinds.0.vibrato-tmp", ".texts.0.vibrato-tmp"}) {
    make(folder + "segment-0000000000000097.vdb" + leftover);
    make(folder + "pack-0000000000000096.vdb" + leftover);
  }
  make(folder + "segment-99.vdb");
  make(folder + "notes.txt");
  make(folder + "segment-00000000000000xx.vdb");
  const auto moved = store_->maintenance().quarantine_orphans();
  ASSERT_OK(moved);
  EXPECT_EQ(*moved, 2U);
  EXPECT_EQ(store_->segment_files(), (std::vector<std::string>{"notes.txt", "segment-0000000000000001.vdb",
                                                               "segment-00000000000000xx.vdb", "segment-99.vdb"}));
  const std::int64_t now_ms = clock_.now_ms();
  const auto quarantined = [](std::int64_t time_ms, const std::string& name) {
    return fmt::format("/data/quarantine/{:013}-{}", time_ms, name);
  };
  EXPECT_OK(disk_.stat(quarantined(now_ms, "segment-0000000000000099.vdb")));
  EXPECT_OK(disk_.stat(quarantined(now_ms, "pack-0000000000000098.vdb")));
  // Another orphan of that name does not replace the first.
  make(folder + "segment-0000000000000099.vdb");
  ASSERT_OK(store_->maintenance().quarantine_orphans());
  EXPECT_OK(disk_.stat(quarantined(now_ms + 1, "segment-0000000000000099.vdb")));
  open();
  expect_contents();
}

TEST_F(MaintenanceTest, files_that_an_operator_put_beside_segments_stay) {
  create("a");
  put("a", 0, 100);
  checkpoint();
  std::vector<std::string> expected = store_->segment_files();
  for (const char* const stem :
       {"segment-0000000000000001.vdb", "segment-0000000000000099.vdb", "pack-0000000000000098.vdb"}) {
    for (const char* const rest :
         {".bak", ".old", ".good", ".copy", ".gz", ".sha256", ".0", ".", ".vibrato-tmp", "..vibrato-tmp",
          ".x.vibrato-tmp", ".00.vibrato-tmp", ".12345.vibrato-tmp", ".0.vibrato-tmp.bak", ".0vibrato-tmp",
          ".notes.0.vibrato-tmp", ".ids.vibrato-tmp", ".ids.ids.0.vibrato-tmp", ".ids0.vibrato-tmp"}) {
      expected.push_back(std::string(stem) + rest);
      ASSERT_OK(disk_.open("/data/segments/" + expected.back(), io::OpenMode::kCreateNew));
    }
  }
  std::sort(expected.begin(), expected.end());
  const auto moved = store_->maintenance().quarantine_orphans();
  ASSERT_OK(moved);
  EXPECT_EQ(*moved, 0U);
  EXPECT_EQ(store_->segment_files(), expected);
}

}  // namespace
}  // namespace vibrato::vector
