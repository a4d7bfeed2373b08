// Identification over the routes, at the size of a small library of sound: recordings that lie in an archive, in a
// sealed part and in memory, with runs over the borders between them; and what makes a run and what breaks one.
#include <cmath>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "support/database_api.hpp"

namespace vibrato::api {
namespace {

using nlohmann::json;
using test::ApiAnswer;
using Frame = std::vector<float>;

constexpr std::size_t kDim = 64;
constexpr std::size_t kTracks = 3;
constexpr std::size_t kTrackFrames = 1200;
constexpr std::size_t kFrames = kTracks * kTrackFrames;
constexpr std::size_t kArchived = 1800;  // Ids below it are in the archive,
constexpr std::size_t kSealed = 3000;    // below it in a sealed part, the others in memory.
constexpr std::size_t kProbe = 8;        // Frames of a query.

Frame unit(Frame frame) {
  double squares = 0;
  for (const float value : frame) {
    squares += double{value} * value;
  }
  for (float& value : frame) {
    value = static_cast<float>(value / std::sqrt(squares));
  }
  return frame;
}

// The metric, and whether the archive keeps the vectors as they were.
class IdentifyRoutes : public ::testing::TestWithParam<std::pair<const char*, bool>> {
 protected:
  // Frames of one recording are alike: each is 0.9 or so like the one before it.
  void SetUp() override {
    const json archive = {{"keep_raw", GetParam().second}};
    const json settings = {{"dim", kDim}, {"metric", GetParam().first}, {"archive", archive}};
    ASSERT_EQ(api_.post("/v1/vector/default", settings.dump()).status, 200);
    for (std::size_t track = 0; track < kTracks; ++track) {
      Frame here = noise(1);
      for (std::size_t i = 0; i < kTrackFrames; ++i) {
        const Frame step = noise(0.06F);
        for (std::size_t d = 0; d < kDim; ++d) {
          here[d] += step[d];
        }
        here = unit(here);
        frames_.push_back(here);
      }
    }
    put(0, kArchived);
    ASSERT_EQ(api_.post("/v1/admin/checkpoint", "").status, 200);
    const ApiAnswer merged = api_.post("/v1/admin/compact", R"({"collection":"default"})");
    ASSERT_EQ(merged.status, 200);
    ASSERT_NE(merged.text.find(R"("archived":true)"), std::string::npos) << merged.text;
    put(kArchived, kSealed);
    ASSERT_EQ(api_.post("/v1/admin/checkpoint", "").status, 200);
    put(kSealed, kFrames);
  }

  Frame noise(float sigma) {
    Frame frame(kDim);
    for (float& value : frame) {
      value = sigma * static_cast<float>(random_.normal());
    }
    return frame;
  }

  static json meta_of(std::size_t frame) {
    return {{"source_file", "track " + std::to_string(frame / kTrackFrames) + ".wav"},
            {"start_time_ms", 20 * (frame % kTrackFrames)},
            {"duration_ms", 20}};
  }
  void put(std::size_t first, std::size_t end) {
    constexpr std::size_t kBatch = 1000;
    while (first < end) {
      json items = json::array();
      for (; first < end && items.size() < kBatch; ++first) {
        items.push_back({{"id", first}, {"vector", frames_[first]}, {"meta", meta_of(first)}});
      }
      ASSERT_EQ(api_.post("/v1/vector/default/upsert_batch", json{{"items", items}}.dump()).status, 200);
    }
  }

  json probe(std::size_t first, std::size_t count = kProbe, float sigma = 0) {
    json vectors = json::array();
    for (std::size_t i = first; i < first + count; ++i) {
      Frame frame = frames_[i];
      const Frame error = noise(sigma);
      for (std::size_t d = 0; d < kDim; ++d) {
        frame[d] += error[d];
      }
      vectors.push_back(sigma > 0 ? unit(frame) : frame);
    }
    return vectors;
  }
  // The results, from either interface.
  json ask(const json& body, bool v2 = false) {
    const ApiAnswer answer = api_.post(v2 ? "/v2/identify" : "/v1/vector/default/identify", body.dump());
    EXPECT_EQ(answer.status, 200) << answer.text;
    if (answer.status != 200) return json::array();
    return v2 ? answer.body["data"]["results"] : answer.body["results"];
  }
  // Where the run that begins with this frame is among the answers; -1 if it is not there.
  int place_of(std::size_t first, const json& body, bool v2 = false) {
    const json results = ask(body, v2);
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (results[i]["id"] == first) return static_cast<int>(i);
    }
    return -1;
  }
  // A probe anywhere that begins and ends in one recording.
  std::size_t draw_first() { return random_.below(kTracks) * kTrackFrames + random_.below(kTrackFrames - kProbe + 1); }

  Random random_{20261121};
  test::DatabaseApi api_;
  std::vector<Frame> frames_;
};

TEST_P(IdentifyRoutes, passes_the_gates_in_every_tier_and_over_both_interfaces) {
  constexpr int kProbes = 200;
  int exact = 0;
  int noisy = 0;
  for (int i = 0; i < kProbes; ++i) {
    const std::size_t first = draw_first();
    exact += place_of(first, {{"vectors", probe(first)}}, i % 2 == 0) == 0 ? 1 : 0;
    const int place = place_of(first, {{"vectors", probe(first, kProbe, 0.03F)}}, i % 2 == 1);
    noisy += place >= 0 && place < 3 ? 1 : 0;
  }
  EXPECT_GE(exact, 0.995 * kProbes);
  EXPECT_GE(noisy, 0.90 * kProbes);
  int told_apart = 0;
  for (std::size_t track = 0; track < kTracks; ++track) {
    for (std::size_t i = 0; i < 6; ++i) {
      const std::size_t first = track * kTrackFrames + i * kTrackFrames / 6;
      told_apart += place_of(first, {{"vectors", probe(first, 20)}}) == 0 ? 1 : 0;
    }
  }
  EXPECT_EQ(told_apart, 18);
}

// Under cosine a zero vector is refused on /v1, as everywhere; clients of /v2 send what was recorded.
TEST_P(IdentifyRoutes, silence_with_one_spike_is_like_nothing) {
  json silence(10, Frame(kDim));
  silence[4] = frames_[random_.below(kFrames)];
  const bool is_cosine = std::string(GetParam().first) == "cosine";
  for (const bool v2 : {false, true}) {
    if (is_cosine && !v2) {
      const ApiAnswer refused = api_.post("/v1/vector/default/identify", json{{"vectors", silence}}.dump());
      EXPECT_EQ(refused.status, 400) << refused.text;
      EXPECT_EQ(refused.body["error"], "invalid_argument");
      EXPECT_NE(refused.text.find("vectors[0]: "), std::string::npos) << refused.text;
      continue;
    }
    const json results = ask({{"vectors", silence}}, v2);
    EXPECT_FALSE(results.empty());
    for (const json& run : results) {
      EXPECT_LT(run["score"], 0.20);
    }
  }
}

TEST_P(IdentifyRoutes, finds_runs_over_the_borders_of_tiers_and_long_ones) {
  for (const std::size_t border : {kArchived, kSealed}) {
    for (std::size_t before = 1; before < 12; before += 2) {
      EXPECT_EQ(place_of(border - before, {{"vectors", probe(border - before, 12)}}), 0) << border << " " << before;
    }
    // A tier by itself has only half of it.
    for (const char* tier : {"active", "archive"}) {
      const bool is_inside = border == kSealed && std::string(tier) == "active";
      EXPECT_EQ(place_of(border - 6, {{"vectors", probe(border - 6, 12)}, {"tier", tier}}), is_inside ? 0 : -1);
      EXPECT_EQ(place_of(border - 6, {{"vectors", probe(border - 6, 12)}, {"search_tier", tier}}, true),
                is_inside ? 0 : -1);
    }
  }
  EXPECT_EQ(place_of(1300, {{"vectors", probe(1300, 1000)}}), 0);
  EXPECT_EQ(place_of(kTrackFrames + 17, {{"vectors", probe(kTrackFrames + 17, 1)}}), 0);
  // Over the border of two recordings there is no run.
  EXPECT_EQ(place_of(2 * kTrackFrames - 4, {{"vectors", probe(2 * kTrackFrames - 4)}}), -1);
}

TEST_P(IdentifyRoutes, says_of_a_run_where_it_is) {
  const std::size_t first = kTrackFrames + 123;
  const json run = ask({{"vectors", probe(first)}, {"k", 1}, {"include_meta", true}})[0];
  EXPECT_EQ(run["id"], first);
  EXPECT_EQ(run["start_time_ms"], 20 * 123);
  EXPECT_EQ(run["duration_ms"], 20 * kProbe);
  EXPECT_EQ(run["meta"], meta_of(first));
  EXPECT_GT(run["score"], 0.9);
  const json v2 = ask({{"vectors", probe(first)}, {"k", 1}}, true)[0];
  EXPECT_EQ(v2["start_timestamp_ms"], 20 * 123);
  EXPECT_EQ(v2["duration_ms"], 20 * kProbe);
  EXPECT_EQ(v2["metadata"]["source_file"], "track 1.wav");
  EXPECT_EQ(ask({{"vectors", probe(first)}, {"k", 0}}, true), json::array());
}

TEST_P(IdentifyRoutes, deleted_frames_and_other_recordings_break_runs_in_every_tier) {
  for (const std::size_t first : {std::size_t{900}, kArchived + 100, kSealed + 100}) {
    const json query = {{"vectors", probe(first)}};
    EXPECT_EQ(place_of(first, query), 0);
    ASSERT_EQ(api_.post("/v1/vector/default/delete", json{{"id", first + 3}}.dump()).status, 200);
    EXPECT_EQ(place_of(first, query), -1);
    EXPECT_EQ(place_of(first + 4, {{"vectors", probe(first + 4)}}), 0);
    // Back, from another recording; then from its own, and so in another tier than its neighbours.
    json point = {{"id", first + 3}, {"vector", frames_[first + 3]}, {"meta", {{"source_file", "other.wav"}}}};
    ASSERT_EQ(api_.post("/v1/vector/default/upsert", point.dump()).status, 200);
    EXPECT_EQ(place_of(first, query), -1);
    point["meta"] = meta_of(first + 3);
    ASSERT_EQ(api_.post("/v1/vector/default/upsert", point.dump()).status, 200);
    EXPECT_EQ(place_of(first, query), 0);
    // One that does not say where it is from belongs to any.
    point["meta"] = nullptr;
    ASSERT_EQ(api_.post("/v1/vector/default/upsert", point.dump()).status, 200);
    EXPECT_EQ(place_of(first, query), 0);
  }
}

TEST_P(IdentifyRoutes, every_frame_of_a_run_matches_the_filter) {
  const auto from_track = [](int track) -> json {
    return {{"key", "source_file"}, {"match", {{"value", "track " + std::to_string(track) + ".wav"}}}};
  };
  const json vectors = probe(kTrackFrames + 500);
  EXPECT_EQ(place_of(kTrackFrames + 500, {{"vectors", vectors}, {"filter", from_track(1)}}), 0);
  const json others = ask({{"vectors", vectors}, {"filter", from_track(2)}});
  for (const json& run : others) {
    EXPECT_GE(run["id"], 2 * kTrackFrames);
    EXPECT_LE(run["id"], 3 * kTrackFrames - kProbe);
  }
  EXPECT_FALSE(others.empty());
  // Half of the run.
  const json late = {{"key", "start_time_ms"}, {"range", {{"gte", 20 * 504}}}};
  EXPECT_EQ(place_of(kTrackFrames + 500, {{"vectors", vectors}, {"filter", late}}), -1);
  EXPECT_EQ(api_.post("/v1/vector/default/identify", json{{"vectors", vectors}, {"filter", 7}}.dump()).status, 400);
}

TEST_P(IdentifyRoutes, gaps_between_numbers_and_texts_are_no_runs) {
  // Every second number, and the frames between them as texts.
  json items = json::array();
  std::vector<Frame> sparse;
  for (std::size_t i = 0; i < 40; ++i) {
    sparse.push_back(unit(noise(1)));
    const json id = i % 2 == 0 ? json(100'000 + i) : json(std::to_string(100'000 + i));
    items.push_back({{"id", id}, {"vector", sparse.back()}});
  }
  items.push_back({{"id", 18446744073709551615U}, {"vector", sparse[1]}});
  ASSERT_EQ(api_.post("/v1/vector/default/upsert_batch", json{{"items", items}}.dump()).status, 200);
  EXPECT_EQ(place_of(100'010, {{"vectors", {sparse[10], sparse[11]}}}), -1);
  EXPECT_EQ(place_of(100'010, {{"vectors", {sparse[10]}}}), 0);
  EXPECT_EQ(place_of(18446744073709551615U, {{"vectors", {sparse[1]}}}), 0);
  EXPECT_EQ(place_of(18446744073709551615U, {{"vectors", {sparse[1], sparse[2]}}}), -1);
}

std::string name_of_case(const ::testing::TestParamInfo<std::pair<const char*, bool>>& info) {
  return std::string(info.param.first) + (info.param.second ? "_with_raw_vectors" : "_with_codes_alone");
}

INSTANTIATE_TEST_SUITE_P(Tiers, IdentifyRoutes, ::testing::Values(std::pair("dot", true), std::pair("cosine", false)),
                         name_of_case);

}  // namespace
}  // namespace vibrato::api
