#include "api/serve_api.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "support/fake_clock.hpp"
#include "support/made_serve_backend.hpp"

namespace vibrato::api {
namespace {

using nlohmann::json;

// For handlers that answer before they return.
class DirectResponder final : public Responder {
 public:
  DirectResponder(Reply& reply, std::int64_t deadline_ns) : reply_(reply), deadline_ns_(deadline_ns) {}
  void answer(const Status& status, Reply&& reply) override {
    EXPECT_TRUE(status.ok()) << "errors are returned";
    reply_ = std::move(reply);
  }
  [[nodiscard]] ReplyStreamPtr begin_stream(Reply&& /*reply*/) override { return nullptr; }
  [[nodiscard]] std::int64_t deadline_ns() const override { return deadline_ns_; }
  void set_deadline_reply(Reply&& /*reply*/) override {}

 private:
  Reply& reply_;
  std::int64_t deadline_ns_;
};

class ServeApi : public ::testing::Test {
 protected:
  struct Answer {
    int status = 0;
    json body;
  };

  // Calls the handler of a route as the server does, the error envelope included.
  Answer call(Method method, std::string_view path, std::string_view body = "") {
    RouteMatch match;
    table_.match(method, path, match);
    EXPECT_NE(match.route, nullptr) << path;
    const std::string storage = std::string(body) + std::string(kBodyPadding, '#');
    Request request;
    request.method = method;
    request.path = path;
    request.request_id = "test-1";
    request.body = std::string_view(storage).substr(0, body.size());
    Reply reply;
    const Status status = match.route->handler ? match.route->handler(request, reply)
                                               : match.route->async_handler(
                                                     request, std::make_shared<DirectResponder>(reply, deadline_ns_));
    if (!status.ok()) {
      table_.write_error(status, path, request.request_id, reply);
    }
    return {reply.status, json::parse(reply.body)};
  }

  void expect_error(const Answer& answer, int status, std::string_view code, std::string_view text) {
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_EQ(answer.body["code"], code);
    EXPECT_NE(answer.body["error"].get<std::string>().find(text), std::string::npos) << answer.body;
    EXPECT_EQ(answer.body["request_id"], "test-1");
  }

  void ingest_three() {
    EXPECT_EQ(call(Method::kPost, "/ingest", R"({"vector":[1,0]})").status, 201);
    EXPECT_EQ(call(Method::kPost, "/ingest", R"({"vector":[0,1],"metadata":{"source_file":"b.wav"}})").status, 201);
    EXPECT_EQ(call(Method::kPost, "/ingest", R"({"vector":[0.5,0.5]})").status, 201);
  }

  std::int64_t deadline_ns_ = INT64_MAX;
  test::FakeClock clock_;
  std::shared_ptr<test::MadeServeBackend> backend_ = std::make_shared<test::MadeServeBackend>(2, 4);
  RouteTable table_ = make_serve_routes(backend_, clock_, {});
};

TEST_F(ServeApi, search_answers_hits_best_first) {
  ingest_three();
  const Answer answer = call(Method::kPost, "/search", R"({"vector":[0,2],"k":2})");
  EXPECT_EQ(answer.status, 200);
  ASSERT_EQ(answer.body["results"].size(), 2U);
  EXPECT_EQ(answer.body["results"][0]["id"], 1);
  EXPECT_EQ(answer.body["results"][0]["score"], 2.0);
  EXPECT_EQ(answer.body["results"][0]["metadata"]["source_file"], "b.wav");
  EXPECT_EQ(answer.body["results"][1]["id"], 2);
  EXPECT_FALSE(answer.body["results"][1].contains("metadata")) << "all-empty metadata is left out";
  EXPECT_EQ(answer.body["query_time_ms"], 0.0);
}

TEST_F(ServeApi, search_ends_at_the_deadline_of_its_request) {
  ingest_three();
  clock_.advance_ms(10);
  deadline_ns_ = clock_.monotonic_ns();
  expect_error(call(Method::kPost, "/search", R"({"vector":[0,2]})"), 408, "timeout", "deadline");
  ++deadline_ns_;
  EXPECT_EQ(call(Method::kPost, "/search", R"({"vector":[0,2]})").status, 200);
}

TEST_F(ServeApi, search_does_not_hide_damaged_metadata) {
  ingest_three();
  backend_->damage_meta(1);
  EXPECT_EQ(call(Method::kPost, "/search", R"({"vector":[1,0],"k":2})").status, 200);
  expect_error(call(Method::kPost, "/search", R"({"vector":[1,0],"k":3})"), 500, "internal", "made.vdb: offset 7");
}

TEST_F(ServeApi, search_defaults_to_k_10_and_ef_50) {
  ingest_three();
  call(Method::kPost, "/search", R"({"vector":[0,1]})");
  EXPECT_EQ(backend_->last_k(), 10U);
  EXPECT_EQ(backend_->last_ef(), 50U);
  call(Method::kPost, "/search", R"({"vector":[0,1],"k":null,"ef":null})");
  EXPECT_EQ(backend_->last_k(), 10U);
  call(Method::kPost, "/search", R"({"vector":[0,1],"k":7,"ef":99})");
  EXPECT_EQ(backend_->last_k(), 7U);
  EXPECT_EQ(backend_->last_ef(), 99U);
}

TEST_F(ServeApi, search_ignores_unknown_fields_and_refuses_a_doubled_one) {
  ingest_three();
  const Answer answer = call(Method::kPost, "/search", R"({"vektor":[1],"x":{"y":[{}]},"x":1,"vector":[1,0],"k":1})");
  EXPECT_EQ(answer.status, 200);
  ASSERT_EQ(answer.body["results"].size(), 1U);
  EXPECT_EQ(answer.body["results"][0]["id"], 0);
  const auto search = [&](std::string_view body) { return call(Method::kPost, "/search", body); };
  expect_error(search(R"({"vector":[1,0],"vector":[0,1]})"), 400, "invalid_argument", "vector comes twice");
  expect_error(search(R"({"vector":[1,0],"k":5,"k":null})"), 400, "invalid_argument", "k comes twice");
  expect_error(call(Method::kPost, "/ingest", R"({"vector":[1,0],"metadata":{"bpm":1,"bpm":2}})"), 400,
               "invalid_argument", "metadata.bpm comes twice");
}

TEST_F(ServeApi, search_caps_k_and_ef_at_their_limits) {
  const auto search = [&](const std::string& field, std::uint64_t value) {
    return call(Method::kPost, "/search", R"({"vector":[0,1],")" + field + "\":" + std::to_string(value) + "}");
  };
  EXPECT_EQ(search("k", 999).status, 200);
  EXPECT_EQ(search("k", 1000).status, 200);
  expect_error(search("k", 1001), 400, "invalid_argument", "k must be a whole number from 1 to 1000");
  expect_error(search("k", 0), 400, "invalid_argument", "k must be");
  EXPECT_EQ(search("ef", 4095).status, 200);
  EXPECT_EQ(search("ef", 4096).status, 200);
  expect_error(search("ef", 4097), 400, "invalid_argument", "ef must be");
  expect_error(search("ef", 0), 400, "invalid_argument", "ef must be");
  expect_error(search("k", 18446744073709551615U), 400, "invalid_argument", "k must be");
}

TEST_F(ServeApi, search_names_the_field_that_is_wrong) {
  const auto search = [&](std::string_view body) { return call(Method::kPost, "/search", body); };
  expect_error(search("{}"), 400, "invalid_argument", "vector is missing");
  expect_error(search(R"({"vector":null})"), 400, "invalid_argument", "vector is missing");
  expect_error(search(R"({"vector":"[1,2]"})"), 400, "invalid_argument", "vector must be an array");
  expect_error(search(R"({"vector":[1,"a"]})"), 400, "invalid_argument", "vector[1] must be a number");
  expect_error(search(R"({"vector":[1,1e39]})"), 400, "invalid_argument", "vector[1] is too large");
  expect_error(search(R"({"vector":[1e999,1]})"), 400, "invalid_argument", "vector[0]");
  expect_error(search(R"({"vector":[1,NaN]})"), 400, "invalid_json", "not valid JSON");
  expect_error(search(R"({"vector":[1,2],"k":1.5})"), 400, "invalid_argument", "k must be");
  expect_error(search(R"({"vector":[1,2],"k":"3"})"), 400, "invalid_argument", "k must be");
  expect_error(search("[1,2]"), 400, "invalid_argument", "JSON object");
  expect_error(search(""), 400, "invalid_json", "empty");
  expect_error(search(R"({"vector":[1,2,3]})"), 400, "dim_mismatch", "dimension");
}

TEST_F(ServeApi, search_caps_the_numbers_of_a_vector) {
  std::string body = R"({"vector":[0)";
  for (std::uint32_t i = 1; i < limits::kDimMax; ++i) {
    body += ",0";
  }
  expect_error(call(Method::kPost, "/search", body + "]}"), 400, "dim_mismatch", "dimension");
  expect_error(call(Method::kPost, "/search", body + ",0]}"), 400, "invalid_argument", "more than 16384");
}

TEST_F(ServeApi, ingest_answers_201_with_the_row) {
  Answer answer = call(Method::kPost, "/ingest", R"({"vector":[0.25,-1]})");
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.body, json({{"id", 0}, {"vector_dim", 2}}));
  EXPECT_EQ(backend_->vector_of(0), (std::vector<float>{0.25F, -1.0F}));
  answer = call(Method::kPost, "/ingest", R"({"vector":[1,1],"unknown":1})");
  EXPECT_EQ(answer.body["id"], 1);
}

TEST_F(ServeApi, ingest_stores_metadata_as_compact_json) {
  call(Method::kPost, "/ingest",
       R"({"vector":[1,1],"metadata":{"source_file":"a \"b\".wav","start_time_ms":4294967295,"duration_ms":65535,
           "bpm":120.5,"tags":["Rock",""," ","live"],"more":1}})");
  EXPECT_EQ(backend_->meta_json(0).value(),
            R"({"source_file":"a \"b\".wav","start_time_ms":4294967295,"duration_ms":65535,)"
            R"("bpm":120.5,"tags":["Rock","live"]})");
  call(Method::kPost, "/ingest", R"({"vector":[1,1],"metadata":{"source_file":"","tags":[" "],"bpm":null}})");
  EXPECT_EQ(backend_->meta_json(1).value(), "") << "all-empty metadata is none";
  call(Method::kPost, "/ingest", R"({"vector":[1,1],"metadata":null})");
  EXPECT_EQ(backend_->meta_json(2).value(), "");
}

TEST_F(ServeApi, ingest_names_the_metadata_field_that_is_wrong) {
  const auto ingest = [&](const std::string& metadata) {
    return call(Method::kPost, "/ingest", R"({"vector":[1,1],"metadata":)" + metadata + "}");
  };
  expect_error(ingest("[]"), 400, "invalid_argument", "metadata must be an object");
  expect_error(ingest(R"({"source_file":1})"), 400, "invalid_argument", "metadata.source_file");
  expect_error(ingest(R"({"start_time_ms":4294967296})"), 400, "invalid_argument", "metadata.start_time_ms");
  expect_error(ingest(R"({"start_time_ms":-1})"), 400, "invalid_argument", "metadata.start_time_ms");
  expect_error(ingest(R"({"duration_ms":65536})"), 400, "invalid_argument", "metadata.duration_ms");
  expect_error(ingest(R"({"bpm":"fast"})"), 400, "invalid_argument", "metadata.bpm");
  expect_error(ingest(R"({"bpm":1e39})"), 400, "invalid_argument", "metadata.bpm");
  expect_error(ingest(R"({"tags":"rock"})"), 400, "invalid_argument", "metadata.tags");
  expect_error(ingest(R"({"tags":["a",1]})"), 400, "invalid_argument", "metadata.tags");
  EXPECT_EQ(backend_->info().dynamic_vectors, 0U) << "nothing was stored";
}

TEST_F(ServeApi, ingest_refuses_metadata_past_its_cap) {
  const auto ingest = [&](std::size_t name_bytes) {
    return call(Method::kPost, "/ingest",
                R"({"vector":[1,1],"metadata":{"source_file":")" + std::string(name_bytes, 'x') + "\"}}");
  };
  const std::size_t around =
      std::string(R"({"source_file":"","start_time_ms":0,"duration_ms":0,"bpm":0,"tags":[]})").size();
  EXPECT_EQ(ingest(limits::kMetaBytesMax - around - 1).status, 201);
  EXPECT_EQ(ingest(limits::kMetaBytesMax - around).status, 201);
  expect_error(ingest(limits::kMetaBytesMax - around + 1), 413, "payload_too_large", "metadata");
}

TEST_F(ServeApi, ingest_without_vector_needs_models_or_is_wrong) {
  expect_error(call(Method::kPost, "/ingest", R"({"audio_path":"/a.wav"})"), 503, "unavailable",
               "models not available");
  expect_error(call(Method::kPost, "/ingest", R"({"audio_path":"/a.wav","vector":null})"), 503, "unavailable",
               "models not available");
  expect_error(call(Method::kPost, "/ingest", "{}"), 400, "invalid_argument", "vector or audio_path");
  expect_error(call(Method::kPost, "/ingest", R"({"audio_path":5})"), 400, "invalid_argument", "audio_path");
}

TEST_F(ServeApi, audio_path_beside_a_vector_fills_an_empty_source_file) {
  call(Method::kPost, "/ingest", R"({"audio_path":"/a.wav","vector":[1,1]})");
  EXPECT_EQ(json::parse(backend_->meta_json(0).value())["source_file"], "/a.wav");
  call(Method::kPost, "/ingest", R"({"audio_path":"/a.wav","vector":[1,1],"metadata":{"source_file":"b"}})");
  EXPECT_EQ(json::parse(backend_->meta_json(1).value())["source_file"], "b");
}

TEST_F(ServeApi, ingest_into_a_full_buffer_is_unavailable) {
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(call(Method::kPost, "/ingest", R"({"vector":[1,1]})").status, 201);
  }
  expect_error(call(Method::kPost, "/ingest", R"({"vector":[1,1]})"), 503, "unavailable", "full");
}

TEST_F(ServeApi, flush_starts_runs_completes_and_idles) {
  Answer answer = call(Method::kPost, "/flush");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, json({{"status", "idle"}, {"job_id", 0}, {"persisted_vectors", 0}, {"dynamic_vectors", 0}}));
  EXPECT_EQ(call(Method::kGet, "/flush/status").body["state"], "idle");
  ingest_three();
  answer = call(Method::kPost, "/flush");
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.body, json({{"status", "started"}, {"job_id", 1}}));
  answer = call(Method::kPost, "/flush");
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(answer.body, json({{"status", "flush_in_progress"}, {"job_id", 1}}));
  EXPECT_EQ(call(Method::kGet, "/flush/status").body, json({{"state", "running"},
                                                            {"job_id", 1},
                                                            {"snapshot_vectors", 3},
                                                            {"persisted_vectors", 0},
                                                            {"dynamic_vectors", 3}}));
  backend_->end_flush(std::nullopt);
  answer = call(Method::kGet, "/flush/status");
  EXPECT_EQ(answer.body["state"], "completed");
  EXPECT_EQ(answer.body["persisted_vectors"], 3);
  EXPECT_EQ(answer.body["dynamic_vectors"], 0);
  EXPECT_FALSE(answer.body.contains("error"));
}

TEST_F(ServeApi, a_failed_flush_tells_its_error) {
  ingest_three();
  call(Method::kPost, "/flush");
  backend_->end_flush("no space");
  const Answer answer = call(Method::kGet, "/flush/status");
  EXPECT_EQ(answer.body["state"], "failed");
  EXPECT_EQ(answer.body["error"], "no space");
}

TEST_F(ServeApi, health_describes_the_file) {
  ingest_three();
  EXPECT_EQ(call(Method::kGet, "/health").body,
            json({{"status", "ok"},
                  {"vectors_loaded", 3},
                  {"index_layers", 2},
                  {"memory_mb", 1.5},
                  {"config", {{"m", 16}, {"ef_construction", 100}, {"dimensions", 2}}}}));
  EXPECT_EQ(call(Method::kGet, "/health/live").body, json({{"status", "ok"}}));
}

}  // namespace
}  // namespace vibrato::api
