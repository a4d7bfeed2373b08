// How connections live: keep-alive, pipelining, half-closing, stopping, many at once.
#include <atomic>
#include <future>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "api/test_server.hpp"

namespace vibrato::test {
namespace {

using nlohmann::json;

std::string search(float x, float y, int k) {
  return post_json("/search", json({{"vector", {x, y}}, {"k", k}}).dump());
}

TEST(Connections, ingest_is_found_by_the_search_behind_it) {
  TestServer server;
  HttpClient client(server.port());
  const auto ingested =
      client.request(post_json("/ingest", R"({"vector":[0.5,1],"metadata":{"source_file":"a.wav","tags":["x"]}})"));
  ASSERT_TRUE(ingested.has_value());
  EXPECT_EQ(ingested->status, 201);
  const auto found = client.request(search(0, 2, 1));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->status, 200);
  const json body = json::parse(found->body);
  EXPECT_EQ(body["results"][0]["id"], 0);
  EXPECT_EQ(body["results"][0]["score"], 2.0);
  EXPECT_EQ(body["results"][0]["metadata"]["tags"], json({"x"}));
  EXPECT_EQ(server.records(), (std::vector<std::string>{"/ingest 201", "/search 200"}));
}

TEST(Connections, pipelined_requests_are_answered_in_order) {
  TestServer server;
  HttpClient client(server.port());
  std::string requests;
  constexpr int kRequests = 500;
  for (int i = 0; i < kRequests; ++i) {
    requests += i % 3 == 2 ? get("/nothing", "x-request-id: " + std::to_string(i) + "\r\n")
                           : post_json("/ingest", R"({"vector":[1,1]})", "x-request-id: " + std::to_string(i) + "\r\n");
  }
  ASSERT_TRUE(client.send(requests));
  for (int i = 0; i < kRequests; ++i) {
    const auto answer = client.read_answer();
    ASSERT_TRUE(answer.has_value()) << i;
    EXPECT_EQ(answer->header("x-request-id"), std::to_string(i));
    EXPECT_EQ(answer->status, i % 3 == 2 ? 404 : 201);
  }
}

TEST(Connections, two_of_them_live_on_two_threads) {
  TestServer server;
  HttpClient first(server.port());
  HttpClient second(server.port());
  const auto one = first.request(get("/thread"));
  const auto other = second.request(get("/thread"));
  ASSERT_TRUE(one.has_value() && other.has_value());
  EXPECT_NE(one->body, other->body);
}

TEST(Connections, a_half_closed_client_gets_all_its_answers) {
  TestServer server;
  HttpClient client(server.port());
  ASSERT_TRUE(client.send(get("/health") + get("/health/live")));
  client.half_close();
  EXPECT_EQ(client.read_answer()->status, 200);
  EXPECT_EQ(client.read_answer()->status, 200);
  EXPECT_TRUE(client.ended());
}

TEST(Connections, a_request_cut_short_by_half_closing_is_400) {
  TestServer server;
  HttpClient client(server.port());
  const std::string request = post_json("/search", "{}");
  ASSERT_TRUE(client.send(request.substr(0, request.size() - 1)));
  client.half_close();
  const auto answer = client.read_answer();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 400);
  EXPECT_NE(answer->body.find("inside the body"), std::string::npos);
  EXPECT_TRUE(client.ended());
}

TEST(Connections, clients_that_vanish_hurt_nobody) {
  TestServer server;
  for (int i = 0; i < 50; ++i) {
    HttpClient client(server.port());
    client.send(i % 2 == 0 ? get("/megabytes") : post_json("/search", "{}").substr(0, 80));
  }
  HttpClient client(server.port());
  EXPECT_EQ(client.request(get("/health"))->status, 200);
}

TEST(Connections, an_answer_larger_than_the_socket_takes_arrives_whole) {
  TestServer server;
  HttpClient client(server.port());
  ASSERT_TRUE(client.send(get("/megabytes")));
  ::usleep(100'000);  // The server has to wait for the client here.
  const auto answer = client.read_answer();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->body.size(), 32U << 20U);
  EXPECT_EQ(answer->body.find_first_not_of('x'), std::string::npos);
}

TEST(Connections, a_client_that_does_not_read_is_cut_off) {
  server::HttpServerOptions options;
  options.request_timeout_ms = 200;
  TestServer server(options);
  HttpClient client(server.port());
  ASSERT_TRUE(client.send(get("/megabytes")));
  ::usleep(600'000);
  EXPECT_FALSE(client.read_answer().has_value());
}

TEST(Connections, expect_100_continue_is_answered_first) {
  TestServer server;
  HttpClient client(server.port());
  const std::string body = R"({"vector":[1,1]})";
  const std::string request = post_json("/ingest", body, "Expect: 100-continue\r\n");
  ASSERT_TRUE(client.send(request.substr(0, request.size() - body.size())));
  EXPECT_EQ(client.read_answer()->status, 100);
  ASSERT_TRUE(client.send(body));
  EXPECT_EQ(client.read_answer()->status, 201);
}

TEST(Connections, head_is_get_without_the_body) {
  TestServer server;
  HttpClient client(server.port());
  ASSERT_TRUE(client.send("HEAD /health HTTP/1.1\r\nHost: h\r\n\r\n" + get("/health/live")));
  const auto head = client.read_answer(true);
  ASSERT_TRUE(head.has_value());
  EXPECT_EQ(head->status, 200);
  EXPECT_NE(head->header("content-length"), "0");
  EXPECT_EQ(client.read_answer()->body, R"({"status":"ok"})");
}

TEST(Connections, large_bodies_and_small_ones_share_a_connection) {
  TestServer server;
  HttpClient client(server.port());
  for (const std::size_t padding : {0U, 60'000U, 65'536U, 1'000'000U, 10U, 200'000U, 65'535U}) {
    const auto answer = client.request(post_json("/ingest", R"({"vector":[1,1])" + std::string(padding, ' ') + "}"));
    ASSERT_TRUE(answer.has_value()) << padding;
    EXPECT_EQ(answer->status, 201) << padding;
  }
}

TEST(Connections, many_clients_at_once_get_their_own_answers) {
  TestServer server;
  constexpr int kClients = 8;
  constexpr int kRequests = 100;
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int c = 0; c < kClients; ++c) {
    threads.emplace_back([&, c] {
      HttpClient client(server.port());
      for (int i = 0; i < kRequests; ++i) {
        const std::string id = std::to_string(c) + "-" + std::to_string(i);
        const auto answer = client.request(
            post_json(i % 2 == 0 ? "/ingest" : "/search", R"({"vector":[1,2],"k":3})", "x-request-id: " + id + "\r\n"));
        const bool right = answer.has_value() && answer->header("x-request-id") == id &&
                           answer->status == (i % 2 == 0 ? 201 : 200) && json::accept(answer->body);
        wrong += right ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(server.backend().info().dynamic_vectors, kClients * kRequests / 2U);
  EXPECT_EQ(server.records().size(), std::size_t{kClients} * kRequests);
}

TEST(Stopping, finishes_the_request_that_runs_and_closes_idle_connections) {
  TestServer server;
  HttpClient idle(server.port());
  ASSERT_TRUE(idle.request(get("/health")).has_value());
  HttpClient busy(server.port());
  ASSERT_TRUE(busy.send(get("/door") + get("/health")));
  server.door().wait_until_somebody_waits();
  auto stopped = std::async(std::launch::async, [&] { return server.server().stop(); });
  server.door().open();
  const auto answer = busy.read_answer();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, R"({"passed":true})");
  busy.close();
  EXPECT_TRUE(idle.ended());
  EXPECT_TRUE(stopped.get());
  HttpClient late(server.port());
  EXPECT_FALSE(late.connected() && late.request(get("/health")).has_value());
}

TEST(Stopping, lets_a_request_that_is_arriving_finish) {
  TestServer server;
  HttpClient client(server.port());
  const std::string request = post_json("/ingest", R"({"vector":[1,1]})");
  ASSERT_TRUE(client.request(get("/health")).has_value());
  ASSERT_TRUE(client.send(request.substr(0, 50)));
  HttpClient witness(server.port());
  ASSERT_TRUE(witness.request(get("/health")).has_value());
  auto stopped = std::async(std::launch::async, [&] { return server.server().stop(); });
  EXPECT_TRUE(witness.ended()) << "the server is stopping now";
  ASSERT_TRUE(client.send(request.substr(50)));
  const auto answer = client.read_answer();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(answer->header("connection"), "close");
  client.close();
  EXPECT_TRUE(stopped.get());
}

TEST(Stopping, cuts_off_what_does_not_finish_in_time_and_says_so) {
  server::HttpServerOptions options;
  options.stop_timeout_ms = 200;
  TestServer server(options);
  HttpClient client(server.port());
  ASSERT_TRUE(client.request(get("/health")).has_value());
  ASSERT_TRUE(client.send("GET /health HTTP/1.1\r\n"));
  HttpClient second(server.port());
  ASSERT_TRUE(second.request(get("/health")).has_value());
  EXPECT_FALSE(server.server().stop());
  EXPECT_FALSE(server.server().stop()) << "a second call tells the same";
}

TEST(Starting, names_what_is_wrong_with_the_address) {
  SystemClock clock;
  Logger logger(LogLevel::kOff);
  TestServer first;
  server::HttpServerOptions options;
  options.host = "not an address";
  auto started = server::HttpServer::start(options, api::RouteTable(api::Surface::kServe), clock, logger);
  EXPECT_EQ(started.status().code(), ErrorCode::kInvalidArgument);
  options.host = "localhost";
  options.port = first.port();
  started = server::HttpServer::start(options, api::RouteTable(api::Surface::kServe), clock, logger);
  EXPECT_EQ(started.status().code(), ErrorCode::kIoError);
  EXPECT_NE(started.status().message().find(std::to_string(first.port())), std::string::npos);
}

}  // namespace
}  // namespace vibrato::test
