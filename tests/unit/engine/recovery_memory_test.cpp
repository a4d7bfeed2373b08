// A log whose tail is larger than the memory budget: the recovery seals while it replays, and memory stays bounded.
#include <algorithm>

#include "base/limits.hpp"
#include "engine/database_impl.hpp"
#include "engine/recovery.hpp"
#include "support/made_database.hpp"

namespace vibrato::engine {
namespace {

constexpr std::uint32_t kDim = 1024;
constexpr std::uint64_t kBatches = 24;
constexpr std::uint64_t kBatchRows = 500;  // About 2 MiB.

class RecoveryMemoryTest : public ::testing::Test {
 protected:
  static vector::CollectionSettings settings() {
    vector::CollectionSettings settings;
    settings.dim = kDim;
    settings.metric = Metric::kL2;
    settings.index = vector::IndexKind::kFlat;
    return settings;
  }
  static std::vector<float> vector_of(std::uint64_t id) { return std::vector<float>(kDim, static_cast<float>(id)); }
  static DatabaseOptions options() {
    DatabaseOptions options = test::made_database_options();
    options.wal_segment_bytes = 4 * limits::kMiB;
    options.memory_budget_bytes = 0;
    options.tail_budget_bytes = 0;
    options.hot_part_bytes = 4 * limits::kMiB;
    return options;
  }
  void SetUp() override {
    ASSERT_OK(database_.open());
    ASSERT_OK(database_.commit(vector::make_create_collection(database_->vectors(), "c", settings(),
                                                              std::make_shared<vector::CreateOutcome>()),
                               Database::Kind::kAdmin));
    const auto collection = database_->vectors().find("c");
    ASSERT_OK(collection);
    for (std::uint64_t batch = 0; batch < kBatches; ++batch) {
      std::vector<vector::PointInput> points;
      for (std::uint64_t id = batch * kBatchRows; id < (batch + 1) * kBatchRows; ++id) {
        points.push_back({PointId(id), vector_of(id), ""});
      }
      ASSERT_OK(database_.commit(vector::make_upsert_batch(database_->vectors(), *collection, std::move(points),
                                                           std::make_shared<vector::BatchOutcome>()),
                                 Database::Kind::kPut, collection->get()));
    }
    ASSERT_OK(database_.remove("c", 3));
  }
  void expect_all() {
    const auto collection = database_->vectors().find("c");
    ASSERT_OK(collection);
    EXPECT_EQ((*collection)->info().live_count, kBatches * kBatchRows - 1);
    for (std::uint64_t id = 0; id < kBatches * kBatchRows; id += 97) {
      const auto point = (*collection)->get(PointId(id).view());
      ASSERT_OK(point);
      ASSERT_TRUE(point->has_value()) << id;
      EXPECT_TRUE(std::ranges::equal((*point)->vector, vector_of(id))) << id;
    }
    const auto gone = (*collection)->get(PointId(3).view());
    ASSERT_OK(gone);
    EXPECT_FALSE(gone->has_value());
  }
  std::size_t segment_files() {
    const auto listed = disk_.list_directory("/data/segments");
    EXPECT_OK(listed);
    return listed->size();
  }
  void kill() {
    disk_.cut_power();
    database_.close();
    disk_.restart(io::CrashMode::kKeepAll, 1);
  }

  io::SimulatedFileSystem disk_;
  test::MadeDatabase database_{disk_, options()};
};

TEST_F(RecoveryMemoryTest, rows_beyond_the_budget_are_sealed_on_the_way) {
  ASSERT_GT(database_->stats().memory_bytes, 40 * limits::kMiB);
  kill();
  database_.options().memory_budget_bytes = 8 * limits::kMiB;
  ASSERT_OK(database_.open());
  EXPECT_TRUE(database_->readiness().ready);
  EXPECT_LT(database_->stats().memory_bytes, 10 * limits::kMiB);
  EXPECT_GE(segment_files(), 2U);
  const auto collection = database_->vectors().find("c");
  ASSERT_OK(collection);
  EXPECT_GT((*collection)->durable_lsn(), Lsn(kBatchRows));
  expect_all();
  kill();
  ASSERT_OK(database_.open());
  expect_all();
}

TEST_F(RecoveryMemoryTest, within_the_budget_nothing_is_sealed) {
  kill();
  database_.options().memory_budget_bytes = 1024 * limits::kMiB;
  ASSERT_OK(database_.open());
  EXPECT_EQ(segment_files(), 0U);
  EXPECT_GT(database_->stats().memory_bytes, 40 * limits::kMiB);
  expect_all();
}

TEST_F(RecoveryMemoryTest, the_replay_asks_for_relief_at_ends_of_groups_that_are_visible) {
  kill();
  wal::LocalLogOptions log_options;
  sqlite::Vfs vfs(disk_);
  const auto catalog = catalog::Catalog::open(vfs, "/data", database_.clock());
  ASSERT_OK(catalog);
  const auto log = wal::LocalLog::open(disk_, "/data/wal", log_options);
  ASSERT_OK(log);
  commit::VisibleLsn visible;
  vector::VectorModel::Options model_options;
  model_options.data_folder = "/data";
  vector::VectorModel model(disk_, **catalog, visible, model_options);
  commit::Model* const all[] = {&model};
  const commit::ModelSet models(all);
  ASSERT_OK(models.load());
  std::vector<Lsn> asked;
  RecoveryHooks hooks;
  hooks.relieve = [&](Lsn lsn) {
    EXPECT_EQ(visible.get(), lsn);
    EXPECT_EQ(model.applied_lsn(), lsn);
    EXPECT_EQ((lsn.value() - 1) % kBatchRows, 0U) << "not the end of a batch: " << lsn.value();
    asked.push_back(lsn);
    return asked.size() == 2 ? io_error("enough") : ok_status();
  };
  const auto replayed = replay(**log, models, visible, hooks);
  EXPECT_CODE(replayed.status(), ErrorCode::kIoError);
  EXPECT_EQ(asked.size(), 2U);
}

}  // namespace
}  // namespace vibrato::engine
