// A whole database against a plain map of points: random writes, checkpoints, compactions, restarts, snapshots and
// restores, and after each few steps every point, every exact answer and every count. VIBRATO_PROPERTY_STEPS sets the
// number of steps, VIBRATO_TEST_SEED the seed.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <future>
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "engine/database.hpp"
#include "engine/offline.hpp"
#include "io/real_file_system.hpp"
#include "support/status_matchers.hpp"
#include "support/temp_directory.hpp"
#include "support/test_numbers.hpp"
#include "vector/point_writes.hpp"

namespace vibrato::engine {
namespace {

using nlohmann::json;
using vector::CollectionPtr;
using vector::CollectionSettings;

constexpr std::uint32_t kIds = 120;  // Of each kind.
constexpr std::size_t kSnapshots = 3;

struct ModelPoint {
  std::vector<float> vector;
  std::string meta_json;
};
using ModelCollection = std::map<PointId, ModelPoint>;

struct KeptCollection {
  std::string name;
  CollectionSettings settings;
  ModelCollection points;
};

struct Snapshot {
  std::string folder;
  std::vector<KeptCollection> state;
};

std::vector<KeptCollection> database_collections() {
  std::vector<KeptCollection> kept;
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kDot}) {
    CollectionSettings settings;
    settings.dim = metric == Metric::kDot ? 19 : 4;
    settings.metric = metric;
    settings.index = metric == Metric::kCosine ? vector::IndexKind::kFlat : vector::IndexKind::kHnsw;
    kept.push_back({std::string("collection_").append(std::to_string(kept.size())), settings, {}});
  }
  return kept;
}

// The distance as the definition has it, lower is better.
double distance(Metric metric, const std::vector<float>& a, const std::vector<float>& b) {
  double dot = 0;
  double norm_a = 0;
  double norm_b = 0;
  double squared = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += double{a[i]} * b[i];
    norm_a += double{a[i]} * a[i];
    norm_b += double{b[i]} * b[i];
    squared += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
  }
  switch (metric) {
    case Metric::kL2:
      return squared;
    case Metric::kDot:
      return -dot;
    case Metric::kCosine:
      return -dot / std::sqrt(norm_a * norm_b);
  }
  return 0;
}

double as_distance(Metric metric, float score) {
  return metric == Metric::kL2 ? score : -double{score};
}

class DatabaseWorld {
 public:
  explicit DatabaseWorld(std::uint64_t seed) : random_(seed), logger_(LogLevel::kOff), kept_(database_collections()) {
    options_.data_folder = std::filesystem::canonical(folder_.path()).string() + "/data";
    options_.hot_part_bytes = 4096;  // Parts fill often.
    options_.wal_segment_bytes = 64 * 1024;
    options_.wal_retain_bytes = 128 * 1024;
    options_.background_threads = 2;
    options_.disk_reserve_bytes = 0;
    open();
    for (const KeptCollection& kept : kept_) {
      const auto outcome = std::make_shared<vector::CreateOutcome>();
      EXPECT_OK(
          database_->commit(vector::make_create_collection(database_->vectors(), kept.name, kept.settings, outcome),
                            Database::Kind::kAdmin));
      EXPECT_TRUE(outcome->created);
    }
  }

  void step() {
    KeptCollection& kept = kept_[random_.below(kept_.size())];
    const double kind = random_.uniform();
    if (kind < 0.30) {
      upsert(kept);
    } else if (kind < 0.45) {
      upsert_batch(kept);
    } else if (kind < 0.55) {
      add(kept);
    } else if (kind < 0.68) {
      update(kept);
    } else if (kind < 0.85) {
      erase(kept);
    } else if (kind < 0.93) {
      erase_batch(kept);
    } else if (kind < 0.96) {
      run_job([&](JobDone done) { return database_->start_checkpoint(std::move(done)); });
    } else if (kind < 0.985) {
      run_job([&](JobDone done) { return database_->start_compaction(kept.name, std::move(done)); });
    } else if (kind < 0.993) {
      restart();
    } else if (kind < 0.997) {
      snapshot();
    } else {
      restore();
    }
  }

  void check() {
    for (const KeptCollection& kept : kept_) {
      const CollectionPtr collection = find(kept);
      EXPECT_EQ(collection->info().live_count, kept.points.size());
      check_points(kept, *collection);
      check_search(kept, *collection);
    }
  }

 private:
  void open() {
    metrics_ = std::make_unique<MetricsRegistry>();
    auto opened = Database::open(fs_, options_, clock_, logger_, *metrics_);
    ASSERT_OK(opened);
    database_ = std::move(opened).value();
    ASSERT_OK(database_->start());
    EXPECT_TRUE(database_->readiness().ready);
  }
  void restart() {
    if (random_.chance(0.7)) {
      database_->stop();
    }
    database_.reset();
    open();
  }
  void snapshot() {
    std::string details;
    run_job([&](JobDone done) { return database_->start_snapshot("", std::move(done)); }, &details);
    const std::string folder = json::parse(details).at("folder");
    snapshots_.push_back({folder.front() == '/' ? folder : options_.data_folder + "/" + folder, kept_});
    if (snapshots_.size() > kSnapshots) {
      std::filesystem::remove_all(snapshots_.front().folder);
      snapshots_.erase(snapshots_.begin());
    }
  }
  // Any of the last few snapshots; what was written since is gone.
  void restore() {
    if (snapshots_.empty()) {
      return;
    }
    database_->stop();
    database_.reset();
    const Snapshot& chosen = snapshots_[random_.below(snapshots_.size())];
    ASSERT_OK(restore_snapshot({fs_, clock_, logger_, {}}, options_, chosen.folder));
    kept_ = chosen.state;
    for (const auto& entry : std::filesystem::directory_iterator(options_.data_folder)) {
      if (entry.path().filename().string().starts_with("replaced-")) {
        std::filesystem::remove_all(entry.path());
      }
    }
    open();
  }

  CollectionPtr find(const KeptCollection& kept) {
    auto found = database_->vectors().find(kept.name);
    EXPECT_OK(found);
    return std::move(found).value();
  }
  PointId draw_id() {
    const std::uint64_t number = random_.below(kIds);
    return random_.chance(0.5) ? PointId(number) : PointId(std::string("id ").append(std::to_string(number)));
  }
  vector::PointInput draw_point(const KeptCollection& kept, PointId id) {
    vector::PointInput point{std::move(id), std::vector<float>(kept.settings.dim), ""};
    for (float& value : point.vector) {
      value = static_cast<float>(static_cast<int>(random_.below(9)) - 4) + (random_.chance(0.2) ? 0.25F : 0.F);
    }
    point.vector[0] += 10;  // Never the zero vector.
    if (random_.chance(0.6)) {
      point.meta_json = R"({"n":)" + std::to_string(random_.below(1000)) + R"(,"deep":{"a":[1,2]}})";
    }
    return point;
  }
  static ModelPoint model_of(const vector::PointInput& point) { return {point.vector, point.meta_json}; }

  Result<commit::Committed> commit(Result<vector::WritePtr> write, const CollectionPtr& collection,
                                   Database::Kind kind = Database::Kind::kPut) {
    VIBRATO_RETURN_IF_ERROR(write.status());
    return database_->commit(std::move(write).value(), kind, collection.get());
  }

  void upsert(KeptCollection& kept) {
    const CollectionPtr collection = find(kept);
    const vector::PointInput point = draw_point(kept, draw_id());
    kept.points[point.id] = model_of(point);
    EXPECT_OK(commit(vector::make_upsert(database_->vectors(), collection, point), collection));
  }
  void add(KeptCollection& kept) {
    const CollectionPtr collection = find(kept);
    const vector::PointInput point = draw_point(kept, draw_id());
    const auto added = commit(vector::make_add(database_->vectors(), collection, point), collection);
    if (kept.points.contains(point.id)) {
      EXPECT_CODE(added, ErrorCode::kAlreadyExists);
    } else {
      EXPECT_OK(added);
      kept.points[point.id] = model_of(point);
    }
  }
  void upsert_batch(KeptCollection& kept) {
    const CollectionPtr collection = find(kept);
    std::vector<vector::PointInput> points;
    for (std::uint64_t i = 1 + random_.below(25); i > 0; --i) {
      points.push_back(draw_point(kept, draw_id()));
    }
    for (const vector::PointInput& point : points) {
      kept.points[point.id] = model_of(point);
    }
    const auto outcome = std::make_shared<vector::BatchOutcome>();
    EXPECT_OK(database_->commit(vector::make_upsert_batch(database_->vectors(), collection, std::move(points), outcome),
                                Database::Kind::kPut, collection.get()));
  }
  void update(KeptCollection& kept) {
    const CollectionPtr collection = find(kept);
    const vector::PointInput point = draw_point(kept, draw_id());
    vector::UpdateInput input{point.id, std::nullopt, std::nullopt, vector::MetaMode::kReplace};
    const bool with_vector = random_.chance(0.6);
    if (with_vector) {
      input.vector = point.vector;
    }
    const bool merge = random_.chance(0.5);
    if (merge) {
      input.meta_json = R"({"merged":true,"deep":{"a":null}})";
      input.meta_mode = vector::MetaMode::kMerge;
    }
    const auto updated = commit(vector::make_update(database_->vectors(), collection, input), collection);
    const auto known = kept.points.find(point.id);
    if (known == kept.points.end()) {
      EXPECT_CODE(updated, ErrorCode::kNotFound);
      return;
    }
    EXPECT_OK(updated);
    if (with_vector) {
      known->second.vector = point.vector;
    }
    if (merge) {
      json meta = known->second.meta_json.empty() ? json() : json::parse(known->second.meta_json);
      meta.merge_patch(json::parse(*input.meta_json));
      known->second.meta_json = meta.dump();
    }
  }
  void erase(KeptCollection& kept) {
    const CollectionPtr collection = find(kept);
    const PointId id = draw_id();
    const auto erased =
        commit(vector::make_delete(database_->vectors(), collection, id), collection, Database::Kind::kDelete);
    if (kept.points.erase(id) == 0) {
      EXPECT_CODE(erased, ErrorCode::kNotFound);
    } else {
      EXPECT_OK(erased);
    }
  }
  void erase_batch(KeptCollection& kept) {
    const CollectionPtr collection = find(kept);
    std::vector<PointId> ids;
    for (int i = 0; i < 6; ++i) {
      ids.push_back(draw_id());
    }
    const auto outcome = std::make_shared<vector::BatchOutcome>();
    EXPECT_OK(database_->commit(vector::make_delete_batch(database_->vectors(), collection, ids, outcome),
                                Database::Kind::kDelete, collection.get()));
    ASSERT_EQ(outcome->items.size(), ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      EXPECT_EQ(outcome->items[i].ok(), kept.points.erase(ids[i]) == 1);
    }
  }
  void run_job(const std::function<Result<std::string>(JobDone)>& start, std::string* details = nullptr) {
    std::promise<catalog::Job> ended;
    ASSERT_OK(start([&](const catalog::Job& job, const Status& /*outcome*/) { ended.set_value(job); }));
    const catalog::Job job = ended.get_future().get();
    EXPECT_EQ(job.state, catalog::JobState::kCompleted) << job.error.value_or("");
    if (details != nullptr) {
      *details = job.details;
    }
  }

  void check_points(const KeptCollection& kept, const vector::Collection& collection) {
    for (std::uint64_t i = 0; i < 2 * kIds; ++i) {
      const PointId id = i < kIds ? PointId(i) : PointId(std::string("id ").append(std::to_string(i - kIds)));
      const auto point = collection.get(id.view());
      ASSERT_OK(point);
      const auto known = kept.points.find(id);
      ASSERT_EQ((*point).has_value(), known != kept.points.end());
      if (*point) {
        EXPECT_TRUE(std::equal((*point)->vector.begin(), (*point)->vector.end(), known->second.vector.begin(),
                               known->second.vector.end()));
        const std::string meta((*point)->meta_json);
        EXPECT_EQ(meta.empty() ? json() : json::parse(meta),
                  known->second.meta_json.empty() ? json() : json::parse(known->second.meta_json));
      }
    }
  }

  void check_search(const KeptCollection& kept, const vector::Collection& collection) {
    const std::vector<float> query = draw_point(kept, PointId()).vector;
    std::vector<double> truth;
    for (const auto& [id, point] : kept.points) {
      truth.push_back(distance(kept.settings.metric, query, point.vector));
    }
    std::sort(truth.begin(), truth.end());
    vector::SearchRequest request;
    request.vector = query;
    request.k = static_cast<std::uint32_t>(1 + random_.below(2 * kIds + 20));
    request.exact = random_.chance(0.5);
    const auto answer = collection.search(request);
    ASSERT_OK(answer);
    const auto& hits = answer->hits;
    ASSERT_EQ(hits.size(), std::min<std::size_t>(request.k, truth.size()));
    for (std::size_t i = 0; i < hits.size(); ++i) {
      const auto known = kept.points.find(PointId(hits[i].id));
      ASSERT_NE(known, kept.points.end());
      const double told = as_distance(kept.settings.metric, hits[i].score);
      const double tolerance = 1e-3 * (1 + std::abs(told));
      EXPECT_NEAR(told, distance(kept.settings.metric, query, known->second.vector), tolerance);
      EXPECT_NEAR(told, truth[i], tolerance) << "hit " << i << " of " << hits.size();
    }
    std::vector<PointId> ids;
    for (const vector::PointHit& hit : hits) {
      ids.emplace_back(hit.id);
    }
    std::sort(ids.begin(), ids.end());
    EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end()) << "an id came twice";
  }

  Random random_;
  test::TempDirectory folder_;
  io::RealFileSystem fs_;
  SystemClock clock_;
  Logger logger_;
  std::unique_ptr<MetricsRegistry> metrics_;
  DatabaseOptions options_;
  std::unique_ptr<Database> database_;
  std::vector<KeptCollection> kept_;
  std::vector<Snapshot> snapshots_;
};

TEST(DatabaseProperty, holds_what_a_plain_map_holds) {
  const std::uint64_t seed = test::seed_or(20261121);
  const std::uint64_t steps = test::number_from_environment("VIBRATO_PROPERTY_STEPS", 5000);
  SCOPED_TRACE("VIBRATO_TEST_SEED=" + std::to_string(seed));
  DatabaseWorld world(seed);
  for (std::uint64_t step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    world.step();
    if (step % 10 == 9) {
      world.check();
    }
  }
  RecordProperty("steps", static_cast<int>(steps));
}

}  // namespace
}  // namespace vibrato::engine
