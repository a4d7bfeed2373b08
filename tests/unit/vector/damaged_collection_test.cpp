// A collection that lost a part: what is written about its rows meanwhile must still count when the part is back.
#include <gtest/gtest.h>
#include <memory>
#include <string>

#include "support/file_contents.hpp"
#include "support/vector_store.hpp"

namespace vibrato::vector {
namespace {

class DamagedCollectionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(test::make_store_folder(disk_));
    open();
    CollectionSettings settings;
    settings.dim = 2;
    settings.metric = Metric::kL2;
    ASSERT_OK(store_->create("a", settings));
    ASSERT_OK(store_->create("b", settings));
  }
  void open() {
    store_.reset();
    auto opened = test::VectorStore::open(disk_, clock_, {});
    ASSERT_OK(opened);
    store_ = std::move(opened).value();
  }
  [[nodiscard]] std::string path_of_first_segment() {
    const auto all = store_->catalog().read([](const catalog::Tables& tables) { return tables.segments.all(); });
    EXPECT_OK(all);
    return std::string(test::kStoreFolder) + "/" + all->at(0).file;
  }
  [[nodiscard]] float value(const std::string& name) {
    const auto contents = store_->contents_of("a");  // kCorruption for a row that is there twice.
    EXPECT_OK(contents);
    const auto found = contents->find(PointId(name));
    return found == contents->end() ? 0 : found->second.vector[0];
  }

  io::SimulatedFileSystem disk_;
  test::FakeClock clock_;
  std::unique_ptr<test::VectorStore> store_;
};

TEST_F(DamagedCollectionTest, a_part_that_comes_back_brings_no_old_rows_with_it) {
  ASSERT_OK(store_->put("a", PointId("changed"), {1, 1}));
  ASSERT_OK(store_->put("a", PointId("deleted"), {2, 1}));
  ASSERT_OK(store_->put("a", PointId("same"), {3, 1}));
  ASSERT_OK(store_->checkpoint());
  ASSERT_OK(store_->put("a", PointId("changed"), {9, 1}));
  ASSERT_OK(store_->remove("a", PointId("deleted")));
  ASSERT_OK(store_->put("b", PointId("other"), {1, 1}));
  const std::string path = path_of_first_segment();
  const std::string good = *test::read_text(disk_, path);
  test::write_text(disk_, path, "damage");

  open();
  EXPECT_CODE(store_->collection("a")->check_writable(), ErrorCode::kUnavailable);
  EXPECT_EQ(value("changed"), 9);
  EXPECT_EQ(value("same"), 0);
  const Lsn replayed_from = store_->model().durable_lsn();
  ASSERT_OK(store_->checkpoint());  // Of the other collection: this one's records stay in the log.
  EXPECT_FALSE(store_->collection("b")->oldest_unsaved_lsn().has_value());
  EXPECT_TRUE(store_->collection("a")->oldest_unsaved_lsn().has_value());
  EXPECT_EQ(store_->model().durable_lsn(), replayed_from);

  test::write_text(disk_, path, good);
  open();
  EXPECT_EQ(value("changed"), 9);
  EXPECT_EQ(value("deleted"), 0);
  EXPECT_EQ(value("same"), 3);
  EXPECT_EQ(store_->collection("a")->info().live_count, 2U);
}

}  // namespace
}  // namespace vibrato::vector
