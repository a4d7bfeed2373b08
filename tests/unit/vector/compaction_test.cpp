// Merges: rows stay exactly as they are while files come and go, whatever fails.
#include "vector/compaction.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <tuple>

#include "support/file_contents.hpp"
#include "support/vector_store_test.hpp"
#include "vector/archive.hpp"

namespace vibrato::vector {
namespace {

constexpr std::uint32_t kDim = test::kStoreDim;

class CompactionTest : public test::VectorStoreTest {
 protected:
  // Parts of the collection, oldest first, each as large as told.
  void put_parts(const std::string& name, std::initializer_list<std::uint64_t> sizes) {
    for (const std::uint64_t size : sizes) {
      put(name, next_id_, next_id_ + size);
      next_id_ += size;
      checkpoint();
    }
  }
  [[nodiscard]] Result<CompactionReport> compact_due() { return store_->maintenance().compact_due({}); }
  void compact_what_is_due() {
    for (int round = 0; round < 50; ++round) {
      const auto done = compact_due();
      ASSERT_OK(done);
      if (done->inputs.empty()) {
        ASSERT_OK(store_->maintenance().remove_unused());
        return;
      }
    }
    FAIL() << "it never ends";
  }

  std::uint64_t next_id_ = 0;
};

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
    const std::vector<float> query = test::made_vector(kDim, q, 99);
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
  EXPECT_FALSE(store_->put("a", PointId(1), test::made_vector(kDim, 1)).ok());
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
  settings.dim = kDim;
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

class DroppedVectorsTest : public CompactionTest {
 protected:
  void SetUp() override {
    CompactionTest::SetUp();
    make(Metric::kL2);
  }
  // An archive of 3,000 rows.
  void make(Metric metric) {
    CollectionSettings settings = test::small_settings(kDim, metric);
    settings.archive = ArchiveSettings{false};
    ASSERT_OK(store_->create(name(), settings));
    next_id_ = 0;
    put_parts(name(), {2000, 1000});
    compact_all(name());
    ASSERT_EQ(sealed_parts(name()), 1U);
    ASSERT_FALSE(archive()->rows().file().has_vectors());
  }
  [[nodiscard]] std::string name() const { return "old"; }
  [[nodiscard]] std::shared_ptr<const SealedPart> archive() const {
    return store_->collection(name())->read_view().version->sealed.front();
  }
  // What makes a point what it is, where its vector is gone.
  using Rows = std::map<PointId, std::tuple<Lsn, std::string, std::string>>;
  [[nodiscard]] Rows alive_rows() const {
    Rows rows;
    const auto part = archive();
    for (std::uint32_t row = 0; row < part->row_count(); ++row) {
      if (part->is_alive(row, store_->visible())) {
        const simd::CodeRows& codes = part->rows().space().codes;
        const auto* const code = reinterpret_cast<const char*>(codes.base + row * codes.stride_bytes);
        rows[PointId(*part->id(row))] = {part->row_lsn(row), std::string(*part->meta_json(row)),
                                         std::string(code, codes.code_bytes)};
      }
    }
    return rows;
  }
  // The ids that a search finds, or a scan of the codes.
  [[nodiscard]] std::vector<PointId> found(const std::vector<float>& query, bool exact) const {
    SearchRequest request;
    request.vector = query;
    request.exact = exact;
    const auto answer = store_->collection(name())->search(request);
    EXPECT_OK(answer);
    std::vector<PointId> ids;
    for (const PointHit& hit : answer->hits) {
      ids.emplace_back(hit.id);
    }
    return ids;
  }
  // The share of the ten nearest living points that searches find: by their true vectors, and by their codes.
  struct Recall {
    double of_true = 0;
    double of_codes = 0;
  };
  [[nodiscard]] Recall recall() {
    constexpr std::uint64_t kQueries = 100;
    Recall recall;
    for (std::uint64_t q = 0; q < kQueries; ++q) {
      const std::vector<float> query = test::made_vector(kDim, q, 77);
      std::vector<std::pair<double, PointId>> truth;
      for (const auto& [id, point] : expected_[name()]) {
        double distance = 0;
        for (std::uint32_t j = 0; j < kDim; ++j) {
          distance += (double{query[j]} - double{point.vector[j]}) * (double{query[j]} - double{point.vector[j]});
        }
        truth.emplace_back(distance, id);
      }
      std::partial_sort(truth.begin(), truth.begin() + 10, truth.end());
      const std::vector<PointId> walked = found(query, false);
      const std::vector<PointId> scanned = found(query, true);
      for (std::size_t i = 0; i < 10; ++i) {
        const auto is_found = [&walked](const PointId& id) {
          return std::find(walked.begin(), walked.end(), id) != walked.end() ? 1.0 : 0.0;
        };
        recall.of_true += is_found(truth[i].second) / (10.0 * kQueries);
        recall.of_codes += is_found(scanned[i]) / (10.0 * kQueries);
      }
    }
    return recall;
  }
};

TEST_F(DroppedVectorsTest, an_archive_gives_the_space_of_its_dead_rows_back_and_finds_as_before) {
  const std::uint64_t bytes = archive()->bytes_on_disk();
  remove(name(), 0, 500);
  compact_what_is_due();
  EXPECT_EQ(archive()->row_count(), 3000U);  // A sixth is too little.
  remove(name(), 1000, 1800);
  put(name(), 2900, 2950, 1);
  checkpoint();
  for (std::uint64_t id = 2900; id < 2950; ++id) {
    ASSERT_OK(store_->remove(name(), PointId(id)));
    expected_[name()].erase(PointId(id));
  }
  checkpoint();
  const Rows before = alive_rows();
  ASSERT_EQ(before.size(), 1650U);
  const Recall recall_before = recall();
  compact_what_is_due();
  for (int restart = 0; restart < 2; ++restart) {
    const auto part = archive();
    ASSERT_EQ(part->row_count(), 1650U);
    EXPECT_EQ(part->deletes()->count(), 0U);
    EXPECT_EQ(part->entry().level, kArchiveLevel);
    EXPECT_FALSE(part->rows().file().has_vectors());
    EXPECT_TRUE(part->rows().has_graph());
    EXPECT_LT(part->bytes_on_disk(), bytes * 2 / 3);
    EXPECT_OK(part->rows().file().verify());
    EXPECT_EQ(alive_rows(), before);
    const Recall recall_after = recall();
    EXPECT_GE(recall_after.of_true, recall_before.of_true - 0.01);
    EXPECT_GE(recall_after.of_codes, 0.98) << "before: " << recall_before.of_codes;
    EXPECT_EQ(store_->collection(name())->info().live_count, 1650U);
    open();
  }
  EXPECT_EQ(store_->segment_files().size(), 1U);
}

TEST_F(DroppedVectorsTest, rewriting_works_for_every_metric_down_to_few_rows_and_none) {
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kL2}) {
    ASSERT_OK(store_->drop(name()));
    expected_.clear();
    make(metric);
    std::uint64_t first = 0;
    for (const std::uint64_t end : {700U, 2950U, 3000U}) {
      remove(name(), first, end);
      first = end;
      const Rows before = alive_rows();
      compact_all(name());
      if (end == 3000) {
        EXPECT_EQ(sealed_parts(name()), 0U);
        continue;
      }
      ASSERT_EQ(archive()->row_count(), 3000 - end);
      EXPECT_EQ(alive_rows(), before);
      EXPECT_EQ(found(test::made_vector(kDim, 1, 77), false).size(), 10U);
      EXPECT_OK(archive()->rows().file().verify());
    }
  }
}

TEST_F(DroppedVectorsTest, what_is_deleted_meanwhile_stays_so_and_a_stop_leaves_all_as_it_was) {
  remove(name(), 0, 1000);
  int asked = 0;
  const auto stopped = store_->maintenance().compact(store_->collection(name()),
                                                     [&] { return ++asked < 4 ? ok_status() : unavailable("stop"); });
  EXPECT_CODE(stopped, ErrorCode::kUnavailable);
  EXPECT_EQ(archive()->row_count(), 3000U);
  asked = 0;
  const auto done = store_->maintenance().compact(store_->collection(name()), [&] {
    return ++asked == 4 ? store_->remove(name(), PointId(std::uint64_t{2000})) : ok_status();
  });
  ASSERT_OK(done);
  expected_[name()].erase(PointId(std::uint64_t{2000}));
  EXPECT_EQ(archive()->row_count(), 2000U);
  for (int restart = 0; restart < 2; ++restart) {
    EXPECT_EQ(alive_rows().size(), 1999U);
    EXPECT_FALSE(alive_rows().contains(PointId(std::uint64_t{2000})));
    EXPECT_EQ(store_->collection(name())->info().live_count, 1999U);
    open();
  }
}

TEST_F(CompactionTest, archives_merged_parts_of_collections_that_ask_for_it) {
  CollectionSettings settings = test::small_settings(kDim);
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
    CollectionSettings settings = test::small_settings(kDim, Metric::kL2);
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
      const std::vector<float> query = test::made_vector(kDim, 5, 99);
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
