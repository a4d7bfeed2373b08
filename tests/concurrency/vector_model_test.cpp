// Collections that come and go while others look them up, write to them and checkpoint them.
#include <atomic>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/sanitizers.hpp"
#include "support/vector_store.hpp"

namespace vibrato::vector {
namespace {

CollectionSettings made_settings() {
  CollectionSettings settings;
  settings.dim = 4;
  settings.metric = Metric::kL2;
  settings.index = IndexKind::kFlat;
  return settings;
}

class VectorModelThreadsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(test::make_store_folder(disk_));
    auto opened = test::VectorStore::open(disk_, clock_, {});
    ASSERT_OK(opened);
    store_ = std::move(opened).value();
    ASSERT_OK(store_->create("stays", made_settings()));
  }
  // The collection that both writers use comes and goes under them: kNotFound is an answer like any other.
  static void expect_one_of_two(const Status& status) {
    EXPECT_TRUE(status.ok() || status.code() == ErrorCode::kNotFound) << status.message();
  }
  void write(std::uint64_t writer, std::uint32_t rounds) {
    for (std::uint64_t i = 0; i < rounds; ++i) {
      const auto value = static_cast<float>(i);
      EXPECT_OK(store_->put("stays", PointId(writer * 1000 + i % 50), {value, value, value, value}));
      expect_one_of_two(store_->put("comes", PointId(i % 10), {value, value, value, 1}));
      expect_one_of_two(store_->remove("comes", PointId(i % 10)));
      if (i % 20 == 10 * writer) {
        EXPECT_OK(store_->create("comes", made_settings()));
      }
      if (i % 20 == 15) {
        expect_one_of_two(store_->drop("comes"));
      }
    }
  }
  void look() {
    while (!done_) {
      for (const CollectionPtr& collection : store_->model().all()) {
        EXPECT_OK(collection->get(PointId(std::uint64_t{3}).view()));
        const auto found = store_->model().find(collection->identity().name);
        EXPECT_TRUE(found.ok() || found.status().code() == ErrorCode::kNotFound);
      }
      const Lsn durable = store_->model().durable_lsn();  // First: both rise meanwhile.
      EXPECT_LE(durable, store_->model().applied_lsn());
    }
  }
  void save() {
    while (!done_) {
      EXPECT_OK(store_->checkpoint());
      EXPECT_OK(store_->maintenance().remove_unused());
    }
  }

  io::SimulatedFileSystem disk_;
  test::FakeClock clock_;
  std::unique_ptr<test::VectorStore> store_;
  std::atomic<bool> done_{false};
};

TEST_F(VectorModelThreadsTest, writers_readers_and_checkpoints_agree_on_what_exists) {
  std::vector<std::thread> others;
  others.emplace_back([this] { look(); });
  others.emplace_back([this] { save(); });
  std::vector<std::thread> writers;
  for (std::uint64_t writer = 0; writer < 2; ++writer) {
    writers.emplace_back([this, writer] { write(writer, test::scaled(300, 60)); });
  }
  for (std::thread& thread : writers) {
    thread.join();
  }
  done_ = true;
  for (std::thread& thread : others) {
    thread.join();
  }
  const auto before = store_->contents_of("stays");
  ASSERT_OK(before);
  EXPECT_EQ(before->size(), 100U);
  const std::size_t collections = store_->model().all().size();
  store_.reset();
  auto opened = test::VectorStore::open(disk_, clock_, {});
  ASSERT_OK(opened);
  const auto after = (*opened)->contents_of("stays");
  ASSERT_OK(after);
  EXPECT_EQ(*after, *before);
  EXPECT_EQ((*opened)->model().all().size(), collections);
}

}  // namespace
}  // namespace vibrato::vector
