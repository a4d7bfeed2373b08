// An export whose client reads slowly, while its collection changes, goes, or the server stops: what it gives is every
// point of its beginning exactly once, or it is cut off. Never a short file that looks whole.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <fmt/format.h>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/limits.hpp"
#include "support/database_api.hpp"

namespace vibrato::api {
namespace {

using nlohmann::json;

constexpr int kExportedPoints = 2000;
constexpr std::size_t kTextBytes = 1000;  // Of a point: they take several pieces.

// A client that takes a piece when it is told to.
class SlowClient final : public Responder, public std::enable_shared_from_this<SlowClient> {
 public:
  void answer(const Status& status, Reply&& /*reply*/) override {
    set([&] {
      refused_ = status;
      has_ended_ = true;
    });
  }
  [[nodiscard]] ReplyStreamPtr begin_stream(Reply&& /*reply*/) override {
    return std::make_shared<Stream>(shared_from_this());
  }
  [[nodiscard]] std::int64_t deadline_ns() const override { return INT64_MAX; }
  void set_deadline_reply(Reply&& /*reply*/) override {}

  // Waits until the next piece is there, or all.
  void wait_for_piece() {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds(60), [this] { return next_ || has_ended_; }));
  }
  // Makes room for the next piece. False at the end.
  bool go_on() {
    wait_for_piece();
    std::function<void()> next;
    {
      const std::lock_guard lock(mutex_);
      next = std::exchange(next_, nullptr);
    }
    if (!next) return false;
    next();
    return true;
  }
  void leave() {
    set([&] { is_gone_ = true; });
  }
  std::vector<json> lines() {
    const std::lock_guard lock(mutex_);
    std::vector<json> found;
    std::istringstream text(text_);
    for (std::string line; std::getline(text, line);) found.push_back(json::parse(line));
    return found;
  }
  bool is_whole() {
    const std::lock_guard lock(mutex_);
    return has_ended_ && !is_cut_off_ && refused_.ok();
  }
  // Ok once the answer has begun.
  Status refused() {
    const std::lock_guard lock(mutex_);
    return refused_;
  }
  bool is_cut_off() {
    const std::lock_guard lock(mutex_);
    return is_cut_off_;
  }

 private:
  class Stream final : public ReplyStream {
   public:
    explicit Stream(std::shared_ptr<SlowClient> to) : to_(std::move(to)) {}
    ~Stream() override { Stream::cut_off(); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    bool write(std::string&& bytes) override {
      bool reads = false;
      to_->set([&] {
        to_->text_ += bytes;
        reads = !to_->is_gone_;
      });
      return reads;
    }
    void when_room(std::function<void()> then) override {
      to_->set([&] { to_->next_ = std::move(then); });
    }
    void finish() override {
      to_->set([&] { to_->has_ended_ = true; });
    }
    void cut_off() override {
      to_->set([&] { to_->is_cut_off_ = !std::exchange(to_->has_ended_, true) || to_->is_cut_off_; });
    }

   private:
    const std::shared_ptr<SlowClient> to_;
  };

  void set(const std::function<void()>& change) {
    const std::lock_guard lock(mutex_);
    change();
    changed_.notify_all();
  }

  std::mutex mutex_;  // Guards the members below.
  std::condition_variable changed_;
  Status refused_;
  std::string text_;
  std::function<void()> next_;
  bool is_gone_ = false;
  bool has_ended_ = false;
  bool is_cut_off_ = false;
};
using SlowClientPtr = std::shared_ptr<SlowClient>;

class ExportStreamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    create();
    json items = json::array();
    for (int id = 0; id < kExportedPoints; ++id) {
      items.push_back({{"id", id}, {"vector", {id, 0}}, {"meta", {{"t", text_of(id)}}}});
    }
    ASSERT_EQ(api_.post("/v1/vector/c/upsert_batch", json{{"items", items}}.dump()).status, 200);
  }
  void create() { ASSERT_EQ(api_.post("/v1/vector/c", R"({"dim":2,"metric":"l2"})").status, 200); }
  static std::string text_of(int id) { return fmt::format("text {:04}", id) + std::string(kTextBytes, 't'); }
  Status start(const SlowClientPtr& client) {
    RouteMatch match;
    api_.table().match(Method::kGet, "/v1/vector/c/export", match);
    Request request;
    request.method = Method::kGet;
    request.path = "/v1/vector/c/export";
    request.path_parameters = match.parameters;
    request.request_id = "test-1";
    return match.route->async_handler(request, client);
  }
  // Its first piece is there.
  SlowClientPtr started() {
    const auto client = std::make_shared<SlowClient>();
    EXPECT_OK(start(client));
    client->wait_for_piece();
    const std::size_t first = client->lines().size();
    EXPECT_GT(first, 0U);
    EXPECT_LT(first, kExportedPoints / 2);
    return client;
  }
  static void read_all(const SlowClientPtr& client) {
    while (client->go_on()) {
    }
  }
  // All points as they were put first, in order.
  static void expect_whole(const SlowClientPtr& client) {
    EXPECT_TRUE(client->is_whole());
    const std::vector<json> lines = client->lines();
    ASSERT_EQ(lines.size(), static_cast<std::size_t>(kExportedPoints));
    for (int id = 0; id < kExportedPoints; ++id) {
      ASSERT_EQ(lines[static_cast<std::size_t>(id)],
                (json{{"id", id}, {"vector", {id, 0}}, {"meta", {{"t", text_of(id)}}}}));
    }
  }

  test::DatabaseApi api_;
};

TEST_F(ExportStreamTest, has_every_point_once_while_points_are_deleted_and_merged) {
  const SlowClientPtr from_memory = started();
  ASSERT_EQ(api_.post("/v1/admin/checkpoint", "").status, 200);
  const SlowClientPtr from_file = started();
  ASSERT_EQ(api_.post("/v1/vector/c/delete_by_filter", R"({"filter":{"key":"t","match":{"prefix":"text 0"}}})")
                .body["deleted"],
            1000);
  ASSERT_EQ(api_.post("/v1/vector/c/upsert", R"({"id":5,"vector":[1,1]})").status, 200);
  ASSERT_EQ(api_.post("/v1/vector/c/upsert", R"({"id":1500,"vector":[1,1]})").status, 200);
  from_memory->go_on();
  ASSERT_EQ(api_.post("/v1/vector/c/optimize", "").status, 200);
  ASSERT_EQ(api_.get("/v1/vector/c").body["segments"], 1);
  const SlowClientPtr later = started();
  for (const SlowClientPtr& client : {from_memory, from_file, later}) {
    read_all(client);
  }
  expect_whole(from_memory);
  expect_whole(from_file);
  EXPECT_EQ(later->lines().size(), 1001U);
}

TEST_F(ExportStreamTest, of_a_collection_that_is_dropped_is_that_of_its_beginning) {
  ASSERT_EQ(api_.post("/v1/admin/checkpoint", "").status, 200);
  const SlowClientPtr client = started();
  ASSERT_EQ(api_.del("/v1/vector/c").status, 200);
  create();
  ASSERT_EQ(api_.post("/v1/vector/c/upsert", R"({"id":5,"vector":[1,1]})").status, 200);
  ASSERT_EQ(api_.post("/v1/admin/checkpoint", "").status, 200);
  ASSERT_EQ(api_.post("/v1/admin/compact", "").status, 200);
  read_all(client);
  expect_whole(client);
}

TEST_F(ExportStreamTest, that_the_server_stops_is_cut_off) {
  const SlowClientPtr client = started();
  api_.database().stop();
  read_all(client);
  EXPECT_TRUE(client->is_cut_off());
}

TEST_F(ExportStreamTest, that_meets_damage_is_refused_or_cut_off_behind_the_error) {
  ASSERT_EQ(api_.post("/v1/admin/checkpoint", "").status, 200);
  {
    const auto part = (*api_.database().vectors().find("c"))->latest_version()->sealed.front();
    const std::string text = text_of(kExportedPoints - 1);
    const auto bytes = part->rows().file().map().bytes();
    const auto found = std::search(bytes.begin(), bytes.end(), reinterpret_cast<const std::byte*>(text.data()),
                                   reinterpret_cast<const std::byte*>(text.data() + text.size()));
    ASSERT_NE(found, bytes.end());
    api_.overwrite(part->entry().file, static_cast<std::uint64_t>(found - bytes.begin()) + 100, "X");
  }
  api_.restart();
  const auto client = std::make_shared<SlowClient>();
  ASSERT_OK(start(client));
  read_all(client);
  EXPECT_FALSE(client->is_whole());
  if (!client->refused().ok()) {
    EXPECT_CODE(client->refused(), ErrorCode::kUnavailable);
    return;
  }
  EXPECT_TRUE(client->is_cut_off());
  const std::vector<json> lines = client->lines();
  ASSERT_LT(lines.size(), static_cast<std::size_t>(kExportedPoints));
  ASSERT_TRUE(lines.back().contains("error")) << lines.back();
  EXPECT_EQ(lines.back()["error"], "unavailable");
  EXPECT_EQ(lines.back()["request_id"], "test-1");
}

TEST_F(ExportStreamTest, so_many_run_at_a_time_and_no_more) {
  std::vector<SlowClientPtr> clients;
  for (std::uint32_t i = 0; i < limits::kExportsMax; ++i) {
    clients.push_back(started());
  }
  EXPECT_CODE(start(std::make_shared<SlowClient>()), ErrorCode::kOverloaded);
  // One that is read to its end makes room, and so does one whose client goes.
  read_all(clients[0]);
  expect_whole(clients[0]);
  clients[0] = started();
  EXPECT_CODE(start(std::make_shared<SlowClient>()), ErrorCode::kOverloaded);
  clients[1]->leave();
  read_all(clients[1]);
  EXPECT_TRUE(clients[1]->is_cut_off());
  clients[1] = started();
  for (const SlowClientPtr& client : clients) {
    client->leave();
    read_all(client);
  }
}

}  // namespace
}  // namespace vibrato::api
