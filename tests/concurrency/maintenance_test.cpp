// Checkpoints, merges and indexing beside writers and readers: a reader always sees every row exactly once.
#include "vector/maintenance.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

#include "support/sanitizers.hpp"
#include "support/vector_store_test.hpp"

namespace vibrato::vector {
namespace {

constexpr std::uint32_t kMaintainedDim = test::kStoreDim;
constexpr std::uint64_t kMaintainedRows = 400;

class MaintenanceConcurrencyTest : public test::VectorStoreTest {
 protected:
  void SetUp() override {
    options_.collection.hot_part_bytes = 300 * kMaintainedDim * sizeof(float);
    options_.maintenance.merge_width = 2;
    options_.maintenance.checkpoint_age_ms = 0;
    options_.maintenance.idle_ms = 0;
    VectorStoreTest::SetUp();
  }

  // Does `work` again and again until the writers are done.
  template <typename Work>
  void in_background(const Work& work) {
    threads_.emplace_back([this, work] {
      while (!done_) {
        work();
        std::this_thread::yield();
      }
    });
  }
  void finish() {
    done_ = true;
    for (std::thread& thread : threads_) {
      thread.join();
    }
  }
  void maintain_in_background() {
    in_background([this] { EXPECT_OK(store_->maintenance().checkpoint_due({})); });
    in_background([this] { EXPECT_OK(store_->checkpoint()); });
    in_background([this] {
      EXPECT_OK(store_->maintenance().compact_due({}));
      EXPECT_OK(store_->maintenance().remove_unused());
    });
    in_background([this] { static_cast<void>(store_->maintenance().index_step()); });
  }

  std::atomic<bool> done_ = false;
  std::vector<std::thread> threads_;
};

TEST_F(MaintenanceConcurrencyTest, readers_see_every_row_once_while_it_is_replaced_sealed_and_merged) {
  create("a");
  put("a", 0, kMaintainedRows);
  maintain_in_background();
  std::atomic<std::uint64_t> looks = 0;
  for (int reader = 0; reader < 2; ++reader) {
    in_background([&] {
      const auto found = store_->contents_of("a");
      ASSERT_OK(found);
      ASSERT_EQ(found->size(), kMaintainedRows);
      const auto one = store_->collection("a")->get(PointId(looks % kMaintainedRows).view());
      ASSERT_OK(one);
      ASSERT_TRUE(one->has_value());
      ++looks;
    });
  }
  for (std::uint64_t round = 1; round <= test::scaled(300, 30); ++round) {
    put("a", round * 37 % kMaintainedRows, kMaintainedRows, round);
  }
  finish();
  EXPECT_GT(looks, 0U);
  expect_contents();
  compact_all("a");
  expect_contents();
  open();
  expect_contents();
}

TEST_F(MaintenanceConcurrencyTest, collections_come_and_go_beside_checkpoints_and_merges) {
  maintain_in_background();
  for (std::uint64_t round = 0; round < test::scaled(100, 15); ++round) {
    create("keep" + std::to_string(round % 3) + "-" + std::to_string(round));
    create("a");
    put("a", 0, 120, round);
    put("keep" + std::to_string(round % 3) + "-" + std::to_string(round), 0, 15, round);
    put("a", 60, 200, round + 1);
    ASSERT_OK(store_->drop("a"));
    expected_.erase("a");
  }
  finish();
  checkpoint();
  expect_contents();
  ASSERT_OK(store_->maintenance().remove_unused());
  open();
  EXPECT_EQ(store_->collection("a"), nullptr);
  expect_contents();
  // No file is left that nobody names.
  const auto orphans = store_->maintenance().quarantine_orphans();
  ASSERT_OK(orphans);
  EXPECT_EQ(*orphans, 0U);
}

}  // namespace
}  // namespace vibrato::vector
