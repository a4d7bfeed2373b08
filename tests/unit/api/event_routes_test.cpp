// GET /v1/stream and its alias, POST /v1/events: over a real database, without sockets.
#include <chrono>
#include <condition_variable>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "api/uri.hpp"
#include "auth/key_manager.hpp"
#include "auth/principal.hpp"
#include "base/limits.hpp"
#include "events/event_hub.hpp"
#include "support/database_api.hpp"

namespace vibrato::api {
namespace {

using nlohmann::json;
using test::ApiAnswer;
using test::Headers;

// A client that takes all that comes.
class StreamClient final : public Responder, public std::enable_shared_from_this<StreamClient> {
 public:
  void answer(const Status& status, Reply&& /*reply*/) override {
    set([&] { refused_ = status; });
  }
  [[nodiscard]] ReplyStreamPtr begin_stream(Reply&& reply) override {
    set([&] { content_type_ = reply.content_type; });
    return std::make_shared<Stream>(shared_from_this());
  }
  [[nodiscard]] std::int64_t deadline_ns() const override { return INT64_MAX; }
  void set_deadline_reply(Reply&& /*reply*/) override {}

  // All that has come once `count` events have, or the stream has ended.
  std::string wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(
        changed_.wait_for(lock, std::chrono::seconds(30), [&] { return count_events() >= count || has_ended_; }));
    return text_;
  }
  // The data of the events, in order.
  std::vector<json> events(std::size_t count) {
    const std::string text = wait_for(count);
    std::vector<json> found;
    for (std::size_t at = text.find("\ndata: "); at != std::string::npos; at = text.find("\ndata: ", at + 1)) {
      found.push_back(json::parse(text.substr(at + 7, text.find('\n', at + 7) - at - 7)));
    }
    EXPECT_EQ(found.size(), count) << text;
    found.resize(count);
    return found;
  }
  [[nodiscard]] std::string content_type() {
    const std::lock_guard lock(mutex_);
    return content_type_;
  }
  [[nodiscard]] bool has_ended() {
    const std::lock_guard lock(mutex_);
    return has_ended_;
  }
  void leave() {
    set([&] { has_left_ = true; });
  }

 private:
  class Stream final : public ReplyStream {
   public:
    explicit Stream(std::shared_ptr<StreamClient> to) : to_(std::move(to)) {}
    ~Stream() override { Stream::finish(); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    bool write(std::string&& bytes) override {
      bool reads = true;
      to_->set([&] {
        to_->text_ += bytes;
        reads = !to_->has_left_;
      });
      return reads;
    }
    void when_room(std::function<void()> then) override { then(); }
    void finish() override {
      to_->set([&] { to_->has_ended_ = true; });
    }
    void cut_off() override { finish(); }

   private:
    const std::shared_ptr<StreamClient> to_;
  };

  [[nodiscard]] std::size_t count_events() const {
    std::size_t count = 0;
    for (std::size_t at = text_.find("event: "); at != std::string::npos; at = text_.find("event: ", at + 1)) ++count;
    return count;
  }
  void set(const std::function<void()>& change) {
    const std::lock_guard lock(mutex_);
    change();
    changed_.notify_all();
  }

  std::mutex mutex_;  // Guards the members below.
  std::condition_variable changed_;
  Status refused_;
  std::string content_type_;
  std::string text_;
  bool has_ended_ = false;
  bool has_left_ = false;
};
using StreamClientPtr = std::shared_ptr<StreamClient>;

class EventRoutesTest : public ::testing::Test {
 protected:
  StreamClientPtr open(const std::string& target, const Headers& headers = {},
                       std::shared_ptr<const auth::Principal> principal = nullptr, Method method = Method::kGet) {
    const Target parts = split_target(target);
    std::vector<HeaderField> fields;
    for (const auto& [name, value] : headers) fields.push_back({name, value});
    std::vector<Parameter> query;
    EXPECT_OK(parse_query(parts.query, query));
    RouteMatch match;
    api_.table().match(Method::kGet, parts.path, match);
    Request request;
    request.method = method;
    request.path = parts.path;
    request.headers = fields;
    request.query_parameters = query;
    request.principal = std::move(principal);
    const auto client = std::make_shared<StreamClient>();
    EXPECT_OK(api_.table().check_form(request, *match.route));
    status_ = match.route->async_handler(request, client);
    return client;
  }
  std::uint64_t append(const std::string& type, const json& data) {
    const ApiAnswer answer = api_.post("/v1/events", json{{"type", type}, {"data", data}}.dump());
    EXPECT_EQ(answer.status, 200) << answer.text;
    EXPECT_EQ(answer.body["offset"], answer.body["lsn"]);
    return answer.body["offset"];
  }
  void create(const std::string& name) {
    ASSERT_EQ(api_.post("/v1/vector/" + name, R"({"dim":2,"metric":"dot"})").status, 200);
  }
  void upsert(const std::string& name, int id) {
    ASSERT_EQ(api_.post("/v1/vector/" + name + "/upsert", fmt::format(R"({{"id":{},"vector":[1,0.5]}})", id)).status,
              200);
  }
  // One that may query, as the gate leaves it in a request.
  std::shared_ptr<const auth::Principal> make_key(const std::string& name, const auth::Scope& scope = {}) {
    const auto key = api_.database().keys().create(
        {"test"}, {.name = name, .roles = auth::RoleSet{auth::Role::kQuery}, .scope = scope});
    EXPECT_OK(key);
    const auth::KeyRecord& record = key->record;
    return std::make_shared<auth::Principal>(
        auth::Principal{record.id, record.name, record.roles, record.scope, record.expires_at_ms});
  }
  // One of each of the vectors' events, and a user's.
  void write_some() {
    create("a");
    ASSERT_EQ(api_.post("/v1/vector/a/add", R"({"id":"x","vector":[0.1,2],"meta":{"n":1}})").status, 200);
    upsert("a", 7);
    ASSERT_EQ(api_.post("/v1/vector/a/update", R"({"id":7,"meta":{"m":2}})").status, 200);
    ASSERT_EQ(api_.post("/v1/vector/a/delete", R"({"id":"x"})").status, 200);
    append("song.played", {{"key", "k1"}, {"n", 1}});
    ASSERT_EQ(api_.del("/v1/vector/a").status, 200);
  }
  static std::vector<std::string> types_of(const std::vector<json>& events) {
    std::vector<std::string> types;
    for (const json& event : events) types.push_back(event.value("type", "?"));
    return types;
  }

  test::DatabaseApi api_;
  Status status_;
};

TEST_F(EventRoutesTest, every_change_is_an_event_from_the_beginning_on) {
  write_some();
  const auto client = open("/v1/stream");
  ASSERT_OK(status_);
  const std::vector<json> events = client->events(7);
  EXPECT_EQ(client->content_type(), "text/event-stream");
  EXPECT_EQ(types_of(events),
            (std::vector<std::string>{"vector_collection_created", "vector_added", "vector_upserted", "vector_updated",
                                      "vector_deleted", "song.played", "vector_collection_deleted"}));
  EXPECT_EQ(events[0]["data"], (json{{"collection", "a"}, {"dim", 2}, {"metric", "dot"}}));
  EXPECT_EQ(events[1]["data"].dump(), R"({"collection":"a","id":"x","meta":{"n":1},"vector":[0.1,2]})");
  EXPECT_EQ(events[3]["data"]["meta"], (json{{"m", 2}}));
  EXPECT_EQ(events[6]["data"], (json{{"collection", "a"}}));
  append("later", nullptr);
  EXPECT_EQ(client->events(8)[7]["data"], nullptr);
}

TEST_F(EventRoutesTest, the_bytes_are_the_same_live_replayed_after_a_checkpoint_and_after_a_restart) {
  const auto live = open("/v1/stream");
  write_some();
  const std::string text = live->wait_for(7);
  EXPECT_EQ(open("/v1/stream")->wait_for(7), text);
  ASSERT_EQ(api_.post("/v1/admin/checkpoint", "").status, 200);
  EXPECT_EQ(open("/v1/stream")->wait_for(7), text) << "the collection is out of the catalog";
  api_.restart();
  EXPECT_EQ(open("/v1/stream")->wait_for(7), text);
  create("a");
  const std::string again = open("/v1/stream")->wait_for(8);
  EXPECT_TRUE(again.starts_with(text)) << "the name is another collection's now";
}

TEST_F(EventRoutesTest, since_and_last_event_id) {
  for (int i = 1; i <= 5; ++i) append("n", i);
  EXPECT_EQ(open("/v1/stream?since=3")->events(2)[0]["data"], 4);
  EXPECT_EQ(open("/v1/stream?since=1", {{"Last-Event-ID", "4"}})->events(1)[0]["data"], 5) << "the header wins";
  EXPECT_EQ(open("/v1/stream?since=3", {{"Last-Event-ID", "abc"}})->events(2)[0]["data"], 4) << "no number";
  EXPECT_EQ(open("/v1/events?since=4")->events(1)[0]["data"], 5) << "the alias";
}

TEST_F(EventRoutesTest, filters) {
  create("a");
  create("b");
  upsert("a", 1);
  upsert("b", 2);
  append("one", {{"key", "user:1"}});
  append("two", {{"key", "song:1"}});
  EXPECT_EQ(open("/v1/stream?collection=b")->events(2)[1]["data"]["id"], 2);
  EXPECT_EQ(open("/v1/stream?key_prefix=song")->events(1)[0]["type"], "two");
  EXPECT_EQ(open("/v1/events?prefix=user")->events(1)[0]["type"], "one");
  EXPECT_EQ(types_of(open("/v1/stream?types=two,%20one")->events(2)), (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(open("/v1/stream?types=vector_upserted&collection=a")->events(1)[0]["data"]["id"], 1);
}

TEST_F(EventRoutesTest, parameters_that_make_no_sense_are_refused) {
  const auto code = [this](const std::string& target) { return api_.get(target).status; };
  EXPECT_EQ(code("/v1/stream?since=-1"), 400);
  EXPECT_EQ(code("/v1/stream?since=x"), 400);
  EXPECT_EQ(code("/v1/stream?since=18446744073709551616"), 400);
  EXPECT_EQ(code("/v1/stream?collection=a%2Fb"), 400);
  EXPECT_EQ(code("/v1/stream?collection="), 400) << "not the events of all collections";
  EXPECT_EQ(code("/v1/stream?types="), 400) << "not all types";
  EXPECT_EQ(code("/v1/stream?types=,"), 400);
  EXPECT_EQ(code("/v1/stream?types=a,"), 400);
  EXPECT_EQ(code("/v1/stream?types=a,%20,b"), 400);
  EXPECT_EQ(api_.get("/v1/stream?prefix=a").body["error"], "unknown_field");
  EXPECT_EQ(api_.get("/v1/events?key_prefix=a").body["error"], "unknown_field");
  std::string types = "a";
  for (std::size_t i = 1; i < limits::kEventTypesMax; ++i) types += ",a";
  open("/v1/stream?types=" + types);
  EXPECT_OK(status_);
  EXPECT_EQ(code("/v1/stream?types=" + types + ",a"), 400);
  open("/v1/stream?key_prefix=" + std::string(limits::kStateKeyBytesMax, 'k'));
  EXPECT_OK(status_);
  EXPECT_EQ(code("/v1/stream?key_prefix=" + std::string(limits::kStateKeyBytesMax + 1, 'k')), 400);
}

TEST_F(EventRoutesTest, a_limited_key_sees_its_collections_only) {
  create("a");
  create("b");
  append("note", {{"collection", "a"}});
  upsert("a", 1);
  upsert("b", 2);
  const auto scope = auth::Scope::only({"a"});
  ASSERT_OK(scope);
  const auto principal = make_key("limited", *scope);
  const auto client = open("/v1/stream", {}, principal);
  EXPECT_EQ(types_of(client->events(2)), (std::vector<std::string>{"vector_collection_created", "vector_upserted"}));
  open("/v1/stream?collection=b", {}, principal);
  EXPECT_CODE(status_, ErrorCode::kForbidden);
  EXPECT_EQ(open("/v1/stream?collection=a", {}, principal)->events(2)[1]["data"]["id"], 1);
}

TEST_F(EventRoutesTest, a_stream_ends_when_its_key_is_revoked_and_others_go_on) {
  const auto revoked = make_key("revoked");
  const auto kept = make_key("kept");
  const auto one = open("/v1/stream", {}, revoked);
  const auto other = open("/v1/stream", {}, kept);
  const auto silent = open("/v1/stream?types=none", {}, revoked);
  append("before", 1);
  one->events(1);
  other->events(1);
  ASSERT_OK(api_.database().keys().revoke({"test"}, revoked->key_id));
  append("after", 2);
  EXPECT_EQ(types_of(other->events(2)), (std::vector<std::string>{"before", "after"}));
  for (const StreamClientPtr& client : {one, silent}) {
    for (int i = 0; i < 500 && !client->has_ended(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_TRUE(client->has_ended());
  }
  one->events(1);
  silent->events(0);
  EXPECT_FALSE(other->has_ended());
  open("/v1/stream", {}, revoked);
  EXPECT_CODE(status_, ErrorCode::kUnauthenticated) << "revoked between the gate and the handler";
}

TEST_F(EventRoutesTest, head_gets_no_events_and_leaves_no_stream) {
  append("n", 1);
  const auto client = open("/v1/stream", {}, nullptr, Method::kHead);
  ASSERT_OK(status_);
  EXPECT_TRUE(client->has_ended());
  EXPECT_EQ(client->wait_for(0), "");
  EXPECT_EQ(api_.database().events().stats().subscribers, 0U);
}

TEST_F(EventRoutesTest, there_is_an_end_of_streams) {
  std::vector<StreamClientPtr> clients;
  for (std::uint32_t i = 0; i < limits::kSubscribersMax; ++i) {
    clients.push_back(open("/v1/stream"));
    ASSERT_OK(status_) << i;
  }
  open("/v1/stream");
  EXPECT_CODE(status_, ErrorCode::kOverloaded);
  append("n", 1);
  for (const StreamClientPtr& client : clients) client->wait_for(1);
  for (int i = 0; i < 3; ++i) clients[static_cast<std::size_t>(i)]->leave();
  for (int i = 0; i < 500 && api_.database().events().stats().subscribers > limits::kSubscribersMax - 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_EQ(api_.database().events().stats().subscribers, limits::kSubscribersMax - 3);
  api_.database().events().stop();
  for (const StreamClientPtr& client : clients) EXPECT_TRUE(client->has_ended());
}

TEST_F(EventRoutesTest, a_users_event_has_a_type_of_its_own_and_any_data) {
  const auto status = [this](const std::string& body) { return api_.post("/v1/events", body).status; };
  EXPECT_EQ(status(R"({"type":"a","data":null})"), 200);
  EXPECT_EQ(status(R"({"type":"a","data":[1,{"b":2.50}]})"), 200);
  EXPECT_EQ(status(R"({"type":"a"})"), 400);
  EXPECT_EQ(status(R"({"data":1})"), 400);
  EXPECT_EQ(status(R"({"type":7,"data":1})"), 400);
  EXPECT_EQ(status(R"({"type":"a b","data":1})"), 400);
  EXPECT_EQ(status(R"({"type":"gap","data":1})"), 400);
  EXPECT_EQ(status(R"({"type":"state_updated","data":1})"), 400);
  EXPECT_EQ(status(R"({"type":"a","data":1,"more":2})"), 400);
  EXPECT_EQ(status(R"({"type":"a","data":")" + std::string(limits::kStateValueBytesMax - 2, 'x') + R"("})"), 200);
  EXPECT_EQ(status(R"({"type":"a","data":")" + std::string(limits::kStateValueBytesMax - 1, 'x') + R"("})"), 413);
  EXPECT_EQ(api_.lsn(), 3U);
}

TEST_F(EventRoutesTest, an_idempotency_key_appends_once_and_is_no_event) {
  const Headers key = {{"Idempotency-Key", "k"}};
  const ApiAnswer first = api_.post("/v1/events", R"({"type":"a","data":1})", key);
  const ApiAnswer again = api_.post("/v1/events", R"({"type":"a","data":1})", key);
  EXPECT_EQ(first.text, again.text);
  EXPECT_EQ(first.body["offset"], 1);
  EXPECT_EQ(api_.post("/v1/events", R"({"type":"a","data":2})", key).status, 409);
  append("b", 2);
  EXPECT_EQ(types_of(open("/v1/stream")->events(2)), (std::vector<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace vibrato::api
