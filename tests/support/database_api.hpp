// The routes of the database over a real one in a temporary folder, called as the server calls them, without sockets.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/database_api.hpp"
#include "api/errors.hpp"
#include "api/uri.hpp"
#include "base/clock.hpp"
#include "base/logging.hpp"
#include "base/metrics.hpp"
#include "engine/database.hpp"
#include "io/faulty_file_system.hpp"
#include "io/real_file_system.hpp"
#include "support/status_matchers.hpp"
#include "support/temp_directory.hpp"

namespace vibrato::test {

// A body that is there already, in pieces.
class MadeBodyStream final : public api::BodyStream {
 public:
  explicit MadeBodyStream(std::string body, std::size_t piece = 1000) : body_(std::move(body)), piece_(piece) {}
  [[nodiscard]] Status read(std::string& bytes) override {
    bytes = body_.substr(read_, piece_);
    read_ += bytes.size();
    return bytes.empty() ? end_ : ok_status();
  }
  [[nodiscard]] Status check() const override { return ok_status(); }
  // What comes behind the bytes in place of the end.
  void set_end(Status end) { end_ = std::move(end); }

 private:
  std::string body_;
  std::size_t piece_;
  std::size_t read_ = 0;
  Status end_;
};

// Waits for an answer as a session does.
class WaitingResponder final : public api::Responder, public std::enable_shared_from_this<WaitingResponder> {
 public:
  struct Content {
    Status status;
    api::Reply reply;
    int answers = 0;
    std::optional<api::Reply> deadline_reply;
  };
  // What handlers and their threads hold: it says when the last of them let go without an answer.
  static api::ResponderPtr make(std::shared_ptr<WaitingResponder>& waiting, std::int64_t deadline_ns) {
    waiting = std::make_shared<WaitingResponder>();
    waiting->deadline_ns_ = deadline_ns;
    return waiting;
  }

  void answer(const Status& status, api::Reply&& reply) override {
    const std::lock_guard lock(mutex_);
    if (content_.answers++ == 0) {
      content_.status = status;
      content_.reply = std::move(reply);
    }
    changed_.notify_all();
  }
  // The pieces are gathered into the body of the reply; it is answered when the stream ends. One that is cut off has
  // the header "cut-off".
  [[nodiscard]] api::ReplyStreamPtr begin_stream(api::Reply&& reply) override {
    return std::make_shared<Stream>(shared_from_this(), std::move(reply));
  }
  [[nodiscard]] std::int64_t deadline_ns() const override { return deadline_ns_; }
  void set_deadline_reply(api::Reply&& reply) override {
    const std::lock_guard lock(mutex_);
    content_.deadline_reply = std::move(reply);
    changed_.notify_all();
  }

  [[nodiscard]] std::optional<api::Reply> deadline_reply() {
    const std::lock_guard lock(mutex_);
    return content_.deadline_reply;
  }
  // Nothing if no answer comes.
  std::optional<Content> wait() {
    std::unique_lock lock(mutex_);
    constexpr std::chrono::seconds kPatience(60);
    if (!changed_.wait_for(lock, kPatience, [this] { return content_.answers > 0; })) {
      return std::nullopt;
    }
    return content_;
  }

 private:
  class Stream final : public api::ReplyStream {
   public:
    Stream(std::shared_ptr<WaitingResponder> to, api::Reply&& reply) : to_(std::move(to)), reply_(std::move(reply)) {}
    ~Stream() override { Stream::cut_off(); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    bool write(std::string&& bytes) override {
      reply_.body += bytes;
      return true;
    }
    void when_room(std::function<void()> then) override { then(); }
    void finish() override { end(); }
    void cut_off() override {
      if (to_ != nullptr) reply_.headers.emplace_back("cut-off", "yes");
      end();
    }

   private:
    void end() {
      if (const auto to = std::exchange(to_, nullptr); to != nullptr) to->answer(ok_status(), std::move(reply_));
    }
    std::shared_ptr<WaitingResponder> to_;
    api::Reply reply_;
  };

  std::int64_t deadline_ns_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  Content content_;
};

struct ApiAnswer {
  int status = 0;
  nlohmann::json body;  // Null for what is no JSON.
  std::string text;
  std::vector<std::pair<std::string, std::string>> headers;

  [[nodiscard]] std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (api::equals_ignoring_case(key, name)) return value;
    }
    return {};
  }
};

using Headers = std::vector<std::pair<std::string, std::string>>;

class DatabaseApi {
 public:
  // `tune` changes the options that the database is opened with, each time.
  using Tune = std::function<void(engine::DatabaseOptions&)>;
  explicit DatabaseApi(api::DatabaseApiOptions options = {.no_auth = true}, Tune tune = {})
      : options_(std::move(options)), tune_(std::move(tune)) {
    open();
  }
  ~DatabaseApi() { close(); }
  DatabaseApi(const DatabaseApi&) = delete;
  DatabaseApi& operator=(const DatabaseApi&) = delete;

  // Stops the database and opens it again, as a restart does.
  void restart() {
    close();
    open();
  }
  // The same up to where a server listens: what is in the log comes with database().start().
  void restart_without_recovery() {
    close();
    open(false);
  }

  [[nodiscard]] engine::Database& database() { return *database_; }
  [[nodiscard]] const api::RouteTable& table() const { return *table_; }
  [[nodiscard]] MetricsRegistry& metrics() { return *metrics_; }
  [[nodiscard]] std::uint64_t lsn() { return database_->visible_lsn().value(); }

  // The steps of a server, in its order. `target` has the query string; a body brings its Content-Type.
  ApiAnswer call(api::Method method, const std::string& target, const std::string& body = {}, Headers headers = {}) {
    if (!body.empty() && !has(headers, "Content-Type")) {
      headers.emplace_back("Content-Type", "application/json");
    }
    return call_with(method, target, body, headers);
  }
  ApiAnswer post(const std::string& target, const std::string& body, Headers headers = {}) {
    return call(api::Method::kPost, target, body, std::move(headers));
  }
  ApiAnswer get(const std::string& target, Headers headers = {}) {
    return call(api::Method::kGet, target, {}, std::move(headers));
  }
  ApiAnswer del(const std::string& target, Headers headers = {}) {
    return call(api::Method::kDelete, target, {}, std::move(headers));
  }

  // Bytes of a file of the data folder.
  void overwrite(const std::string& file, std::uint64_t offset, std::string_view bytes) {
    const auto opened = fs_.open(folder_.path("data") + "/" + file, io::OpenMode::kReadWrite);
    ASSERT_OK(opened);
    ASSERT_OK((*opened)->write_at(offset, std::as_bytes(std::span(bytes.data(), bytes.size()))));
  }

  // What its disk fails to do from now on.
  [[nodiscard]] io::FaultyFileSystem& faults() { return fs_; }

  // Deadline of the next calls from now, in milliseconds of the real clock.
  void set_timeout_ms(std::int64_t timeout_ms) { timeout_ms_ = timeout_ms; }

 private:
  static bool has(const Headers& headers, std::string_view name) {
    for (const auto& [key, value] : headers) {
      if (api::equals_ignoring_case(key, name)) return true;
    }
    return false;
  }

  ApiAnswer call_with(api::Method method, const std::string& target, const std::string& body, const Headers& headers) {
    std::vector<api::HeaderField> fields;
    for (const auto& [name, value] : headers) {
      fields.push_back({name, value});
    }
    const std::string storage = body + std::string(api::kBodyPadding, '#');
    const api::Target parts = api::split_target(target);
    api::Request request;
    request.method = method;
    request.path = parts.path;
    request.request_id = "test-1";
    request.client_address = "127.0.0.1";
    request.headers = fields;
    request.body = std::string_view(storage).substr(0, body.size());
    api::RouteMatch match;
    table_->match(method, parts.path, match);
    std::vector<api::Parameter> query;
    api::Reply reply;
    Status status = match.error;
    if (match.route != nullptr) {
      request.path_parameters = match.parameters;
      status = run(*match.route, parts.query, request, query, reply);
    }
    if (!status.ok()) {
      table_->write_error(status, parts.path, request.request_id, reply);
    }
    return to_answer(reply);
  }

  Status run(const api::Route& route, std::string_view query_text, api::Request& request,
             std::vector<api::Parameter>& query, api::Reply& reply) {
    VIBRATO_RETURN_IF_ERROR(table_->authorize(request, route, reply));
    VIBRATO_RETURN_IF_ERROR(api::parse_query(query_text, query));
    request.query_parameters = query;
    VIBRATO_RETURN_IF_ERROR(table_->check_form(request, route));
    if (route.body == api::BodyKind::kStream) {
      request.body_stream = std::make_shared<MadeBodyStream>(std::string(request.body));
    }
    if (route.handler) {
      return route.handler(request, reply);
    }
    std::shared_ptr<WaitingResponder> waiting;
    Status status =
        route.async_handler(request, WaitingResponder::make(waiting, clock_.monotonic_ns() + timeout_ms_ * 1'000'000));
    VIBRATO_RETURN_IF_ERROR(status);
    std::optional<WaitingResponder::Content> content = waiting->wait();
    EXPECT_TRUE(content.has_value()) << "no answer came from " << route.pattern;
    if (!content.has_value()) {
      return {ErrorCode::kTimeout, "no answer"};
    }
    EXPECT_EQ(content->answers, 1) << route.pattern;
    reply = std::move(content->reply);
    return content->status;
  }

  static ApiAnswer to_answer(api::Reply& reply) {
    ApiAnswer answer;
    answer.status = reply.status;
    answer.text = reply.body;
    if (reply.content_type == api::Reply::kJson) {
      answer.body = nlohmann::json::parse(reply.body, nullptr, false);
      EXPECT_FALSE(answer.body.is_discarded()) << reply.body;
    }
    for (auto& [name, value] : reply.headers) {
      answer.headers.emplace_back(name, value);
    }
    return answer;
  }

  void open(bool recover = true) {
    metrics_ = std::make_unique<MetricsRegistry>();
    engine::DatabaseOptions options;
    options.data_folder = folder_.path("data");
    options.disk_reserve_bytes = 0;
    options.wal_segment_bytes = 1 << 20;
    options.query_threads = 2;
    options.checkpoint_interval_secs = 3600;
    options.compaction_interval_secs = 3600;
    if (tune_) {
      tune_(options);
    }
    auto opened = engine::Database::open(fs_, options, clock_, logger_, *metrics_);
    ASSERT_OK(opened);
    database_ = std::move(opened).value();
    if (recover) {
      ASSERT_OK(database_->start());
    }
    table_ = std::make_unique<api::RouteTable>(api::make_database_routes(*database_, *metrics_, clock_, options_));
  }
  void close() {
    table_.reset();
    if (database_ != nullptr) {
      database_->stop();
    }
    database_.reset();
  }

  api::DatabaseApiOptions options_;
  Tune tune_;
  TempDirectory folder_;
  io::RealFileSystem disk_;
  io::FaultyFileSystem fs_{disk_};
  SystemClock clock_;
  Logger logger_{LogLevel::kOff};
  std::int64_t timeout_ms_ = 30'000;
  std::unique_ptr<MetricsRegistry> metrics_;
  std::unique_ptr<engine::Database> database_;
  std::unique_ptr<api::RouteTable> table_;
};

}  // namespace vibrato::test
