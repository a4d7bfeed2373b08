// Handlers that answer later, from other threads, over real sockets.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <gtest/gtest.h>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/logging.hpp"
#include "server/http_server.hpp"
#include "support/http_client.hpp"

namespace vibrato::test {
namespace {

// Keeps the responders of /late until the test or the committer thread takes them.
class Responders {
 public:
  void add(api::ResponderPtr responder) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(responder));
    changed_.notify_all();
  }
  // Waits until `count` are there, and takes all.
  std::vector<api::ResponderPtr> take(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_.size() >= count || ended_; });
    return std::exchange(waiting_, {});
  }
  void end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<api::ResponderPtr> waiting_;
  bool ended_ = false;
};

class LateAnswers : public ::testing::Test {
 protected:
  void start(server::HttpServerOptions options = {}) {
    options.port = 0;
    options.threads = 2;
    api::RouteTable routes(api::Surface::kDatabase);
    routes.add({.method = api::Method::kPost,
                .pattern = "/late",
                .async_handler = [this](const api::Request& request, api::ResponderPtr responder) {
                  EXPECT_EQ(request.client_address, "127.0.0.1");
                  responders_->add(std::move(responder));
                  return ok_status();
                }});
    routes.add({.pattern = "/now", .handler = [](const api::Request&, api::Reply& reply) {
                  reply.body = "now";
                  return ok_status();
                }});
    auto started = server::HttpServer::start(options, std::move(routes), clock_, logger_);
    ASSERT_TRUE(started.ok()) << started.status().message();
    server_ = std::move(started).value();
  }

  static void answer(const api::ResponderPtr& responder, std::string body) {
    api::Reply reply;
    reply.body = std::move(body);
    responder->answer(ok_status(), std::move(reply));
  }

  SystemClock clock_;
  Logger logger_{LogLevel::kOff};
  std::shared_ptr<Responders> responders_ = std::make_shared<Responders>();
  std::unique_ptr<server::HttpServer> server_;
};

TEST_F(LateAnswers, come_from_another_thread_while_others_are_served) {
  start();
  HttpClient waits(server_->port());
  HttpClient same_loop_a(server_->port());
  HttpClient same_loop_b(server_->port());
  ASSERT_TRUE(waits.send(post_json("/late", "{}") + get("/now")));
  const auto responders = responders_->take(1);
  EXPECT_EQ(same_loop_a.request(get("/now"))->body, "now") << "the loops are not blocked";
  EXPECT_EQ(same_loop_b.request(get("/now"))->body, "now");
  std::thread([&] { answer(responders[0], "late"); }).join();
  EXPECT_EQ(waits.read_answer()->body, "late");
  EXPECT_EQ(waits.read_answer()->body, "now") << "pipelined requests stay in order";
}

TEST_F(LateAnswers, that_do_not_come_are_408_and_the_connection_goes_on) {
  server::HttpServerOptions options;
  options.request_timeout_ms = 100;
  start(options);
  HttpClient client(server_->port());
  const auto timed_out = client.request(post_json("/late", "{}"));
  ASSERT_TRUE(timed_out.has_value());
  EXPECT_EQ(timed_out->status, 408);
  answer(responders_->take(1)[0], "too late");
  EXPECT_EQ(client.request(get("/now"))->body, "now");
}

TEST_F(LateAnswers, for_clients_that_are_gone_hurt_nobody) {
  start();
  constexpr std::size_t kClients = 50;
  for (std::size_t i = 0; i < kClients; ++i) {
    HttpClient client(server_->port());
    ASSERT_TRUE(client.send(post_json("/late", "{}")));
    if (i % 2 == 0) client.half_close();
  }
  auto responders = responders_->take(kClients);
  for (std::size_t i = 0; i < kClients / 2; ++i) answer(responders[i], "to nobody");
  responders.clear();
  HttpClient client(server_->port());
  EXPECT_EQ(client.request(get("/now"))->body, "now");
}

TEST_F(LateAnswers, are_waited_for_when_the_server_stops) {
  start();
  HttpClient client(server_->port());
  ASSERT_TRUE(client.send(post_json("/late", "{}")));
  const auto responders = responders_->take(1);
  HttpClient witness(server_->port());
  ASSERT_TRUE(witness.request(get("/now")).has_value());
  auto stopped = std::async(std::launch::async, [&] { return server_->stop(); });
  EXPECT_TRUE(witness.ended()) << "the server is stopping now";
  answer(responders[0], "at last");
  const auto answered = client.read_answer();
  ASSERT_TRUE(answered.has_value());
  EXPECT_EQ(answered->body, "at last");
  EXPECT_EQ(answered->header("connection"), "close");
  client.close();
  EXPECT_TRUE(stopped.get());
}

TEST_F(LateAnswers, are_not_waited_for_by_a_stop_if_there_is_another_answer) {
  start();
  HttpClient client(server_->port());
  ASSERT_TRUE(client.send(post_json("/late", "{}")));
  const auto responders = responders_->take(1);
  api::Reply running;
  running.status = 202;
  responders[0]->set_deadline_reply(std::move(running));
  EXPECT_TRUE(server_->stop()) << "nothing was cut off";
  const auto answered = client.read_answer();
  ASSERT_TRUE(answered.has_value());
  EXPECT_EQ(answered->status, 202);
}

TEST_F(LateAnswers, for_clients_that_are_gone_do_not_hold_up_a_stop) {
  server::HttpServerOptions options;
  options.stop_timeout_ms = 20'000;
  start(options);
  auto client = std::make_unique<HttpClient>(server_->port());
  ASSERT_TRUE(client->send(post_json("/late", "{}")));
  const auto responders = responders_->take(1);
  client.reset();
  EXPECT_TRUE(server_->stop()) << "nothing had to be cut off: nobody was waited for";
}

TEST_F(LateAnswers, reach_a_half_closed_client_while_the_server_stops) {
  start();
  HttpClient client(server_->port());
  ASSERT_TRUE(client.send(post_json("/late", "{}")));
  client.half_close();
  const auto responders = responders_->take(1);
  HttpClient witness(server_->port());
  ASSERT_TRUE(witness.request(get("/now")).has_value());
  auto stopped = std::async(std::launch::async, [&] { return server_->stop(); });
  EXPECT_TRUE(witness.ended()) << "the server is stopping now";
  answer(responders[0], "at last");
  const auto answered = client.read_answer();
  ASSERT_TRUE(answered.has_value());
  EXPECT_EQ(answered->body, "at last");
  client.close();
  EXPECT_TRUE(stopped.get());
}

TEST_F(LateAnswers, that_miss_the_end_of_the_server_lead_nowhere) {
  server::HttpServerOptions options;
  options.stop_timeout_ms = 100;
  start(options);
  HttpClient client(server_->port());
  ASSERT_TRUE(client.send(post_json("/late", "{}")));
  const auto responders = responders_->take(1);
  EXPECT_FALSE(server_->stop()) << "one was cut off";
  EXPECT_FALSE(client.read_answer().has_value());
  server_.reset();
  answer(responders[0], "to nobody");
}

// As a committer does it: many requests of many connections answered in groups.
TEST_F(LateAnswers, of_many_clients_reach_the_right_ones) {
  start();
  constexpr int kClients = 16;
  constexpr int kRequests = 200;
  std::atomic<std::uint64_t> groups = 0;
  std::thread committer([&] {
    for (;;) {
      const auto group = responders_->take(1);
      if (group.empty()) return;
      ++groups;
      for (const api::ResponderPtr& responder : group) answer(responder, "done");
    }
  });
  std::atomic<int> wrong = 0;
  std::vector<std::thread> clients;
  for (int c = 0; c < kClients; ++c) {
    clients.emplace_back([&, c] {
      HttpClient client(server_->port());
      for (int i = 0; i < kRequests; ++i) {
        const std::string id = std::to_string(c) + "-" + std::to_string(i);
        const auto answered = client.request(post_json("/late", "{}", "x-request-id: " + id + "\r\n"));
        const bool right = answered.has_value() && answered->body == "done" && answered->header("x-request-id") == id;
        wrong += right ? 0 : 1;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  responders_->end();
  committer.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(groups, 0U);
}

}  // namespace
}  // namespace vibrato::test
