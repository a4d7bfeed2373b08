#include "vector/import.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/limits.hpp"
#include "support/vector_store_test.hpp"
#include "vector/staged_imports.hpp"

namespace vibrato::vector {
namespace {

using test::kStoreDim;
using test::made_vector;

// A file of an import holds ten rows or so.
class ImportTest : public test::VectorStoreTest {
 protected:
  ImportTest() { options_.maintenance.import_file_bytes = 2'000; }

  void SetUp() override {
    test::VectorStoreTest::SetUp();
    create("a");
  }
  void add(Import& import, std::uint64_t first, std::uint64_t end, std::uint64_t version) {
    for (std::uint64_t id = first; id < end; ++id) {
      const PointInput point{PointId(id), made_vector(kStoreDim, id, version), fmt::format("{{\"v\":{}}}", version)};
      ASSERT_OK(import.add(point));
      expected_["a"][PointId(id)] = {point.vector, point.meta_json};
    }
  }
  void expect_content() {
    const auto contents = store_->contents_of("a");
    ASSERT_OK(contents);
    EXPECT_EQ(*contents, expected_["a"]);
    EXPECT_EQ(store_->collection("a")->info().live_count, expected_["a"].size());
  }
};

TEST_F(ImportTest, of_several_files_the_last_row_of_an_id_counts) {
  put("a", 0, 30, 1);
  const auto import = store_->begin_import("a");
  add(*import, 10, 60, 2);
  add(*import, 20, 25, 3);
  add(*import, 50, 70, 4);
  EXPECT_EQ(import->rows(), 75U);
  EXPECT_GT(import->indexed(), 0U);
  ASSERT_OK(store_->commit_import(*import));
  EXPECT_EQ(import->points(), 60U);
  EXPECT_GT(store_->collection("a")->latest_version()->imported.size(), 3U);
  expect_content();
  open();
  expect_content();
  put("a", 15, 40, 5);
  checkpoint();
  expect_content();
  open();
  expect_content();
  compact_all("a");
  expect_content();
  open();
  expect_content();
  EXPECT_EQ(store_->collection("a")->next_point_number(), 70U);
}

TEST_F(ImportTest, rows_that_move_in_checkpoints_and_merges_meanwhile_give_way) {
  put("a", 0, 60, 1);
  checkpoint();
  put("a", 60, 130, 1);
  const auto import = store_->begin_import("a");
  add(*import, 40, 100, 2);
  checkpoint();
  compact_all("a");
  put("a", 130, 140, 1);
  ASSERT_OK(store_->commit_import(*import));
  expect_content();
  checkpoint();
  compact_all("a");
  expect_content();
  open();
  expect_content();
}

TEST_F(ImportTest, what_is_not_committed_is_removed) {
  {
    const auto import = store_->begin_import("a");
    add(*import, 0, 35, 2);
    EXPECT_GE(store_->segment_files().size(), 3U);
  }
  EXPECT_TRUE(store_->segment_files().empty());
  expected_["a"].clear();
  expect_content();
}

TEST_F(ImportTest, that_is_refused_at_its_end_leaves_nothing) {
  put("a", 0, 20, 1);
  checkpoint();
  const std::vector<std::string> files = store_->segment_files();
  const CollectionPtr collection = store_->collection("a");
  {
    const auto import = store_->begin_import("a");
    ASSERT_OK(import->add({PointId(7), made_vector(kStoreDim, 7, 2), ""}));
    const auto part = collection->latest_version()->sealed.front();
    ASSERT_OK(store_->model().degrade(*collection, part->entry().id, "a test says so"));
    EXPECT_CODE(store_->commit_import(*import), ErrorCode::kUnavailable);
  }
  EXPECT_EQ(store_->segment_files(), files);
  expect_content();
}

TEST_F(ImportTest, makes_so_many_files_and_no_more) {
  options_.maintenance.import_file_bytes = 1;  // A file a row.
  open();
  const auto import = store_->begin_import("a");
  for (std::uint64_t i = 0; i < limits::kImportFilesMax; ++i) {
    ASSERT_OK(import->add({PointId(i), made_vector(kStoreDim, i, 1), ""})) << i;
  }
  EXPECT_EQ(import->indexed(), limits::kImportFilesMax);
  const Status past = import->add({PointId(limits::kImportFilesMax), made_vector(kStoreDim, 1, 1), ""});
  EXPECT_CODE(past, ErrorCode::kInvalidArgument);
  EXPECT_NE(past.message().find(std::to_string(limits::kImportFilesMax)), std::string::npos) << past.message();
}

TEST_F(ImportTest, a_reader_from_before_sees_what_was_before) {
  put("a", 0, 20, 1);
  const ReadView before = store_->collection("a")->read_view();
  const auto import = store_->begin_import("a");
  add(*import, 10, 30, 2);
  ASSERT_OK(store_->commit_import(*import));
  std::uint32_t alive = 0;
  before.version->for_each_newest_first([&](const std::shared_ptr<const Segment>& part) {
    for (std::uint32_t row = 0; row < part->row_count(); ++row) {
      alive += part->is_alive(row, before.visible) ? 1 : 0;
    }
    return true;
  });
  EXPECT_EQ(alive, 20U);
  expect_content();
}

TEST_F(ImportTest, in_flight_it_is_found_by_validations) {
  const auto import = store_->begin_import("a");
  add(*import, 5, 9, 2);
  ASSERT_OK(store_->commit_import(*import));
  const VersionPtr version = store_->collection("a")->latest_version();
  auto prepared = std::make_shared<PreparedImport>();
  for (const auto& part : version->imported) {
    auto opened =
        SealedPart::open(fs_, std::string(test::kStoreFolder), part->entry(), store_->collection("a")->settings());
    ASSERT_OK(opened);
    prepared->import.parts.push_back(*opened);
  }
  prepared->import.next_point_number = 9;
  StagedImports staged;
  const CollectionNumber number = store_->collection("a")->identity().number;
  staged.prepare("file", prepared);
  EXPECT_EQ(staged.prepared("file"), prepared);
  EXPECT_EQ(staged.prepared("other"), nullptr);
  staged.stage(Lsn(100), number, prepared);
  const auto found = staged.find(number, PointId(7).view());
  ASSERT_OK(found);
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->lsn, Lsn(100));
  EXPECT_FALSE((*staged.find(number, PointId(4).view())).has_value());
  EXPECT_FALSE((*staged.find(CollectionNumber(99), PointId(7).view())).has_value());
  EXPECT_EQ(staged.next_number(number), 9U);
  staged.unstage_from(Lsn(101));
  EXPECT_FALSE(staged.empty());
  staged.set_applied(Lsn(100));
  EXPECT_TRUE(staged.empty());
  staged.stage(Lsn(101), number, prepared);
  staged.unstage_from(Lsn(101));
  EXPECT_TRUE(staged.empty());
  staged.forget("file");
  EXPECT_EQ(staged.prepared("file"), nullptr);
}

}  // namespace
}  // namespace vibrato::vector
