// A server of the `serve` routes over a made backend, on a free port of the loopback interface.
#pragma once

#include <condition_variable>
#include <gtest/gtest.h>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/serve_api.hpp"
#include "base/clock.hpp"
#include "base/logging.hpp"
#include "server/http_server.hpp"
#include "support/http_client.hpp"
#include "support/made_serve_backend.hpp"

namespace vibrato::test {

// A door that a handler waits at until the test opens it.
class Door {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    waiting_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }
  void wait_until_somebody_waits() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  bool waiting_ = false;
};

class TestServer {
 public:
  explicit TestServer(server::HttpServerOptions options = {}, api::ServeApiOptions api_options = {}) {
    options.port = 0;
    options.threads = options.threads == 0 ? 2 : options.threads;
    options.on_request = [this](const server::RequestRecord& record) {
      const std::lock_guard lock(mutex_);
      records_.push_back(std::string(record.pattern) + " " + std::to_string(record.status));
    };
    api::RouteTable routes = api::make_serve_routes(backend_, clock_, api_options);
    routes.add({.pattern = "/door", .handler = [this](const api::Request&, api::Reply& reply) {
                  door_.pass();
                  reply.body = R"({"passed":true})";
                  return ok_status();
                }});
    routes.add({.pattern = "/megabytes", .handler = [](const api::Request&, api::Reply& reply) {
                  reply.body.assign(32 << 20, 'x');
                  return ok_status();
                }});
    routes.add({.pattern = "/thread", .handler = [](const api::Request&, api::Reply& reply) {
                  reply.body = std::to_string(::gettid());
                  return ok_status();
                }});
    routes.add({.pattern = "/follow",
                .has_endless_answer = true,
                .async_handler = [this](const api::Request&, const api::ResponderPtr& responder) {
                  const std::lock_guard lock(mutex_);
                  followed_ = responder->begin_stream({});
                  return ok_status();
                }});
    routes.add({.pattern = "/admin", .role = api::Role::kAdmin, .handler = [](const api::Request&, api::Reply&) {
                  return ok_status();
                }});
    routes.set_authorizer([](const api::Request&, const api::Route& route, api::Reply&) {
      return route.role == api::Role::kAdmin ? Status(ErrorCode::kUnauthenticated, "a key is needed") : ok_status();
    });
    auto started = server::HttpServer::start(std::move(options), std::move(routes), clock_, logger_);
    EXPECT_TRUE(started.ok()) << started.status().message();
    server_ = std::move(started).value();
  }

  [[nodiscard]] std::uint16_t port() const { return server_->port(); }
  [[nodiscard]] server::HttpServer& server() { return *server_; }
  [[nodiscard]] MadeServeBackend& backend() { return *backend_; }
  [[nodiscard]] Door& door() { return door_; }
  // Where the answer to the last request for "/follow" is written; null before.
  [[nodiscard]] api::ReplyStreamPtr followed() {
    const std::lock_guard lock(mutex_);
    return followed_;
  }
  [[nodiscard]] std::vector<std::string> warnings() {
    const std::lock_guard lock(mutex_);
    return warnings_;
  }
  [[nodiscard]] std::vector<std::string> records() {
    const std::lock_guard lock(mutex_);
    return records_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> warnings_;
  SystemClock clock_;
  Logger logger_{LogLevel::kWarning, [this](LogLevel, std::string_view line) {
                   const std::lock_guard lock(mutex_);
                   warnings_.emplace_back(line);
                 }};
  Door door_;
  std::shared_ptr<MadeServeBackend> backend_ = std::make_shared<MadeServeBackend>(2, 100'000);
  std::vector<std::string> records_;
  api::ReplyStreamPtr followed_;
  std::unique_ptr<server::HttpServer> server_;
};

}  // namespace vibrato::test
