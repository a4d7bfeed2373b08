// Filters and all that lists points, over the routes of a real database, against a plain map: random writes, deletes by
// filter, checkpoints, merges, archives and restarts, and after each few steps one random filter asked of every route.
// VIBRATO_QUERY_STEPS sets the number of steps, VIBRATO_TEST_SEED the seed.
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "property/query_oracle.hpp"
#include "support/database_api.hpp"
#include "support/test_numbers.hpp"

namespace vibrato::test {
namespace {

struct Kept {
  std::string name;
  json settings;
  bool keeps_vectors = true;  // Else those of archived points are gone, and scores are those of codes.
  std::uint32_t many_keys = 0;
  PlainCollection collection;
};

std::vector<Kept> made_collections() {
  const json flat = {{"kind", "flat"}};
  std::vector<Kept> kept = {
      {"plain", {{"dim", 4}, {"metric", "l2"}}, true, 0, {}},
      {"kept", {{"dim", 8}, {"metric", "cosine"}, {"archive", {{"keep_raw", true}}}}, true, 0, {}},
      {"lean", {{"dim", 8}, {"metric", "l2"}, {"archive", {{"keep_raw", false}}}}, false, 0, {}},
      {"flat", {{"dim", 5}, {"metric", "dot"}, {"index", flat}}, true, 2000, {}}};  // Past the cap on fields.
  for (Kept& one : kept) {
    one.collection = PlainCollection(one.settings["dim"], one.settings["metric"]);
  }
  return kept;
}

void tune(engine::DatabaseOptions& options) {
  options.hot_part_bytes = 3 << 20;  // Parts fill now and then, behind their first blocks of indexed meta.
}

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed), api_({.no_auth = true}, tune), kept_(made_collections()) {
    for (Kept& kept : kept_) {
      EXPECT_EQ(post(kept, "", kept.settings).status, 200);
      load(kept, 1500);
    }
  }

  void step() {
    Kept& kept = kept_[random_.below(kept_.size())];
    const double kind = random_.uniform();
    if (kind < 0.30) {
      load(kept, 1 + random_.below(60));
    } else if (kind < 0.34) {
      load(kept, 5000);
    } else if (kind < 0.50) {
      update(kept);
    } else if (kind < 0.64) {
      erase(kept, draw_id());
    } else if (kind < 0.74) {
      erase_by_filter(kept);
    } else if (kind < 0.86) {
      EXPECT_EQ(api_.post("/v1/admin/checkpoint", "").status, 200);
    } else if (kind < 0.96) {
      EXPECT_EQ(api_.post("/v1/admin/compact", json{{"collection", kept.name}}.dump()).status, 200);
    } else {
      api_.restart();
    }
  }

  // One filter, of every route.
  void check() {
    Kept& kept = kept_[random_.below(kept_.size())];
    const json filter = draw_filter(kept);
    SCOPED_TRACE(kept.name + " " + filter.dump());
    const PlainMatches matches = kept.collection.matches(filter);
    matched_ += matches.size();
    check_exact(kept, filter, matches);
    check_approximate(kept, filter, matches);
    check_equal(kept, filter);
    check_count_and_facet(kept, filter, matches);
    check_groups(kept, filter, matches);
    check_recommend(kept, filter, matches);
    check_get_batch(kept);
    check_scroll(kept, filter, matches);  // Last: it writes.
  }

  // Of the approximate searches, how many of the true hits were found.
  [[nodiscard]] double recall() const { return wanted_ == 0 ? 1 : static_cast<double>(found_) / wanted_; }
  [[nodiscard]] std::uint64_t matched() const { return matched_; }

 private:
  ApiAnswer post(const Kept& kept, const std::string& route, const json& body) {
    return api_.post("/v1/vector/" + kept.name + (route.empty() ? "" : "/" + route), body.dump());
  }
  // The body of an answer that must be one.
  json ask(const Kept& kept, const std::string& route, const json& body) {
    const ApiAnswer answer = post(kept, route, body);
    EXPECT_EQ(answer.status, 200) << route << " " << body.dump() << ": " << answer.text;
    return answer.status == 200 ? answer.body : json::object();
  }

  json draw_id() {
    const std::uint64_t number = random_.below(3000);
    return random_.chance(0.5) ? json(number) : json(fmt::format("id {}", number));
  }
  // Few values, which are exact in floats: distances tie.
  std::vector<float> draw_vector(const Kept& kept) {
    std::vector<float> vector(kept.collection.dim());
    for (float& value : vector) {
      value = static_cast<float>(random_.below(7)) - 3;
    }
    vector[0] += 5;  // Never the zero vector.
    return vector;
  }
  json draw_meta(const Kept& kept) { return MadeMeta(random_, kept.many_keys).meta(); }
  json draw_filter(const Kept& kept) {
    constexpr std::size_t kBytes = 6000;
    while (true) {
      json filter = MadeMeta(random_, kept.many_keys).filter();
      if (filter.dump().size() < kBytes) return filter;
    }
  }

  void load(Kept& kept, std::uint64_t points) {
    json items = json::array();
    for (std::uint64_t i = 0; i < points; ++i) {
      const json id = draw_id();
      const std::vector<float> vector = draw_vector(kept);
      const json meta = draw_meta(kept);
      items.push_back({{"id", id}, {"vector", vector}, {"meta", meta}});
      kept.collection.put(id, vector, meta);
    }
    ask(kept, "upsert_batch", {{"items", items}});
  }

  void update(Kept& kept) {
    const json id = draw_id();
    const bool merges = random_.chance(0.6);
    json patch = merges ? MadeMeta(random_, kept.many_keys).meta() : draw_meta(kept);
    if (patch.is_null()) patch = json::object();
    if (merges && random_.chance(0.5)) patch["n"] = nullptr;  // Removes it.
    json body = {{"id", id}, {"meta", patch}, {"meta_mode", merges ? "merge" : "replace"}};
    const std::vector<float> vector = draw_vector(kept);
    const bool moves = random_.chance(0.3);
    if (moves) body["vector"] = vector;
    const ApiAnswer answer = post(kept, "update", body);
    PlainPoint* const point = kept.collection.find(id);
    if (point == nullptr) {
      EXPECT_EQ(answer.status, 404) << answer.text;
      return;
    }
    if (answer.status == 410) {
      EXPECT_FALSE(kept.keeps_vectors || moves) << answer.text;
      return;
    }
    EXPECT_EQ(answer.status, 200) << answer.text;
    if (moves) point->vector = vector;
    if (merges) {
      point->meta.merge_patch(patch);
    } else {
      point->meta = patch;
    }
  }

  void erase(Kept& kept, const json& id) {
    const ApiAnswer answer = post(kept, "delete", {{"id", id}});
    EXPECT_EQ(answer.status, kept.collection.erase(id) ? 200 : 404) << answer.text;
  }

  void erase_by_filter(Kept& kept) {
    const json filter = draw_filter(kept);
    const PlainMatches matches = kept.collection.matches(filter);
    if (matches.size() > 100) return;
    const json answer = ask(kept, "delete_by_filter", {{"filter", filter}});
    EXPECT_EQ(answer.value("deleted", 0U), matches.size()) << filter.dump();
    EXPECT_EQ(answer.contains("lsn"), !matches.empty());
    for (const PlainPoint* point : matches) {
      kept.collection.erase(json(point->id));
    }
  }

  static std::vector<json> ids_of(const json& list) {
    std::vector<json> ids;
    for (const json& one : list) {
      ids.push_back(one.at("id"));
    }
    return ids;
  }

  // Each hit matches, comes once, is where its score says; scores and ties are in order.
  void check_hits(const Kept& kept, const json& hits, const std::vector<double>& query, const PlainMatches& matches) {
    std::set<json> allowed;
    for (const PlainPoint* point : matches) {
      allowed.insert(point->id);
    }
    const PlainHit* last = nullptr;
    std::vector<PlainHit> told;
    told.reserve(hits.size());
    for (const json& hit : hits) {
      ASSERT_EQ(allowed.erase(hit.at("id")), 1U) << hit.dump() << " does not match, or came twice";
      const double distance = kept.collection.as_distance(hit.at("score"));
      if (kept.keeps_vectors) {
        const double truth = kept.collection.distance(query, *kept.collection.find(hit.at("id")));
        ASSERT_NEAR(distance, truth, 1e-4 * (1 + std::abs(truth))) << hit.dump();
      }
      told.push_back({distance, kept.collection.find(hit.at("id"))});
      ASSERT_FALSE(last != nullptr && told.back() < *last) << hit.dump() << " is behind one that is farther";
      last = &told.back();
    }
  }

  void check_exact(Kept& kept, const json& filter, const PlainMatches& matches) {
    const std::vector<float> query = draw_vector(kept);
    const std::size_t k = 1 + random_.below(random_.chance(0.2) ? 900 : 30);
    const std::size_t offset = random_.chance(0.3) ? random_.below(40) : 0;
    json body = {{"vector", query}, {"filter", filter}, {"k", k}, {"offset", offset}, {"exact", true}};
    std::vector<PlainHit> truth = kept.collection.nearest({query.begin(), query.end()}, matches);
    if (kept.name == "plain" && !truth.empty() && random_.chance(0.4)) {
      const double farthest = truth[random_.below(truth.size())].distance;
      body["max_distance"] = farthest;
      std::erase_if(truth, [&](const PlainHit& hit) { return hit.distance > farthest; });
    }
    truth.erase(truth.begin(), truth.begin() + static_cast<std::ptrdiff_t>(std::min(offset, truth.size())));
    truth.resize(std::min(k, truth.size()));
    const json hits = ask(kept, "search", body).value("hits", json::array());
    ASSERT_EQ(hits.size(), truth.size());
    check_hits(kept, hits, {query.begin(), query.end()}, matches);
    for (std::size_t i = 0; i < truth.size() && kept.keeps_vectors; ++i) {
      const double told = kept.collection.as_distance(hits[i].at("score"));
      ASSERT_NEAR(told, truth[i].distance, 1e-4 * (1 + std::abs(told))) << "hit " << i;
      if (kept.collection.is_exact()) {
        ASSERT_EQ(hits[i].at("id"), truth[i].point->id) << "hit " << i;
      }
    }
  }

  void check_approximate(Kept& kept, const json& filter, const PlainMatches& matches) {
    const std::vector<float> query = draw_vector(kept);
    const std::size_t k = 1 + random_.below(random_.chance(0.1) ? 500 : 20);
    json body = {{"vector", query}, {"filter", filter}, {"k", k}};
    if (random_.chance(0.2)) body["rescore"] = false;
    const json hits = ask(kept, "search", body).value("hits", json::array());
    ASSERT_EQ(hits.size(), std::min(k, matches.size()));
    if (body.contains("rescore")) return;
    check_hits(kept, hits, {query.begin(), query.end()}, matches);
    if (!kept.keeps_vectors || hits.empty()) return;
    const std::vector<PlainHit> truth = kept.collection.nearest({query.begin(), query.end()}, matches);
    const double worst = truth[hits.size() - 1].distance;
    for (const json& hit : hits) {
      found_ += kept.collection.as_distance(hit.at("score")) <= worst + 1e-4 * (1 + std::abs(worst)) ? 1 : 0;
    }
    wanted_ += static_cast<double>(hits.size());
  }

  void check_equal(Kept& kept, const json& filter) {
    const json other = MadeMeta(random_, kept.many_keys).reworded(filter);
    json body = {{"vector", draw_vector(kept)}, {"k", 10}, {"exact", random_.chance(0.3)}, {"filter", filter}};
    const json hits = ask(kept, "search", body).value("hits", json());
    body["filter"] = other;
    ASSERT_EQ(ask(kept, "search", body).value("hits", json()), hits) << other.dump();
    body["filter"] = filter;
    const json batch = ask(kept, "search_batch", {{"searches", json::array({body, body})}});
    ASSERT_EQ(batch["results"][0]["hits"], hits);
    ASSERT_EQ(batch["results"][1]["hits"], hits);
    if (filter.contains("match") && filter["match"].contains("value")) {
      body.erase("filter");
      body["filters"] = {{filter["key"].get<std::string>(), filter["match"]["value"]}};
      ASSERT_EQ(ask(kept, "search", body).value("hits", json()), hits);
    }
  }

  void check_count_and_facet(Kept& kept, const json& filter, const PlainMatches& matches) {
    ASSERT_EQ(ask(kept, "count", {{"filter", filter}}).value("count", json()), matches.size());
    const std::string field = MadeMeta(random_, kept.many_keys).key();
    const std::size_t limit = 1 + random_.below(30);
    std::map<OracleScalar, std::uint64_t> counts;
    for (const PlainPoint* point : matches) {
      const std::vector<OracleScalar> values = oracle_scalars(oracle_value(point->meta, field));
      for (const OracleScalar& value : std::set<OracleScalar>(values.begin(), values.end())) {
        ++counts[value];
      }
    }
    const json told = ask(kept, "facet", {{"filter", filter}, {"field", field}, {"limit", limit}})["values"];
    OracleFacet facet;
    for (const json& one : told) {
      facet.emplace_back(oracle_scalar(one.at("value")).value(), one.at("count"));
    }
    ASSERT_EQ(facet, oracle_facet(counts, limit)) << field << " " << told.dump();
  }

  void check_groups(Kept& kept, const json& filter, const PlainMatches& matches) {
    if (!kept.collection.is_exact() || !kept.keeps_vectors) return;
    const std::string field = MadeMeta(random_, kept.many_keys).key();
    const std::vector<float> query = draw_vector(kept);
    const std::size_t k = 1 + random_.below(12);
    const std::size_t limit = 1 + random_.below(3);
    const json body = {{"vector", query},   {"filter", filter}, {"k", k},
                       {"group_by", field}, {"exact", true},    {"group_limit", limit}};
    const json hits = ask(kept, "search", body).value("hits", json::array());
    const std::vector<PlainHit> truth = kept.collection.nearest({query.begin(), query.end()}, matches);
    ASSERT_EQ(ids_of(hits), oracle_groups(truth, field, k, limit)) << body.dump();
  }

  void check_recommend(Kept& kept, const json& filter, const PlainMatches& matches) {
    std::vector<std::vector<double>> examples[2];
    json body = {{"filter", filter}, {"k", 1 + random_.below(20)}, {"positive", json::array()}};
    std::set<json> left_out;
    for (std::uint64_t i = 1 + random_.below(4); i > 0; --i) {
      const bool likes = body["positive"].empty() || random_.chance(0.6);
      json& list = body[likes ? "positive" : "negative"];
      const json id = draw_id();
      const PlainPoint* const point = kept.collection.find(id);
      std::vector<float> vector = draw_vector(kept);
      if (point != nullptr && kept.keeps_vectors && random_.chance(0.6)) {
        list.push_back(id);
        left_out.insert(id);
        vector = point->vector;
      } else {
        list.push_back(vector);
      }
      examples[likes ? 0 : 1].emplace_back(vector.begin(), vector.end());
    }
    const std::vector<double> target = kept.collection.target(examples[0], examples[1]);
    PlainMatches rest = matches;
    std::erase_if(rest, [&](const PlainPoint* point) { return left_out.contains(point->id); });
    const ApiAnswer answer = post(kept, "recommend", body);
    const bool is_zero = std::all_of(target.begin(), target.end(), [](double value) { return std::abs(value) < 1e-6; });
    if (is_zero) return;
    ASSERT_EQ(answer.status, 200) << answer.text << body.dump();
    ASSERT_EQ(answer.body.at("hits").size(), std::min(body["k"].get<std::size_t>(), rest.size()));
    check_hits(kept, answer.body.at("hits"), target, rest);
  }

  void check_get_batch(Kept& kept) {
    json ids = json::array();
    json expected = json::array();
    for (int i = 0; i < 20; ++i) {
      ids.push_back(draw_id());
      if (const PlainPoint* const point = kept.collection.find(ids.back())) {
        expected.push_back({{"id", point->id}, {"meta", point->meta}, {"vector", point->vector}});
      }
    }
    json items = ask(kept, "get_batch", {{"ids", ids}})["items"];
    ASSERT_EQ(items.size(), expected.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (!kept.keeps_vectors && items[i]["vector"] != expected[i]["vector"]) {
        items[i]["vector"] = expected[i]["vector"];  // Archived without.
      }
      ASSERT_EQ(items[i], expected[i]);
    }
  }

  // All pages, with writes between them: what nobody touched comes exactly once, in the order of the ids.
  void check_scroll(Kept& kept, const json& filter, const PlainMatches& matches) {
    const std::vector<json> expected = [&] {
      std::vector<json> ids;
      for (const PlainPoint* point : matches) {
        ids.push_back(point->id);
      }
      return ids;
    }();
    std::set<json> touched;
    std::vector<json> seen;
    json body = {{"filter", filter}, {"limit", 1 + random_.below(1 + expected.size() / 2 + 5)}};
    do {
      const json page = ask(kept, "scroll", body);
      ASSERT_TRUE(page.contains("next_cursor"));
      ASSERT_LE(page["items"].size(), body["limit"].get<std::size_t>());
      for (const json& item : page["items"]) {
        seen.push_back(item.at("id"));
        const PlainPoint* const point = kept.collection.find(seen.back());
        ASSERT_TRUE(point != nullptr && point->meta == item.at("meta")) << item.dump();
        ASSERT_TRUE(oracle_matches(filter, seen.back(), point->meta)) << item.dump();
      }
      body["cursor"] = page["next_cursor"];
      if (random_.chance(0.2)) {
        touch(kept, touched);
      }
    } while (!body["cursor"].is_null());
    ASSERT_TRUE(std::is_sorted(seen.begin(), seen.end(), oracle_id_less));
    ASSERT_EQ(std::adjacent_find(seen.begin(), seen.end()), seen.end());
    const auto untouched = [&](std::vector<json> ids) {
      std::erase_if(ids, [&](const json& id) { return touched.contains(id); });
      return ids;
    };
    ASSERT_EQ(untouched(seen), untouched(expected));
  }
  void touch(Kept& kept, std::set<json>& touched) {
    const json id = draw_id();
    touched.insert(id);
    if (random_.chance(0.5)) {
      erase(kept, id);
    } else {
      const std::vector<float> vector = draw_vector(kept);
      const json meta = draw_meta(kept);
      ask(kept, "upsert", {{"id", id}, {"vector", vector}, {"meta", meta}});
      kept.collection.put(id, vector, meta);
    }
    if (random_.chance(0.1)) {
      EXPECT_EQ(api_.post("/v1/admin/compact", json{{"collection", kept.name}}.dump()).status, 200);
    }
  }

  Random random_;
  DatabaseApi api_;
  std::vector<Kept> kept_;
  std::uint64_t found_ = 0;
  double wanted_ = 0;
  std::uint64_t matched_ = 0;
};

TEST(QueryProperty, answers_what_a_plain_map_answers) {
  const std::uint64_t seed = seed_or(20261122);
  const std::uint64_t steps = number_from_environment("VIBRATO_QUERY_STEPS", 200);
  SCOPED_TRACE("VIBRATO_TEST_SEED=" + std::to_string(seed));
  World world(seed);
  for (std::uint64_t step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    world.step();
    if (step % 3 == 2) {
      world.check();
    }
  }
  EXPECT_GE(world.recall(), 0.95);
  EXPECT_GT(world.matched(), 10 * steps) << "the filters let nothing through: the test tests nothing";
}

}  // namespace
}  // namespace vibrato::test
