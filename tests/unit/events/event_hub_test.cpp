#include "events/event_hub.hpp"

#include <chrono>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "io/simulated_file_system.hpp"
#include "support/fake_clock.hpp"
#include "support/made_events.hpp"

namespace vibrato::events {
namespace {

using test::append_events;
using test::MadeReader;

class EventHubTest : public ::testing::Test {
 protected:
  EventHubTest() { open(); }

  void open() {
    hub_.reset();
    log_.reset();
    log_ = test::open_log(fs_, "/wal", test::small_log_options());
    ASSERT_NE(log_, nullptr);
    visible_.publish(log_->end().last_lsn);
    make_hub();
  }
  void make_hub() {
    hub_ = std::make_unique<EventHub>(
        log_.get(), visible_, [] { return std::map<CollectionNumber, std::string>(); }, clock_, logger_, options_);
  }
  // One event, visible and told of.
  Lsn append(const std::string& text = "1") {
    const Lsn lsn = append_events(*log_, {text});
    show(lsn);
    return lsn;
  }
  void show(Lsn lsn) {
    visible_.publish(lsn);
    hub_->on_visible(lsn);
  }
  std::shared_ptr<MadeReader> follow(Lsn since, EventFilter filter = {}, bool holds = false) {
    auto reader = std::make_shared<MadeReader>(holds);
    auto admission = hub_->admit();
    EXPECT_OK(admission);
    if (admission.ok()) {
      hub_->subscribe(*std::move(admission), since, std::move(filter), MadeReader::sink(reader));
    }
    return reader;
  }
  std::string frames(Lsn after, Lsn up_to) { return test::all_frames(*log_, after, up_to); }
  void expect_gets(const std::shared_ptr<MadeReader>& reader, const std::string& expected) {
    EXPECT_TRUE(reader->wait_for_size(expected.size()));
    EXPECT_EQ(reader->text(), expected);
  }
  static bool eventually(const std::function<bool()>& holds) {
    for (int i = 0; i < 3000; ++i) {
      if (holds()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  io::SimulatedFileSystem fs_;
  test::FakeClock clock_;
  Logger logger_{LogLevel::kOff};
  commit::VisibleLsn visible_;
  EventHub::Options options_;
  std::unique_ptr<wal::LocalLog> log_;
  std::unique_ptr<EventHub> hub_;
};

TEST_F(EventHubTest, a_stream_gets_what_was_and_what_comes) {
  append("1");
  append("2");
  const auto reader = follow(Lsn());
  expect_gets(reader, frames(Lsn(), Lsn(2)));
  for (int i = 3; i < 20; ++i) append(std::to_string(i));
  expect_gets(reader, frames(Lsn(), Lsn(19)));
  EXPECT_EQ(hub_->stats().gaps, 0U);
}

TEST_F(EventHubTest, since_is_exclusive_and_its_own_event_does_not_come_again) {
  for (int i = 0; i < 10; ++i) append();
  expect_gets(follow(Lsn(4)), frames(Lsn(4), Lsn(10)));
  expect_gets(follow(Lsn(9)), frames(Lsn(9), Lsn(10)));
}

TEST_F(EventHubTest, nothing_is_shown_before_it_is_visible) {
  const Lsn last = append_events(*log_, {"1", "2"});
  const auto reader = follow(Lsn());
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(reader->text(), "");
  show(last);
  expect_gets(reader, frames(Lsn(), last));
}

TEST_F(EventHubTest, a_since_above_the_end_waits_for_what_follows_it) {
  append();
  const auto reader = follow(Lsn(5));
  for (int i = 2; i <= 8; ++i) append();
  expect_gets(reader, frames(Lsn(5), Lsn(8)));
  EXPECT_EQ(hub_->stats().gaps, 0U);
  const auto far = follow(Lsn::max());
  append();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(far->text(), "");
}

TEST_F(EventHubTest, filters_choose_and_jumps_of_offsets_are_no_gap) {
  EventFilter filter;
  filter.key_prefix = "b";
  const auto reader = follow(Lsn(), filter);
  append(R"({"key":"a"})");
  append(R"({"key":"b1"})");
  append("1");
  const Lsn last = append(R"({"key":"b2"})");
  EXPECT_TRUE(reader->wait([](const std::string& text, bool) { return text.find("b2") != std::string::npos; }));
  EXPECT_EQ(reader->text(), frames(Lsn(1), Lsn(2)) + frames(Lsn(3), last));
}

TEST_F(EventHubTest, history_that_is_gone_is_one_gap_event_and_then_the_oldest_that_is_kept) {
  for (int i = 0; i < 100; ++i) append();
  ASSERT_OK(log_->trim(Lsn(60)));
  const Lsn oldest = log_->stats().oldest_lsn;
  ASSERT_GT(oldest, Lsn(10));
  const Lsn before(oldest.value() - 1);
  expect_gets(follow(Lsn()), gap_frame(Lsn(1), before) + frames(before, Lsn(100)));
  expect_gets(follow(Lsn(7)), gap_frame(Lsn(8), before) + frames(before, Lsn(100)));
  expect_gets(follow(before), frames(before, Lsn(100)));
  expect_gets(follow(oldest), frames(oldest, Lsn(100)));
  EXPECT_EQ(hub_->stats().gaps, 2U);
}

TEST_F(EventHubTest, a_gap_comes_whatever_the_filter) {
  for (int i = 0; i < 100; ++i) append();
  ASSERT_OK(log_->trim(Lsn(60)));
  EventFilter filter;
  filter.types = {"none"};
  expect_gets(follow(Lsn(), filter), gap_frame(Lsn(1), Lsn(log_->stats().oldest_lsn.value() - 1)));
}

TEST_F(EventHubTest, an_offset_that_the_log_took_back_is_a_gap) {
  append();
  append();
  // As after a replay to an earlier LSN: the next LSN is far above the last record.
  hub_.reset();
  log_.reset();
  fs_.restart(io::CrashMode::kKeepNone, 1);
  open();
  const Lsn before = log_->end().last_lsn;
  const Lsn next = append();
  ASSERT_GT(next.value(), before.value() + 2) << "LSNs jump over a crash";
  const Lsn taken_back(before.value() + 1);
  const Lsn last_missing(next.value() - 1);
  expect_gets(follow(taken_back), gap_frame(taken_back, last_missing) + frames(before, next));
  expect_gets(follow(last_missing), gap_frame(last_missing, last_missing) + frames(before, next));
  expect_gets(follow(before), frames(before, next));
  EXPECT_EQ(hub_->stats().gaps, 2U);
}

TEST_F(EventHubTest, a_slow_reader_goes_on_from_the_log_and_misses_nothing) {
  options_.ring_bytes_max = 4096;
  options_.piece_bytes_max = 1024;
  make_hub();
  const auto slow = follow(Lsn(), {}, true);
  const auto fast = follow(Lsn());
  for (int i = 0; i < 500; ++i) append(R"({"n":)" + std::to_string(i) + "}");
  const std::string all = frames(Lsn(), Lsn(500));
  expect_gets(fast, all);
  EXPECT_LE(hub_->stats().ring_bytes, 4096U);
  EXPECT_LT(slow->text().size(), 4096U) << "no more is on the way to one that does not read";
  for (int i = 0; i < 20; ++i) {
    slow->take_one();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  slow->let_go();
  expect_gets(slow, all);
  EXPECT_LE(slow->largest_write(), 1024U);
  EXPECT_GT(hub_->stats().replayed, 100U);
}

TEST_F(EventHubTest, an_event_that_is_longer_than_a_piece_comes_alone) {
  options_.piece_bytes_max = 256;
  make_hub();
  append("1");
  append('"' + std::string(400, 'x') + '"');
  append("2");
  expect_gets(follow(Lsn()), frames(Lsn(), Lsn(3)));
  const auto live = follow(Lsn(3));
  append('"' + std::string(400, 'y') + '"');
  append("3");
  expect_gets(live, frames(Lsn(3), Lsn(5)));
}

TEST_F(EventHubTest, a_slow_reader_behind_a_trim_gets_one_gap_where_it_was) {
  options_.ring_bytes_max = 2048;
  options_.piece_bytes_max = 300;
  make_hub();
  append("0");
  const auto slow = follow(Lsn(), {}, true);
  ASSERT_TRUE(slow->wait_for_size(1));
  const std::string first = slow->text();
  EXPECT_EQ(first, frames(Lsn(), Lsn(1)));
  for (int i = 1; i < 200; ++i) append(std::to_string(i));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  ASSERT_OK(log_->trim(Lsn(150)));
  const Lsn before(log_->stats().oldest_lsn.value() - 1);
  slow->let_go();
  expect_gets(slow, first + gap_frame(Lsn(2), before) + frames(before, Lsn(200)));
}

TEST_F(EventHubTest, silence_is_broken_by_a_comment) {
  append();
  const auto reader = follow(Lsn(1));
  ASSERT_TRUE(eventually([&] { return hub_->stats().ring_bytes == 0; }));
  clock_.advance_ms(limits::kHeartbeatMs - 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(600));
  EXPECT_EQ(reader->text(), "");
  clock_.advance_ms(1000);
  EXPECT_TRUE(reader->wait_for_size(1));
  EXPECT_EQ(reader->text(), ": keepalive\n\n");
}

TEST_F(EventHubTest, there_are_only_so_many_streams_and_who_leaves_makes_room) {
  options_.subscribers_max = 3;
  make_hub();
  const auto first = follow(Lsn());
  const auto second = follow(Lsn());
  auto third = hub_->admit();
  ASSERT_OK(third);
  EXPECT_CODE(hub_->admit().status(), ErrorCode::kOverloaded);
  EXPECT_EQ(hub_->stats().subscribers, 3U);
  third->reset();
  EXPECT_OK(hub_->admit());
  second->leave();
  append();
  EXPECT_TRUE(eventually([&] {
    clock_.advance_ms(300);
    return hub_->stats().subscribers == 1;
  }));
  expect_gets(first, frames(Lsn(), Lsn(1)));
}

TEST_F(EventHubTest, a_stop_ends_streams_in_order_and_takes_no_more) {
  append();
  const auto live = follow(Lsn(1));
  const auto held = follow(Lsn(), {}, true);
  ASSERT_TRUE(held->wait_for_size(1));
  auto admission = hub_->admit();
  ASSERT_OK(admission);
  hub_->stop();
  hub_->stop();
  EXPECT_TRUE(live->has_ended());
  EXPECT_FALSE(live->was_cut_off());
  EXPECT_TRUE(held->has_ended());
  EXPECT_FALSE(held->was_cut_off());
  EXPECT_CODE(hub_->admit().status(), ErrorCode::kUnavailable);
  const auto late = std::make_shared<MadeReader>();
  hub_->subscribe(*std::move(admission), Lsn(), {}, MadeReader::sink(late));
  EXPECT_TRUE(late->has_ended());
  held->let_go();
}

TEST_F(EventHubTest, without_a_log_nobody_is_admitted) {
  EventHub hub(
      nullptr, visible_, [] { return std::map<CollectionNumber, std::string>(); }, clock_, logger_);
  EXPECT_CODE(hub.admit().status(), ErrorCode::kUnavailable);
  hub.on_visible(Lsn(1));
  hub.stop();
}

TEST_F(EventHubTest, a_record_that_cannot_be_read_ends_the_streams) {
  append();
  const auto live = follow(Lsn(1));
  const test::OwnedGroup bad = test::commit_group(*log_, {"what is this"}, 2000);
  show(Lsn(bad.back().lsn));
  EXPECT_TRUE(live->wait_for_end());
  EXPECT_TRUE(live->was_cut_off());
  const auto behind = follow(Lsn());
  EXPECT_TRUE(behind->wait_for_end());
  EXPECT_EQ(behind->text(), frames(Lsn(), Lsn(1)));
}

// Writers, trims, slow and fast readers that come back where they were: what each has got is the log, without a hole
// and without a repetition, but for the gaps that it was told of.
TEST_F(EventHubTest, whatever_happens_each_reader_has_the_log_or_was_told_of_the_gap) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
    options_.ring_bytes_max = 500 + below(8000);
    options_.piece_bytes_max = 200 + below(2000);
    options_.round_ms = 1;
    make_hub();
    struct Follower {
      Lsn since;
      std::shared_ptr<MadeReader> reader;
    };
    std::vector<Follower> followers;
    std::string history;  // Of all records, trimmed ones too.
    const Lsn start = log_->end().last_lsn;
    Lsn end = start;
    for (int step = 0; step < 150; ++step) {
      const std::uint32_t what = below(10);
      if (what < 6) {
        std::vector<std::string> texts;
        for (std::uint32_t n = below(8) + 1; n > 0; --n) texts.push_back('"' + std::string(below(120), 'x') + '"');
        const Lsn before = end;
        end = append_events(*log_, texts);
        history += frames(before, end);
        show(end);
      } else if (what == 6) {
        ASSERT_OK(log_->trim(Lsn(end.value() - std::min<std::uint64_t>(end.value(), below(100)))));
      } else if (what == 7) {
        const Lsn since(start.value() + below(static_cast<std::uint32_t>(end.value() - start.value() + 1)));
        followers.push_back({since, follow(since, {}, below(2) == 0)});
      } else if (!followers.empty()) {
        followers[below(static_cast<std::uint32_t>(followers.size()))].reader->take_one();
      }
    }
    for (const Follower& follower : followers) follower.reader->let_go();
    const std::string last_id = "\nid: " + std::to_string(end.value()) + "\n";
    for (const Follower& follower : followers) {
      if (follower.since < end) {
        ASSERT_TRUE(follower.reader->wait(
            [&](const std::string& text, bool) { return text.find(last_id) != std::string::npos; }));
      }
      // The history from `since` on, with holes where a gap was told, and nowhere else.
      const std::string text = follower.reader->text();
      std::size_t at = 0;
      Lsn position = follower.since;
      while (at < text.size()) {
        const std::size_t next = text.find("\n\n", at) + 2;
        const std::string frame = text.substr(at, next - at);
        at = next;
        if (frame.starts_with("event: gap")) {
          const std::string from = "{\"from_offset\":" + std::to_string(position.value() + 1) + ",\"to_offset\":";
          const std::size_t begin = frame.find(from);
          ASSERT_NE(begin, std::string::npos) << frame << " at " << position.value();
          position = Lsn(std::stoull(frame.substr(begin + from.size())));
          continue;
        }
        ASSERT_NE(frame.find("\nid: " + std::to_string(position.value() + 1) + "\n"), std::string::npos) << frame;
        ASSERT_NE(history.find(frame), std::string::npos);
        position = position.next();
      }
      EXPECT_EQ(position, std::max(end, follower.since));
    }
  }
}

}  // namespace
}  // namespace vibrato::events
