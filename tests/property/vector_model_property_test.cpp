// Random writes of the vector model, several in flight at once, through sequencer and log on a simulated disk, with
// checkpoints, full disks, kills and power losses between and inside them, against an oracle of maps.
#include <algorithm>
#include <cstdlib>
#include <functional>
#include <future>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "property/vector_oracle.hpp"
#include "support/sanitizers.hpp"
#include "support/vector_database.hpp"

namespace vibrato::vector {
namespace {

using test::VectorOracle;

constexpr const char* kNames[] = {"a", "b", "c"};

// A write, and what it does to the oracle.
struct Step {
  Result<WritePtr> write;
  std::function<ErrorCode(VectorOracle&)> expect;
};

class RandomModelRun {
 public:
  explicit RandomModelRun(std::uint64_t seed) : random_(seed) {
    test::VectorDatabase::make_folders(disk_);
    db_.collection_options.hot_part_bytes = 256;  // Parts fill after some rows.
    EXPECT_OK(db_.start());
  }

  void run(std::uint32_t steps) {
    for (std::uint32_t i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      step();
    }
    restart();
  }

 private:
  void step() {
    const std::uint64_t dice = random_.below(100);
    if (dice < 70) {
      write_some();
    } else if (dice < 80) {
      checkpoint();
    } else if (dice < 84) {
      write_with_a_full_disk();
    } else if (dice < 90) {
      restart();
    } else if (dice < 95) {
      lose_power();
    } else {
      lose_power_within();
    }
  }

  [[nodiscard]] PointId draw_id() {
    const std::uint64_t number = random_.below(8);
    return random_.chance(0.5) ? PointId(number) : PointId(std::to_string(number));
  }
  [[nodiscard]] std::string draw_meta() {
    const char* const metas[] = {"",   "null", R"({"n":1})", R"({"n":null,"x":{"y":[1]}})", R"({"x":{"z":"text"}})",
                                 "[2]"};
    return metas[random_.below(6)];
  }
  [[nodiscard]] std::vector<float> draw_vector(std::uint32_t dim) {
    std::vector<float> vector(dim);
    for (float& value : vector) {
      value = static_cast<float>(random_.below(1000));
    }
    return vector;
  }
  [[nodiscard]] PointInput draw_point(std::uint32_t dim) { return {draw_id(), draw_vector(dim), draw_meta()}; }

  [[nodiscard]] Step draw_collection_step(const std::string& name) {
    if (random_.chance(0.3)) {
      return {make_drop_collection(db_.model(), name), [name](VectorOracle& oracle) { return oracle.drop(name); }};
    }
    const auto settings = test::made_settings(static_cast<std::uint32_t>(1 + random_.below(2)));
    return {make_create_collection(db_.model(), name, settings, std::make_shared<CreateOutcome>()),
            [name, settings](VectorOracle& oracle) { return oracle.create(name, settings); }};
  }

  [[nodiscard]] Step draw_point_step(const CollectionPtr& to) {
    const std::uint32_t number = to->identity().number.value();
    const std::uint32_t dim = to->settings().dim;
    VectorModel& model = db_.model();
    switch (random_.below(6)) {
      case 0: {
        const PointInput point = draw_point(dim);
        return {make_add(model, to, point), [=](VectorOracle& oracle) { return oracle.add(number, point); }};
      }
      case 1: {
        const PointInput point = draw_point(dim);
        return {make_upsert(model, to, point), [=](VectorOracle& oracle) { return oracle.upsert(number, {point}); }};
      }
      case 2: {
        std::vector<PointInput> points(1 + random_.below(5));
        std::generate(points.begin(), points.end(), [&] { return draw_point(dim); });
        return {make_upsert_batch(model, to, points, std::make_shared<BatchOutcome>()),
                [=](VectorOracle& oracle) { return oracle.upsert(number, points); }};
      }
      case 3: {
        UpdateInput update = {draw_id(), {}, {}, random_.chance(0.5) ? MetaMode::kMerge : MetaMode::kReplace};
        if (random_.chance(0.5)) update.vector = draw_vector(dim);
        if (random_.chance(0.7)) update.meta_json = draw_meta();
        if (update.meta_json == "") update.meta_json = "{}";
        return {make_update(model, to, update), [=](VectorOracle& oracle) { return oracle.update(number, update); }};
      }
      case 4: {
        const PointId id = draw_id();
        return {make_delete(model, to, id), [=](VectorOracle& oracle) { return oracle.erase(number, {id}); }};
      }
      default: {
        std::vector<PointId> ids(2 + random_.below(4));
        std::generate(ids.begin(), ids.end(), [&] { return draw_id(); });
        return {make_delete_batch(model, to, ids, std::make_shared<BatchOutcome>()),
                [=](VectorOracle& oracle) { return oracle.erase(number, ids); }};
      }
    }
  }

  [[nodiscard]] std::vector<Step> draw_steps() {
    std::vector<Step> steps;
    for (std::uint64_t count = 1 + random_.below(6); count > 0; --count) {
      const std::string name = kNames[random_.below(3)];
      const auto found = db_.model().find(name);
      steps.push_back(!found.ok() || random_.chance(0.05) ? draw_collection_step(name) : draw_point_step(*found));
    }
    return steps;
  }

  // Submits all before it waits for any: they share rounds. Answers the codes.
  std::vector<ErrorCode> commit_all(std::vector<Step>& steps) {
    std::vector<std::promise<ErrorCode>> done(steps.size());
    for (std::size_t i = 0; i < steps.size(); ++i) {
      EXPECT_OK(steps[i].write);
      const Status submitted = db_.sequencer().submit(
          std::move(steps[i].write).value(), commit::Durability::kSynced,
          [&done, i](const Result<commit::Committed>& result) { done[i].set_value(result.status().code()); });
      if (!submitted.ok()) {
        done[i].set_value(submitted.code());
      }
    }
    std::vector<ErrorCode> codes;
    for (auto& one : done) {
      codes.push_back(one.get_future().get());
    }
    return codes;
  }

  void write_some() {
    std::vector<Step> steps = draw_steps();
    const std::vector<ErrorCode> codes = commit_all(steps);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      ASSERT_EQ(codes[i], steps[i].expect(oracle_)) << "step " << i;
    }
    if (random_.chance(0.3)) {
      check();
    }
  }

  // Each write is refused, by the disk or for a reason of its own; a refused one leaves nothing.
  void write_with_a_full_disk() {
    std::vector<Step> steps = draw_steps();
    disk_.set_capacity(1);
    const std::vector<ErrorCode> codes = commit_all(steps);
    disk_.set_capacity(UINT64_MAX);
    // One write that came alone into a round may have been without effects, and so done.
    for (const ErrorCode code : codes) {
      ASSERT_TRUE(code == ErrorCode::kDiskFull || code == ErrorCode::kNotFound || code == ErrorCode::kAlreadyExists ||
                  code == ErrorCode::kOk)
          << json_code(code);
    }
    check();
  }

  void checkpoint() {
    ASSERT_OK(random_.chance(0.5) ? db_.checkpoint() : db_.checkpoint({kNames[random_.below(3)]}));
    check();
  }

  void restart() {
    ASSERT_OK(db_.start());
    check();
  }

  void lose_power() {
    cut_power();
    restart();
  }
  // The process ends with it.
  void cut_power() {
    disk_.cut_power();
    db_.stop();
    disk_.restart(draw_mode(), random_.next_u64());
  }

  // What was answered is there; of what was not, a whole number of writes may be.
  void lose_power_within() {
    std::vector<Step> steps = draw_steps();
    disk_.cut_power_after(random_.below(12));
    const bool in_checkpoint = random_.chance(0.4);
    std::vector<ErrorCode> codes;
    if (in_checkpoint) {
      static_cast<void>(db_.checkpoint());
    } else {
      codes = commit_all(steps);
    }
    std::vector<VectorOracle> candidates = {oracle_};
    for (std::size_t i = 0; i < codes.size(); ++i) {
      VectorOracle next = candidates.back();
      const ErrorCode expected = steps[i].expect(next);
      if (codes[i] == ErrorCode::kOk) {
        ASSERT_EQ(expected, ErrorCode::kOk);
        candidates = {next};  // All before it are in the log as well.
      } else {
        candidates.push_back(next);
      }
    }
    cut_power();
    ASSERT_OK(db_.start());
    const auto match = std::find_if(candidates.begin(), candidates.end(),
                                    [this](const VectorOracle& one) { return difference(one).empty(); });
    ASSERT_NE(match, candidates.end()) << difference(candidates.front()) << "; or: " << difference(candidates.back());
    oracle_ = *match;
    check();
  }

  [[nodiscard]] io::CrashMode draw_mode() { return io::kAllCrashModes[random_.below(5)]; }

  void check() {
    const std::string found = difference(oracle_);
    ASSERT_TRUE(found.empty()) << found;
    // A drop whose collection nobody remembers must not let its number be given again.
    oracle_.next_number = std::max(oracle_.next_number, db_.model().next_number().value());
    EXPECT_EQ(db_.model().next_number().value(), oracle_.next_number);
  }

  // What the database has otherwise than `oracle`; empty if nothing.
  [[nodiscard]] std::string difference(const VectorOracle& oracle) {
    const auto all = db_.model().all();
    if (all.size() != oracle.collections.size()) {
      return fmt::format("{} collections, expected {}", all.size(), oracle.collections.size());
    }
    for (const auto& [number, expected] : oracle.collections) {
      const auto found = db_.model().find(expected.name);
      if (!found.ok() || (*found)->identity().number.value() != number) {
        return fmt::format("collection {} with number {}", expected.name, number);
      }
      if (std::string different = difference(**found, expected); !different.empty()) {
        return expected.name + ": " + different;
      }
    }
    return {};
  }

  [[nodiscard]] static std::string difference(const Collection& found, const test::OracleCollection& expected) {
    if (found.settings() != expected.settings) return "settings";
    if (found.info().live_count != expected.points.size()) {
      return fmt::format("live count {}, expected {}", found.info().live_count, expected.points.size());
    }
    for (std::uint64_t number = 0; number < 8; ++number) {
      for (const PointId& id : {PointId(number), PointId(std::to_string(number))}) {
        const auto point = found.get(id.view());
        if (!point.ok()) return point.status().message();
        const auto wanted = expected.points.find(id);
        if (point->has_value() != (wanted != expected.points.end())) return fmt::format("presence of {}", number);
        if (!point->has_value()) continue;
        const test::OraclePoint have = {{(*point)->vector.begin(), (*point)->vector.end()},
                                        std::string((*point)->meta_json)};
        if (have != wanted->second) return fmt::format("content of {}: {}", number, have.meta_json);
      }
    }
    SearchRequest request;
    const std::vector<float> query(expected.settings.dim, 1.0F);
    request.vector = query;
    request.k = 100;
    const auto answer = found.search(request);
    if (!answer.ok()) return answer.status().message();
    return answer->hits.size() == expected.points.size() ? std::string() : "a search misses points, or doubles them";
  }

  Random random_;
  test::FakeClock clock_;
  io::SimulatedFileSystem disk_;
  test::VectorDatabase db_{disk_, clock_};
  VectorOracle oracle_;
};

void run_seed(std::uint64_t seed) {
  SCOPED_TRACE("VIBRATO_TEST_SEED=" + std::to_string(seed));
  RandomModelRun(seed).run(150);
}

TEST(VectorModelProperty, holds_what_maps_hold_through_kills_and_power_losses) {
  if (const char* seed = std::getenv("VIBRATO_TEST_SEED")) {
    run_seed(std::strtoull(seed, nullptr, 10));
    return;
  }
  for (std::uint64_t seed = 1; seed <= test::scaled(60) && !HasFailure(); ++seed) {
    run_seed(seed);
  }
}

}  // namespace
}  // namespace vibrato::vector
