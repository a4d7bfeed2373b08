// Merges: rows stay exactly as they are while files come and go, whatever fails.
#include "vector/compaction.hpp"

#include <gtest/gtest.h>
#include <string>

#include "support/file_contents.hpp"
#include "support/vector_store_test.hpp"
#include "vector/archive.hpp"

namespace vibrato::vector {
namespace {

constexpr std::uint32_t kCompactedDim = test::kStoreDim;

class CompactionTest : public test::VectorStoreTest {};

TEST_F(CompactionTest, merges_a_full_tier_into_one_part_with_a_graph) {
  create("a");
  put_parts("a", {500, 600, 700});
  auto done = compact_due();
  ASSERT_OK(done);
  EXPECT_TRUE(done->inputs.empty());
  put_parts("a", {750});
  done = compact_due();
  ASSERT_OK(done);
  EXPECT_EQ(done->inputs.size(), 4U);
  EXPECT_EQ(done->rows, 2550U);
  EXPECT_EQ(done->level, 1);
  ASSERT_EQ(sealed_parts("a"), 1U);
  EXPECT_EQ(store_->collection("a")->info().indexed_count, 2550U);
  ASSERT_OK(store_->maintenance().remove_unused());
  EXPECT_EQ(store_->segment_files().size(), 1U);
  expect_contents();
  open();
  EXPECT_EQ(sealed_parts("a"), 1U);
  expect_contents();
}

TEST_F(CompactionTest, finds_what_an_exact_search_finds_after_half_of_the_rows_went) {
  create("a");
  put_parts("a", {3000, 1500});
  for (std::uint64_t id = 0; id < 3000; id += 2) {
    remove("a", id, id + 1);
  }
  checkpoint();
  compact_all("a");
  ASSERT_EQ(sealed_parts("a"), 1U);
  EXPECT_EQ(store_->collection("a")->info().deleted_count, 0U);
  std::size_t found = 0;
  for (std::uint64_t q = 0; q < 50; ++q) {
    const std::vector<float> query = test::made_vector(kCompactedDim, q, 99);
    SearchRequest request;
    request.vector = query;
    const auto walked = store_->collection("a")->search(request);
    request.exact = true;
    const auto exact = store_->collection("a")->search(request);
    ASSERT_OK(walked);
    ASSERT_OK(exact);
    ASSERT_EQ(exact->hits.size(), 10U);
    for (const PointHit& hit : walked->hits) {
      found +=
          std::any_of(exact->hits.begin(), exact->hits.end(), [&](const PointHit& other) { return other.id == hit.id; })
              ? 1
              : 0;
    }
  }
  EXPECT_GE(found, 490U);
  expect_contents();
}

TEST_F(CompactionTest, deleted_rows_give_their_space_back) {
  create("a");
  put_parts("a", {1000});
  const std::uint64_t before = store_->collection("a")->info().bytes_on_disk;
  remove("a", 0, 700);
  compact_what_is_due();
  EXPECT_LT(store_->collection("a")->info().bytes_on_disk, before / 2);
  EXPECT_EQ(store_->collection("a")->info().deleted_count, 0U);
  EXPECT_EQ(store_->segment_files().size(), 1U);
  expect_contents();
  remove("a", 700, 1000);
  compact_what_is_due();
  EXPECT_EQ(sealed_parts("a"), 0U);
  EXPECT_TRUE(store_->segment_files().empty());
  expect_contents();
  // The deletes were never checkpointed: the log has them.
  open();
  expect_contents();
}

// Deletes and replacements that come while a merge writes its file.
TEST_F(CompactionTest, carries_over_what_is_deleted_meanwhile) {
  create("a");
  put_parts("a", {600, 600});
  bool done_once = false;
  const auto meanwhile = [&]() -> Status {
    if (!done_once && store_->segment_files().size() > 2) {
      done_once = true;
      remove("a", 100, 200);
      put("a", 500, 700, 3);
    }
    return ok_status();
  };
  const auto done = store_->maintenance().compact(store_->collection("a"), meanwhile);
  ASSERT_OK(done);
  EXPECT_TRUE(done_once);
  EXPECT_EQ(done->rows, 1200U);
  expect_contents();
  open();
  expect_contents();
  checkpoint();
  expect_contents();
  open();
  expect_contents();
}

// A checkpoint that raises the durable LSN while a merge runs: its deletes must be in the bitmap of the result.
TEST_F(CompactionTest, keeps_deletes_that_a_checkpoint_made_durable_meanwhile) {
  create("a");
  put_parts("a", {600, 600});
  bool done_once = false;
  const auto meanwhile = [&]() -> Status {
    if (!done_once && store_->segment_files().size() > 2) {
      done_once = true;
      remove("a", 100, 200);
      put("a", 500, 700, 3);
      checkpoint();
    }
    return ok_status();
  };
  ASSERT_OK(store_->maintenance().compact(store_->collection("a"), meanwhile));
  EXPECT_TRUE(done_once);
  EXPECT_EQ(store_->model().durable_lsn(), store_->visible());
  expect_contents();
  open();
  expect_contents();
  compact_all("a");
  expect_contents();
  EXPECT_EQ(sealed_parts("a"), 1U);
}

TEST_F(CompactionTest, a_collection_that_is_dropped_meanwhile_leaves_nothing) {
  for (const bool saved : {false, true}) {
    SCOPED_TRACE(saved);
    create("a");
    put_parts("a", {600, 600});
    bool done_once = false;
    const auto meanwhile = [&]() -> Status {
      if (!done_once && store_->segment_files().size() > 2) {
        done_once = true;
        EXPECT_OK(store_->drop("a"));
        if (saved) {
          checkpoint();
        }
      }
      return ok_status();
    };
    EXPECT_OK(store_->maintenance().compact(store_->collection("a"), meanwhile));
    EXPECT_TRUE(done_once);
    expected_.erase("a");
    checkpoint();
    ASSERT_OK(store_->maintenance().remove_unused());
    EXPECT_TRUE(store_->segment_files().empty());
  }
  open();
  EXPECT_TRUE(store_->model().all().empty());
}

TEST_F(CompactionTest, readers_keep_what_they_read) {
  create("a");
  put_parts("a", {300, 300});
  const auto view = store_->collection("a")->read_view();
  const auto before = test::VectorStore::contents_of(*store_->collection("a"));
  compact_all("a");
  ASSERT_OK(store_->maintenance().remove_unused());
  EXPECT_EQ(store_->segment_files().size(), 3U);
  std::size_t rows = 0;
  for (const auto& part : view.version->sealed) {
    for (std::uint32_t row = 0; row < part->row_count(); ++row) {
      rows += part->is_alive(row, view.visible) && part->vector(row).ok() ? 1U : 0U;
    }
  }
  EXPECT_EQ(rows, before->size());
}

TEST_F(CompactionTest, idle_collections_settle) {
  create("a");
  create("b");
  put_parts("a", {300, 400});
  put_parts("b", {2, 3});
  compact_what_is_due();
  EXPECT_EQ(sealed_parts("a"), 2U);
  clock_.advance_ms(options_.maintenance.idle_ms);
  compact_what_is_due();
  EXPECT_EQ(sealed_parts("a"), 1U);
  EXPECT_EQ(sealed_parts("b"), 1U);
  EXPECT_EQ(store_->segment_files().size(), 2U);
  expect_contents();
  open();
  expect_contents();
}

TEST_F(CompactionTest, small_collections_stay_in_packs) {
  for (std::uint64_t round = 0; round < 4; ++round) {
    for (int i = 0; i < 20; ++i) {
      const std::string name = fmt::format("c{}", i);
      if (round == 0) {
        create(name);
      }
      put(name, round * 5, round * 5 + 5);
    }
    checkpoint();
  }
  EXPECT_EQ(store_->segment_files().size(), 4U);
  const auto done = compact_due();
  ASSERT_OK(done);
  EXPECT_EQ(done->inputs.size(), 4U);
  ASSERT_OK(store_->maintenance().remove_unused());
  EXPECT_EQ(store_->segment_files().size(), 1U);
  EXPECT_EQ(sealed_parts("c7"), 1U);
  expect_contents();
  open();
  expect_contents();
}

TEST_F(CompactionTest, a_pack_that_is_mostly_unused_is_written_anew) {
  for (int i = 0; i < 60; ++i) {
    const std::string name = fmt::format("c{}", i);
    create(name);
    put(name, 0, 20);
  }
  checkpoint();
  const auto bytes_of_packs = [this] {
    std::uint64_t bytes = 0;
    for (const std::string& name : store_->segment_files()) {
      bytes += disk_.stat("/data/segments/" + name)->size_bytes;
    }
    return bytes;
  };
  const std::uint64_t before = bytes_of_packs();
  for (int i = 0; i < 50; ++i) {
    const std::string name = fmt::format("c{}", i);
    ASSERT_OK(store_->drop(name));
    expected_.erase(name);
  }
  checkpoint();
  compact_what_is_due();
  EXPECT_EQ(store_->segment_files().size(), 1U);
  EXPECT_LT(bytes_of_packs(), before / 3);
  expect_contents();
  open();
  expect_contents();
}

TEST_F(CompactionTest, a_damaged_input_is_named_and_stays_and_its_collection_is_read_only) {
  create("a");
  create("b");
  put_parts("a", {300, 300});
  put_parts("b", {300, 300});
  const auto part = store_->collection("a")->read_view().version->sealed.front();
  const std::string path = "/data/" + part->entry().file;
  {
    const auto file = disk_.open(path, io::OpenMode::kReadWrite);
    ASSERT_OK(file);
    std::byte byte{};
    ASSERT_OK((*file)->read_at(8192, std::span(&byte, 1)));
    byte ^= std::byte{1};
    ASSERT_OK((*file)->write_at(8192, std::span(&byte, 1)));
  }
  open();  // The map of the simulated disk is a copy.
  const auto done = store_->maintenance().compact(store_->collection("a"), {});
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.status().code(), ErrorCode::kCorruption);
  EXPECT_NE(done.status().message().find(part->entry().file), std::string::npos) << done.status().message();
  EXPECT_EQ(store_->segment_files().size(), 4U);
  EXPECT_FALSE(store_->collection("a")->check_writable().ok());
  EXPECT_FALSE(store_->put("a", PointId(1), test::made_vector(kCompactedDim, 1)).ok());
  EXPECT_FALSE(store_->maintenance().compact(store_->collection("a"), {}).ok());
  compact_all("b");
  expected_.erase("a");
  expect_contents();
  open();
  EXPECT_FALSE(store_->collection("a")->check_writable().ok());
}

TEST_F(CompactionTest, a_stop_ends_a_merge_and_leaves_nothing_behind) {
  create("a");
  put_parts("a", {800, 800});
  std::uint32_t looks = 0;
  ASSERT_OK(store_->maintenance().compact(store_->collection("a"), [&looks] {
    ++looks;
    return ok_status();
  }));
  ASSERT_GT(looks, 5U);
  put_parts("a", {300});
  ASSERT_OK(store_->maintenance().remove_unused());
  for (std::uint32_t stop_at = 1; stop_at < looks; ++stop_at) {
    std::uint32_t look = 0;
    const auto stopped = store_->maintenance().compact(
        store_->collection("a"), [&] { return ++look == stop_at ? unavailable("stopping") : ok_status(); });
    if (look < stop_at) {
      break;  // This merge takes fewer looks.
    }
    ASSERT_FALSE(stopped.ok()) << stop_at;
    ASSERT_EQ(stopped.status().message(), "stopping");
    ASSERT_EQ(store_->segment_files().size(), 2U);
  }
  expect_contents();
}

TEST_F(CompactionTest, a_failed_merge_is_tried_again_but_not_at_once) {
  create("a");
  put_parts("a", {100, 100, 100, 100});
  fs_.add_rule(
      {.fault = io::Fault::kDiskFull, .call = io::IoCall::kWrite, .path_part = "/segments/", .for_good = true});
  const auto failed = compact_due();
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.status().code(), ErrorCode::kDiskFull);
  EXPECT_EQ(store_->segment_files().size(), 4U);
  const auto again = compact_due();
  ASSERT_OK(again);
  EXPECT_TRUE(again->inputs.empty());
  fs_.clear_rules();
  clock_.advance_ms(1000);
  const auto done = compact_due();
  ASSERT_OK(done);
  EXPECT_EQ(done->inputs.size(), 4U);
  expect_contents();
}

TEST_F(CompactionTest, flat_collections_are_merged_without_a_graph) {
  CollectionSettings settings;
  settings.dim = kCompactedDim;
  settings.index = IndexKind::kFlat;
  ASSERT_OK(store_->create("flat", settings));
  put_parts("flat", {1200, 1300});
  compact_all("flat");
  ASSERT_EQ(sealed_parts("flat"), 1U);
  EXPECT_FALSE(store_->collection("flat")->read_view().version->sealed.front()->rows().has_graph());
  expect_contents();
  open();
  expect_contents();
}

TEST_F(CompactionTest, archives_merged_parts_of_collections_that_ask_for_it) {
  CollectionSettings settings = test::small_segment_settings(kCompactedDim);
  settings.archive = ArchiveSettings{};
  ASSERT_OK(store_->create("old", settings));
  create("plain");
  put_parts("old", {1500, 400});
  put_parts("plain", {1500, 400});
  compact_all("old");
  compact_all("plain");
  EXPECT_EQ(store_->collection("old")->read_view().version->sealed.front()->entry().level, 2);
  EXPECT_EQ(store_->collection("plain")->read_view().version->sealed.front()->entry().level, 1);
  expect_contents();
  open();
  expect_contents();
}

TEST_F(CompactionTest, archives_on_product_codes_with_raw_vectors_and_without) {
  for (const bool keep_raw : {true, false}) {
    const std::string name = keep_raw ? "kept" : "dropped";
    CollectionSettings settings = test::small_segment_settings(kCompactedDim, Metric::kL2);
    settings.archive = ArchiveSettings{keep_raw};
    ASSERT_OK(store_->create(name, settings));
    put_parts(name, {1500, 400});
    compact_all(name);
    for (int opened = 0; opened < 2; ++opened) {
      ASSERT_EQ(sealed_parts(name), 1U);
      const auto part = store_->collection(name)->read_view().version->sealed.front();
      EXPECT_EQ(part->entry().level, kArchiveLevel);
      EXPECT_EQ(part->row_count(), 1900U);
      ASSERT_NE(part->rows().space().product, nullptr);
      EXPECT_EQ(part->rows().file().has_vectors(), keep_raw);
      EXPECT_OK(part->rows().file().verify());
      const std::vector<float> query = test::made_vector(kCompactedDim, 5, 99);
      SearchRequest request;
      request.vector = query;
      const auto found = store_->collection(name)->search(request);
      ASSERT_OK(found);
      EXPECT_EQ(found->hits.size(), 10U);
      open();
    }
  }
  // What was deleted stays so.
  const std::uint64_t archived = store_->collection("dropped")->read_view().version->sealed.front()->row_count();
  ASSERT_OK(store_->remove("dropped", PointId(next_id_ - 1)));
  checkpoint();
  compact_all("dropped");
  EXPECT_EQ(store_->collection("dropped")->info().live_count, archived - 1);
  EXPECT_CODE(store_->collection("dropped")->read_view().version->sealed.front()->vector(0), ErrorCode::kGone);
}

}  // namespace
}  // namespace vibrato::vector
