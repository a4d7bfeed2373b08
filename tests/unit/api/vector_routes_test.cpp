// /v1/vector over a real database: what the routes answer when all is well.
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>

#include "support/database_api.hpp"

namespace vibrato::api {
namespace {

using nlohmann::json;
using test::ApiAnswer;

class VectorRoutes : public ::testing::Test {
 protected:
  void SetUp() override { create("songs", R"({"dim":2,"metric":"dot"})"); }

  ApiAnswer create(const std::string& name, const std::string& body) { return api_.post("/v1/vector/" + name, body); }
  ApiAnswer upsert(const std::string& body) { return api_.post("/v1/vector/songs/upsert", body); }
  ApiAnswer search(const std::string& body) { return api_.post("/v1/vector/songs/search", body); }
  json ids(const ApiAnswer& answer) {
    json found = json::array();
    for (const json& hit : answer.body.at("hits")) {
      found.push_back(hit.at("id"));
    }
    return found;
  }

  test::DatabaseApi api_;
};

TEST_F(VectorRoutes, creating_answers_the_info_and_the_lsn_only_if_it_was_made) {
  const ApiAnswer made = create("fresh", R"({"dim":3,"metric":"cosine","index":{"kind":"flat"}})");
  ASSERT_EQ(made.status, 200) << made.text;
  EXPECT_EQ(made.body["collection"], "fresh");
  EXPECT_EQ(made.body["dim"], 3);
  EXPECT_EQ(made.body["metric"], "cosine");
  EXPECT_EQ(made.body["index"], json({{"kind", "flat"}}));
  EXPECT_EQ(made.body["quantization"], json({{"kind", "auto"}}));
  EXPECT_FALSE(made.body.contains("archive"));
  EXPECT_EQ(made.body["live_count"], 0);
  EXPECT_EQ(made.body["lsn"], api_.lsn());
  EXPECT_GT(made.body["created_at_ms"], 0);
  const ApiAnswer same =
      create("fresh", R"({"metric":"cosine","dim":3,"index":{"kind":"flat"},"quantization":{"kind":"auto"}})");
  EXPECT_EQ(same.status, 200) << same.text;
  EXPECT_FALSE(same.body.contains("lsn"));
  const ApiAnswer other = create("fresh", R"({"dim":4,"metric":"cosine"})");
  EXPECT_EQ(other.status, 409);
  EXPECT_EQ(other.body["error"], "already_exists");
}

TEST_F(VectorRoutes, an_archive_is_of_collections_with_a_graph_alone) {
  const ApiAnswer flat = create("flat", R"({"dim":3,"metric":"dot","index":{"kind":"flat"},"archive":{}})");
  EXPECT_EQ(flat.status, 400) << flat.text;
  EXPECT_EQ(flat.body["error"], "invalid_argument");
  EXPECT_EQ(flat.body["message"], "archive needs index kind hnsw");
  EXPECT_EQ(api_.get("/v1/vector/flat").status, 404);
  const ApiAnswer made = create("old", R"({"dim":3,"metric":"dot","index":{"kind":"hnsw"},"archive":{}})");
  ASSERT_EQ(made.status, 200) << made.text;
  EXPECT_EQ(made.body["archive"], json({{"keep_raw", true}}));
  EXPECT_FALSE(create("old", R"({"dim":3,"metric":"dot","archive":{"keep_raw":true}})").body.contains("lsn"));
}

TEST_F(VectorRoutes, info_and_list_show_what_there_is) {
  upsert(R"({"id":1,"vector":[1,2]})");
  upsert(R"({"id":1,"vector":[3,4]})");
  create("a", R"({"dim":1,"metric":"l2"})");
  const ApiAnswer info = api_.get("/v1/vector/songs");
  EXPECT_EQ(info.status, 200);
  EXPECT_EQ(info.body["live_count"], 1);
  EXPECT_EQ(info.body["deleted_count"], 1);
  EXPECT_EQ(info.body["index"], json({{"kind", "hnsw"}, {"m", 16}, {"ef_construction", 200}}));
  EXPECT_EQ(info.body["applied_lsn"], 3);
  const ApiAnswer list = api_.get("/v1/vector");
  ASSERT_EQ(list.body["collections"].size(), 2U);
  EXPECT_EQ(list.body["collections"][0]["collection"], "a");
  EXPECT_EQ(list.body["collections"][1], info.body);
  EXPECT_EQ(api_.get("/v1/vector/none").status, 404);
}

TEST_F(VectorRoutes, a_dropped_collection_is_gone_and_its_name_free) {
  upsert(R"({"id":1,"vector":[1,2]})");
  const ApiAnswer dropped = api_.del("/v1/vector/songs");
  EXPECT_EQ(dropped.status, 200) << dropped.text;
  EXPECT_EQ(dropped.body, json({{"deleted", true}, {"lsn", api_.lsn()}}));
  EXPECT_EQ(api_.del("/v1/vector/songs").status, 404);
  EXPECT_EQ(search(R"({"vector":[1,2]})").status, 404);
  EXPECT_EQ(create("songs", R"({"dim":7,"metric":"dot"})").body["live_count"], 0);
}

TEST_F(VectorRoutes, a_drop_with_a_body_was_meant_for_a_point) {
  const ApiAnswer refused = api_.call(Method::kDelete, "/v1/vector/songs", R"({"id":7})");
  EXPECT_EQ(refused.status, 400) << refused.text;
  EXPECT_NE(refused.body["message"].get<std::string>().find("/v1/vector/songs/delete"), std::string::npos);
  EXPECT_EQ(api_.get("/v1/vector/songs").status, 200);
}

TEST_F(VectorRoutes, a_search_of_a_damaged_collection_says_that_something_may_be_missing) {
  upsert(R"({"id":1,"vector":[1,2]})");
  EXPECT_FALSE(search(R"({"vector":[1,1]})").body.contains("notes"));
  ASSERT_EQ(api_.post("/v1/admin/checkpoint", "").status, 200);
  vector::VectorModel& vectors = api_.database().vectors();
  const auto songs = vectors.find("songs");
  ASSERT_OK(songs);
  const catalog::Segment segment = (*songs)->read_view().version->sealed.at(0)->entry();
  ASSERT_OK(vectors.degrade(**songs, segment.id, "made for the test"));
  const ApiAnswer answer = search(R"({"vector":[1,1]})");
  ASSERT_EQ(answer.status, 200) << answer.text;
  ASSERT_EQ(answer.body["notes"].size(), 1U);
  EXPECT_NE(answer.body["notes"][0].get<std::string>().find("made for the test"), std::string::npos) << answer.text;
}

TEST_F(VectorRoutes, an_answer_has_a_bound) {
  const std::string text(1'000'000, 'x');
  for (int i = 0; i < 70; ++i) {
    upsert(json({{"id", i}, {"vector", {1, i}}, {"meta", {{"text", text}}}}).dump());
  }
  EXPECT_EQ(search(R"({"vector":[1,1],"k":60,"include_meta":true})").status, 200);
  const ApiAnswer refused = search(R"({"vector":[1,1],"k":70,"include_meta":true})");
  EXPECT_EQ(refused.status, 413) << refused.status;
  EXPECT_EQ(refused.body["error"], "payload_too_large");
}

TEST_F(VectorRoutes, every_write_answers_its_lsn_and_reads_see_it) {
  const ApiAnswer added = api_.post("/v1/vector/songs/add", R"({"id":"a","vector":[1,0.5],"meta":{"n": [1, 2.5e0]}})");
  EXPECT_EQ(added.status, 200) << added.text;
  EXPECT_EQ(added.body, json({{"ok", true}, {"lsn", 2}}));
  EXPECT_EQ(api_.post("/v1/vector/songs/add", R"({"id":"a","vector":[1,1]})").status, 409);
  EXPECT_EQ(api_.lsn(), 2U) << "what is refused is not logged";
  EXPECT_EQ(api_.get("/v1/vector/songs/get?id=a").body,
            json({{"id", "a"}, {"vector", {1.0, 0.5}}, {"meta", {{"n", {1, 2.5}}}}}));
  EXPECT_EQ(upsert(R"({"id":"a","vector":[2,2],"meta":null})").body["lsn"], 3);
  EXPECT_EQ(api_.get("/v1/vector/songs/get?id=a").body, json({{"id", "a"}, {"vector", {2.0, 2.0}}, {"meta", nullptr}}));
  EXPECT_EQ(api_.post("/v1/vector/songs/delete", R"({"id":"a"})").body, json({{"deleted", true}, {"lsn", 4}}));
  EXPECT_EQ(api_.post("/v1/vector/songs/delete", R"({"id":"a"})").status, 404);
  EXPECT_EQ(api_.get("/v1/vector/songs/get?id=a").status, 404);
}

TEST_F(VectorRoutes, a_relaxed_write_says_so) {
  const ApiAnswer relaxed = api_.post("/v1/vector/songs/upsert?durability=relaxed", R"({"id":1,"vector":[1,1]})");
  EXPECT_EQ(relaxed.status, 200) << relaxed.text;
  EXPECT_EQ(relaxed.body, json({{"ok", true}, {"lsn", 2}, {"durability", "relaxed"}}));
  EXPECT_EQ(api_.get("/v1/vector/songs/get?id=1&min_lsn=2").status, 200) << "it is read once it is durable";
  const ApiAnswer synced = api_.post("/v1/vector/songs/upsert?durability=synced", R"({"id":1,"vector":[1,1]})");
  EXPECT_FALSE(synced.body.contains("durability"));
}

TEST_F(VectorRoutes, numbers_and_strings_are_two_kinds_of_ids) {
  upsert(R"({"id":7,"vector":[1,0]})");
  EXPECT_EQ(api_.get("/v1/vector/songs/get?id=7").body["id"], 7);
  EXPECT_EQ(api_.get("/v1/vector/songs/get?id=%227%22").status, 404);
  upsert(R"({"id":"7","vector":[2,0]})");
  EXPECT_EQ(api_.get("/v1/vector/songs/get?id=7").body["id"], 7);
  EXPECT_EQ(api_.get("/v1/vector/songs/get?id=%227%22").body["id"], "7");
  api_.post("/v1/vector/songs/delete", R"({"id":7})");
  EXPECT_EQ(api_.get("/v1/vector/songs/get?id=7").body["id"], "7") << "the string, when there is no such number";
  upsert(R"({"id":"007","vector":[3,0]})");
  EXPECT_EQ(api_.get("/v1/vector/songs/get?id=007").body["id"], "007");
  upsert(R"({"id":18446744073709551615,"vector":[4,0]})");
  EXPECT_EQ(api_.get("/v1/vector/songs/get?id=18446744073709551615").body["id"], 18446744073709551615U);
  upsert(R"({"id":"say \"x\"","vector":[5,0]})");
  EXPECT_EQ(api_.get("/v1/vector/songs/get?id=%22say%20%5C%22x%5C%22%22").body["id"], "say \"x\"");
}

TEST_F(VectorRoutes, vectors_may_come_as_base64) {
  // 1.0 and -2.5 as little-endian f32.
  const ApiAnswer written = upsert(R"({"id":1,"vector_b64":"AACAPwAAIMA="})");
  EXPECT_EQ(written.status, 200) << written.text;
  EXPECT_EQ(api_.get("/v1/vector/songs/get?id=1").body["vector"], json({1.0, -2.5}));
  EXPECT_EQ(ids(search(R"({"vector_b64":"AACAPwAAIMA"})")), json({1})) << "the padding may be left out";
}

TEST_F(VectorRoutes, update_keeps_what_is_absent) {
  upsert(R"({"id":1,"vector":[1,1],"meta":{"a":1,"b":{"c":2,"d":3}}})");
  EXPECT_EQ(api_.post("/v1/vector/songs/update", R"({"id":1,"vector":[2,2]})").body, json({{"ok", true}, {"lsn", 3}}));
  EXPECT_EQ(api_.get("/v1/vector/songs/get?id=1").body,
            json({{"id", 1}, {"vector", {2.0, 2.0}}, {"meta", {{"a", 1}, {"b", {{"c", 2}, {"d", 3}}}}}}));
  api_.post("/v1/vector/songs/update", R"({"id":1,"meta":{"a":null,"b":{"d":4},"e":5},"meta_mode":"merge"})");
  EXPECT_EQ(api_.get("/v1/vector/songs/get?id=1").body["meta"], json({{"b", {{"c", 2}, {"d", 4}}}, {"e", 5}}));
  api_.post("/v1/vector/songs/update", R"({"id":1,"meta":{"z":1},"vector":null,"meta_mode":null})");
  EXPECT_EQ(api_.get("/v1/vector/songs/get?id=1").body["meta"], json({{"z", 1}}));
  EXPECT_EQ(api_.post("/v1/vector/songs/update", R"({"id":2,"meta":{}})").status, 404);
}

TEST_F(VectorRoutes, the_good_items_of_a_batch_are_committed_together) {
  const ApiAnswer answer = api_.post("/v1/vector/songs/upsert_batch", R"({"items":[
      {"id":1,"vector":[1,0]},
      {"id":-1,"vector":[1,0]},
      {"id":"x","vector":[1,0,0]},
      {"id":"y","vector":[1,"a"]},
      {"vector":[1,0]},
      {"id":"z"},
      {"id":1,"vector":[0,9],"meta":"last"},
      {"id":"m","vector":[1,1],"vector_b64":"AACAPwAAIMA="}]})");
  ASSERT_EQ(answer.status, 200) << answer.text;
  const json& results = answer.body["results"];
  ASSERT_EQ(results.size(), 8U);
  EXPECT_EQ(results[0], json({{"status", "upserted"}, {"id", 1}}));
  EXPECT_EQ(results[6], json({{"status", "upserted"}, {"id", 1}}));
  const auto expect_error = [&](std::size_t item, const json& id, const std::string& code, const std::string& text) {
    EXPECT_EQ(results[item]["status"], "error");
    EXPECT_EQ(results[item]["id"], id);
    EXPECT_EQ(results[item]["error"]["error"], code) << results[item];
    EXPECT_NE(results[item]["error"]["message"].get<std::string>().find(text), std::string::npos) << results[item];
  };
  expect_error(1, -1, "invalid_argument", "items[1].id");
  expect_error(2, "x", "dim_mismatch", "items[2].vector");
  expect_error(3, "y", "invalid_argument", "items[3].vector[1]");
  expect_error(4, nullptr, "invalid_argument", "items[4].id is missing");
  expect_error(5, "z", "invalid_argument", "items[5].vector is missing");
  expect_error(7, "m", "invalid_argument", "items[7].vector");
  EXPECT_EQ(answer.body["lsn"], api_.lsn());
  EXPECT_EQ(api_.get("/v1/vector/songs/get?id=1").body, json({{"id", 1}, {"vector", {0.0, 9.0}}, {"meta", "last"}}));
  EXPECT_EQ(api_.get("/v1/vector/songs").body["live_count"], 1);
}

TEST_F(VectorRoutes, a_batch_without_a_good_item_has_no_lsn) {
  const ApiAnswer answer = api_.post("/v1/vector/songs/upsert_batch", R"({"items":[{"id":true,"vector":[1,0]}]})");
  EXPECT_EQ(answer.status, 200) << answer.text;
  EXPECT_FALSE(answer.body.contains("lsn"));
  EXPECT_EQ(answer.body["results"][0]["id"], true);
  EXPECT_EQ(api_.lsn(), 1U);
}

TEST_F(VectorRoutes, delete_batch_says_what_became_of_each_id) {
  upsert(R"({"id":1,"vector":[1,0]})");
  upsert(R"({"id":"1","vector":[1,0]})");
  const ApiAnswer answer = api_.post("/v1/vector/songs/delete_batch", R"({"ids":[1,"1",2,1,7.5]})");
  ASSERT_EQ(answer.status, 200) << answer.text;
  const json& results = answer.body["results"];
  EXPECT_EQ(results[0], json({{"status", "deleted"}, {"id", 1}}));
  EXPECT_EQ(results[1], json({{"status", "deleted"}, {"id", "1"}}));
  EXPECT_EQ(results[2]["error"]["error"], "not_found");
  EXPECT_EQ(results[3]["error"]["error"], "not_found") << "deleted by the same call already";
  EXPECT_EQ(results[4]["error"]["error"], "invalid_argument");
  EXPECT_EQ(results[4]["id"], 7.5);
  EXPECT_EQ(answer.body["lsn"], api_.lsn());
  const ApiAnswer nothing = api_.post("/v1/vector/songs/delete_batch", R"({"ids":[1]})");
  EXPECT_EQ(nothing.status, 200);
  EXPECT_FALSE(nothing.body.contains("lsn"));
}

TEST_F(VectorRoutes, everything_is_there_after_a_restart) {
  upsert(R"({"id":1,"vector":[1,0],"meta":{"a":1}})");
  upsert(R"({"id":2,"vector":[0,1]})");
  api_.post("/v1/vector/songs/delete", R"({"id":2})");
  const std::uint64_t lsn = api_.lsn();
  api_.restart();
  EXPECT_GE(api_.lsn(), lsn);
  EXPECT_EQ(api_.get("/v1/vector/songs/get?id=1").body["meta"], json({{"a", 1}}));
  EXPECT_EQ(api_.get("/v1/vector/songs/get?id=2").status, 404);
  EXPECT_GT(upsert(R"({"id":3,"vector":[1,1]})").body["lsn"], lsn);
}

TEST_F(VectorRoutes, the_same_request_with_a_key_gets_the_first_answer_again) {
  const test::Headers key = {{"Idempotency-Key", "k1"}};
  const std::string body = R"({"id":1,"vector":[1,0]})";
  const ApiAnswer first = api_.post("/v1/vector/songs/add", body, key);
  EXPECT_EQ(first.status, 200) << first.text;
  const ApiAnswer again = api_.post("/v1/vector/songs/add", body, key);
  EXPECT_EQ(again.status, 200) << again.text;
  EXPECT_EQ(again.text, first.text) << "not 409, though the id is there";
  const ApiAnswer other = api_.post("/v1/vector/songs/add", R"({"id":2,"vector":[1,0]})", key);
  EXPECT_EQ(other.status, 409);
  EXPECT_EQ(other.body["error"], "conflict");
  EXPECT_EQ(api_.post("/v1/vector/songs/add", body, {{"Idempotency-Key", ""}}).status, 400);
  EXPECT_EQ(api_.post("/v1/vector/songs/add", body, {{"Idempotency-Key", std::string(257, 'k')}}).status, 400);
  EXPECT_EQ(api_.post("/v1/vector/songs/upsert", body, {{"Idempotency-Key", std::string(256, 'k')}}).status, 200);
  api_.restart();
  EXPECT_EQ(api_.post("/v1/vector/songs/add", body, key).text, first.text) << "also after a restart";
  const ApiAnswer batch = api_.post("/v1/vector/songs/delete_batch", R"({"ids":[1,5]})", {{"Idempotency-Key", "d"}});
  EXPECT_EQ(batch.body["results"][0]["status"], "deleted");
  EXPECT_EQ(api_.post("/v1/vector/songs/delete_batch", R"({"ids":[1,5]})", {{"Idempotency-Key", "d"}}).text,
            batch.text);
  const ApiAnswer dropped = api_.del("/v1/vector/songs", {{"Idempotency-Key", "drop"}});
  EXPECT_EQ(dropped.status, 200) << dropped.text;
  EXPECT_EQ(api_.del("/v1/vector/songs", {{"Idempotency-Key", "drop"}}).text, dropped.text);
}

TEST_F(VectorRoutes, what_is_refused_is_not_remembered_by_its_key) {
  const test::Headers key = {{"Idempotency-Key", "k"}};
  EXPECT_EQ(api_.post("/v1/vector/songs/delete", R"({"id":1})", key).status, 404);
  upsert(R"({"id":1,"vector":[1,0]})");
  EXPECT_EQ(api_.post("/v1/vector/songs/delete", R"({"id":1})", key).status, 200);
}

TEST_F(VectorRoutes, search_answers_hits_best_first_with_what_was_asked_for) {
  upsert(R"({"id":"b","vector":[1,0],"meta":{"t":1}})");
  upsert(R"({"id":"a","vector":[1,0]})");
  upsert(R"({"id":9,"vector":[1,0]})");
  upsert(R"({"id":"top","vector":[3,0.5]})");
  const ApiAnswer plain = search(R"({"vector":[1,0]})");
  ASSERT_EQ(plain.status, 200) << plain.text;
  EXPECT_EQ(ids(plain), json({"top", 9, "a", "b"})) << "ties in the order of the ids";
  EXPECT_EQ(plain.body["hits"][0], json({{"id", "top"}, {"score", 3.0}}));
  EXPECT_TRUE(plain.body["took_us"].is_number_unsigned());
  EXPECT_FALSE(plain.body.contains("explain"));
  const ApiAnswer full = search(R"({"vector":[1,0],"k":2,"offset":2,"include_meta":true,"include_vector":true})");
  EXPECT_EQ(full.body["hits"], json::parse(R"([{"id":"a","score":1.0,"meta":null,"vector":[1.0,0.0]},
                                              {"id":"b","score":1.0,"meta":{"t":1},"vector":[1.0,0.0]}])"));
  EXPECT_EQ(ids(search(R"({"vector":[1,0],"offset":18446744073709551615})")), json::array());
  EXPECT_EQ(ids(search(R"({"vector":[1,0],"min_score":3})")), json({"top"})) << "inclusive";
  EXPECT_EQ(ids(search(R"({"vector":[1,0],"exact":true,"rescore":false,"tier":"active","ef":1,"k":1})")),
            json({"top"}));
  EXPECT_EQ(ids(search(R"({"vector":[1,0],"tier":"archive"})")), json::array());
}

TEST_F(VectorRoutes, a_search_names_the_recall_it_wants_in_place_of_ef) {
  for (const char* point : {R"({"id":1,"vector":[1,0]})", R"({"id":2,"vector":[0,1]})", R"({"id":3,"vector":[2,1]})"}) {
    upsert(point);
  }
  const ApiAnswer answer = search(R"({"vector":[1,0],"recall":0.95,"k":2,"explain":true})");
  ASSERT_EQ(answer.status, 200) << answer.text;
  EXPECT_EQ(ids(answer), ids(search(R"({"vector":[1,0],"exact":true,"k":2})")));
  EXPECT_FALSE(answer.body.contains("notes")) << "a scan finds all";
  EXPECT_EQ(search(R"({"vector":[1,0],"recall":null,"ef":3})").status, 200);
  for (const char* body : {R"({"vector":[1,0],"recall":0.95,"ef":10})", R"({"vector":[1,0],"recall":0.49})",
                           R"({"vector":[1,0],"recall":1})"}) {
    const ApiAnswer refused = search(body);
    EXPECT_EQ(refused.status, 400) << body;
    EXPECT_EQ(refused.body["error"], "invalid_argument");
    EXPECT_NE(refused.text.find("recall"), std::string::npos);
  }
}

TEST_F(VectorRoutes, search_by_id_leaves_the_example_out) {
  upsert(R"({"id":1,"vector":[1,0]})");
  upsert(R"({"id":"1","vector":[2,0]})");
  EXPECT_EQ(ids(search(R"({"id":1})")), json({"1"}));
  EXPECT_EQ(ids(search(R"({"id":"1","k":1})")), json({1}));
  EXPECT_EQ(search(R"({"id":5})").status, 404);
}

TEST_F(VectorRoutes, explain_names_the_parts_and_their_plans) {
  upsert(R"({"id":1,"vector":[1,0]})");
  const ApiAnswer answer = search(R"({"vector":[1,0],"explain":true})");
  ASSERT_EQ(answer.body["explain"].size(), 1U) << answer.text;
  const json& part = answer.body["explain"][0];
  EXPECT_EQ(part["segment"], "hot");
  EXPECT_EQ(part["rows"], 1);
  EXPECT_FALSE(part["plan"].get<std::string>().empty());
  EXPECT_GE(part["distances"], 1);
}

TEST_F(VectorRoutes, thresholds_go_with_their_metric) {
  create("far", R"({"dim":2,"metric":"l2"})");
  api_.post("/v1/vector/far/upsert", R"({"id":1,"vector":[0,2]})");
  api_.post("/v1/vector/far/upsert", R"({"id":2,"vector":[0,3]})");
  const ApiAnswer near = api_.post("/v1/vector/far/search", R"({"vector":[0,0],"max_distance":4})");
  EXPECT_EQ(near.body["hits"], json::parse(R"([{"id":1,"score":4.0}])")) << "the square of the distance, inclusive";
  EXPECT_EQ(api_.post("/v1/vector/far/search", R"({"vector":[0,0],"min_score":1})").status, 400);
  EXPECT_EQ(search(R"({"vector":[0,0],"max_distance":1})").status, 400);
}

TEST_F(VectorRoutes, a_read_waits_for_its_lsn_up_to_the_deadline) {
  EXPECT_EQ(search(R"({"vector":[1,0],"min_lsn":1})").status, 200);
  api_.set_timeout_ms(50);
  EXPECT_EQ(search(R"({"vector":[1,0],"min_lsn":1000})").status, 408);
  EXPECT_EQ(api_.get("/v1/vector?min_lsn=1000").status, 408);
  EXPECT_EQ(api_.get("/v1/vector/songs?min_lsn=1000").status, 408);
  EXPECT_EQ(api_.get("/v1/vector/songs/get?id=1&min_lsn=1000").status, 408);
}

TEST_F(VectorRoutes, a_search_that_passes_the_deadline_while_it_runs_answers_408) {
  const std::string any_vector = R"({"vector":[1,0]})";
  ASSERT_EQ(api_.post("/v1/vector/songs/upsert", R"({"id":1,"vector":[1,0]})").status, 200);
  EXPECT_EQ(search(any_vector).status, 200);
  api_.set_timeout_ms(0);
  for (const std::string& body : {any_vector, std::string(R"({"vector":[1,0],"exact":true})")}) {
    const ApiAnswer answer = search(body);
    EXPECT_EQ(answer.status, 408) << answer.text;
    EXPECT_EQ(answer.body["error"], "timeout");
  }
}

TEST_F(VectorRoutes, vectors_that_an_archive_dropped_are_null_and_no_examples) {
  create("old", R"({"dim":4,"metric":"dot","archive":{"keep_raw":false}})");
  for (int part = 0; part < 2; ++part) {
    json items = json::array();
    for (int i = 0; i < 600; ++i) {
      items.push_back({{"id", 600 * part + i}, {"vector", {i % 7 + 1, i % 11 + 1, i % 13, i % 17}}, {"meta", i}});
    }
    ASSERT_EQ(api_.post("/v1/vector/old/upsert_batch", json({{"items", items}}).dump()).status, 200);
    ASSERT_EQ(api_.post("/v1/admin/checkpoint", "").status, 200);
  }
  const ApiAnswer compacted = api_.post("/v1/admin/compact", R"({"collection":"old"})");
  ASSERT_EQ(compacted.status, 200) << compacted.text;
  ASSERT_NE(compacted.text.find("\"archived\":true"), std::string::npos) << compacted.text;
  EXPECT_EQ(api_.get("/v1/vector/old/get?id=3").body, json({{"id", 3}, {"vector", nullptr}, {"meta", 3}}));
  const ApiAnswer found = api_.post("/v1/vector/old/search", R"({"vector":[1,1,1,1],"k":1,"include_vector":true})");
  ASSERT_EQ(found.body["hits"].size(), 1U) << found.text;
  EXPECT_EQ(found.body["hits"][0]["vector"], nullptr);
  const ApiAnswer example = api_.post("/v1/vector/old/search", R"({"id":3})");
  EXPECT_EQ(example.status, 410) << example.text;
  EXPECT_EQ(example.body["error"], "gone");
  EXPECT_EQ(api_.post("/v1/vector/old/search_batch", R"({"searches":[{"id":3}]})").status, 410);
  EXPECT_EQ(api_.post("/v1/vector/old/recommend", R"({"positive":[3]})").status, 410);
  const ApiAnswer meta_alone = api_.post("/v1/vector/old/update", R"({"id":3,"meta":{}})");
  EXPECT_EQ(meta_alone.status, 410);
  EXPECT_NE(meta_alone.text.find("send the vector with it"), std::string::npos) << meta_alone.text;
  EXPECT_EQ(api_.post("/v1/vector/old/update", R"({"id":3,"vector":[1,1,1,1],"meta":{}})").status, 200);
}

TEST_F(VectorRoutes, a_damaged_block_makes_what_needs_it_unavailable_with_file_and_offset) {
  // Far more bytes than are looked at when the file is opened: a block that was checked is not checked again.
  upsert(R"({"id":1,"vector":[1,2],"meta":")" + std::string(500'000, 'x') + "\"}");
  ASSERT_EQ(api_.post("/v1/admin/checkpoint", "").status, 200);
  const auto collection = api_.database().vectors().find("songs");
  ASSERT_OK(collection);
  const auto part = (*collection)->read_view().version->sealed.front();
  const store::VdbFile& image = part->rows().file();
  const auto meta = image.section(format::SectionKind::kMeta);
  ASSERT_TRUE(meta.has_value());
  const std::string path = image.path().substr(0, image.path().find(".vdb") + 4);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  ASSERT_TRUE(file.is_open()) << image.path();
  file.seekp(meta->data() - image.map().bytes().data() + static_cast<std::ptrdiff_t>(meta->size() / 2));
  file.put('T').flush();
  ASSERT_TRUE(file.good());

  const ApiAnswer got = api_.get("/v1/vector/songs/get?id=1");
  for (const ApiAnswer& answer : {got, search(R"({"vector":[1,0],"include_meta":true})"), search(R"({"id":1})")}) {
    EXPECT_EQ(answer.status, 503) << answer.text;
    EXPECT_EQ(answer.body["error"], "unavailable") << answer.text;
    EXPECT_NE(answer.text.find(".vdb"), std::string::npos) << answer.text;
    EXPECT_NE(answer.text.find(": offset "), std::string::npos) << answer.text;
    EXPECT_EQ(answer.header("Retry-After"), "") << "it stays as it is until somebody acts: " << answer.text;
  }
  const ApiAnswer refused = upsert(R"({"id":2,"vector":[1,2]})");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("Retry-After"), "");
}

TEST_F(VectorRoutes, searches_that_may_take_long_leave_the_calling_thread) {
  test::DatabaseApi patient({.inline_search_us = 0, .no_auth = true});
  patient.post("/v1/vector/c", R"({"dim":1,"metric":"dot"})");
  patient.post("/v1/vector/c/upsert", R"({"id":1,"vector":[2]})");
  EXPECT_EQ(patient.post("/v1/vector/c/search", R"({"vector":[3]})").body["hits"],
            json::parse(R"([{"id":1,"score":6.0}])"));
  EXPECT_EQ(patient.post("/v1/vector/c/search", R"({"vector":[3,4]})").status, 400);
}

}  // namespace
}  // namespace vibrato::api
