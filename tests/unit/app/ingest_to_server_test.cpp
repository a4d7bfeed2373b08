#include "app/ingest_to_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "support/status_matchers.hpp"
#include "unit/app/input_files.hpp"

namespace vibrato::app {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// A server that takes every row, unless told otherwise.
class IngestToServerTest : public ::testing::Test {
 protected:
  Result<ServerIngestReport> ingest(const std::string& input) {
    options_.files.input = input;
    options_.collection = "docs";
    const auto post = [this](std::string_view path, std::string_view body) { return take(path, body); };
    return ingest_to_server(files_.fs, options_, post, [this] { ++pauses_; }, {});
  }

  Result<std::string> take(std::string_view path, std::string_view body) {
    calls_.emplace_back(std::string(path), json::parse(body));
    if (!refusals_.empty()) {
      Status refusal = refusals_.back();
      refusals_.pop_back();
      return refusal;
    }
    json results = json::array();
    for (const json& item : calls_.back().second.value("items", json::array())) {
      const bool is_bad = item["id"] == bad_id_;
      results.push_back({{"status", is_bad ? "error" : "upserted"}, {"id", item["id"]}});
    }
    return json({{"results", results}, {"lsn", calls_.size()}}).dump();
  }

  InputFiles files_;
  ServerIngestOptions options_;
  std::vector<std::pair<std::string, json>> calls_;
  std::vector<Status> refusals_;  // The last one first.
  json bad_id_;
  int pauses_ = 0;
};

TEST_F(IngestToServerTest, sends_rows_in_batches_with_ids_and_meta) {
  options_.batch_rows = 2;
  const auto report = ingest(files_.write("in.jsonl", R"({"id":"a","vector":[1,0.5],"meta":{"x":1}})"
                                                      "\n"
                                                      R"({"id":7,"vector":[3,4]})"
                                                      "\n"
                                                      R"({"id":"c","vector":[5,6]})"
                                                      "\n"));
  ASSERT_OK(report);
  EXPECT_EQ(report->rows, 3U);
  EXPECT_EQ(report->dim, 2U);
  EXPECT_EQ(report->lsn, 2U);
  ASSERT_EQ(calls_.size(), 2U);
  EXPECT_EQ(calls_[0].first, "/v1/vector/docs/upsert_batch");
  EXPECT_EQ(calls_[0].second,
            json::parse(R"({"items":[{"id":"a","vector":[1,0.5],"meta":{"x":1}},{"id":7,"vector":[3,4]}]})"));
  EXPECT_EQ(calls_[1].second, json::parse(R"({"items":[{"id":"c","vector":[5,6]}]})"));
}

TEST_F(IngestToServerTest, numbers_rows_without_ids) {
  options_.first_id = 100;
  ASSERT_OK(ingest(files_.write("in.jsonl", "[1]\n[2]\n")));
  EXPECT_EQ(calls_[0].second["items"][0]["id"], 100);
  EXPECT_EQ(calls_[0].second["items"][1]["id"], 101);
}

TEST_F(IngestToServerTest, makes_the_collection_first_if_asked_to) {
  options_.create = true;
  options_.metric = Metric::kCosine;
  ASSERT_OK(ingest(files_.write("in.jsonl", "[1,2,3]\n")));
  ASSERT_EQ(calls_.size(), 2U);
  EXPECT_EQ(calls_[0].first, "/v1/vector/docs");
  EXPECT_EQ(calls_[0].second, json::parse(R"({"dim":3,"metric":"cosine"})"));
}

TEST_F(IngestToServerTest, sends_a_batch_again_that_is_refused_for_now) {
  refusals_ = {{ErrorCode::kUnavailable, "recovering"}, {ErrorCode::kOverloaded, "full"}};
  ASSERT_OK(ingest(files_.write("in.jsonl", "[1]\n")));
  EXPECT_EQ(calls_.size(), 3U);
  EXPECT_EQ(pauses_, 2);
  EXPECT_EQ(calls_[2].second, calls_[0].second);
}

TEST_F(IngestToServerTest, gives_up_in_the_end) {
  refusals_.assign(kAttemptsMax, Status(ErrorCode::kOverloaded, "full"));
  EXPECT_CODE(ingest(files_.write("in.jsonl", "[1]\n")), ErrorCode::kOverloaded);
  EXPECT_EQ(calls_.size(), static_cast<std::size_t>(kAttemptsMax));
}

TEST_F(IngestToServerTest, a_refusal_for_good_ends_it_with_the_place) {
  refusals_ = {{ErrorCode::kInvalidArgument, "dim is 4"}};
  const auto report = ingest(files_.write("in.jsonl", "[1]\n"));
  EXPECT_CODE(report, ErrorCode::kInvalidArgument);
  EXPECT_THAT(report.status().message(), HasSubstr("in.jsonl: rows from 0: dim is 4"));
}

TEST_F(IngestToServerTest, a_row_that_the_server_refuses_is_named) {
  bad_id_ = 1;
  const auto report = ingest(files_.write("in.jsonl", "[1]\n[2]\n"));
  EXPECT_CODE(report, ErrorCode::kInvalidArgument);
  EXPECT_THAT(report.status().message(), HasSubstr("row 1 was refused"));
}

TEST_F(IngestToServerTest, ids_that_are_none_are_refused_before_anything_is_sent) {
  for (const char* row : {R"({"id":-1,"vector":[1]})", R"({"id":1.5,"vector":[1]})", R"({"id":true,"vector":[1]})",
                          R"({"id":null,"vector":[1]})", R"({"id":[1],"vector":[1]})"}) {
    const auto report = ingest(files_.write("in.jsonl", std::string(row) + "\n"));
    EXPECT_CODE(report, ErrorCode::kInvalidArgument) << row;
    EXPECT_THAT(report.status().message(), HasSubstr("row 0 (line 1)")) << row;
  }
  EXPECT_CODE(ingest(files_.write("in.jsonl", "[1]\n{\"id\":1,\"vector\":[1]}\n")), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(calls_.empty());
}

}  // namespace
}  // namespace vibrato::app
