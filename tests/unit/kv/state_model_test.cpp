#include "kv/state_model.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>

#include "base/limits.hpp"
#include "base/random.hpp"
#include "commit/joined_write.hpp"
#include "support/state_database.hpp"

namespace vibrato::kv {
namespace {

using Texts = std::vector<std::string>;

class StateModelTest : public ::testing::Test {
 protected:
  StateModelTest() {
    test::StateDatabase::make_folders(fs_);
    EXPECT_OK(db_.start());
  }

  io::SimulatedFileSystem fs_;
  test::FakeClock clock_;
  test::StateDatabase db_{fs_, clock_};
};

TEST_F(StateModelTest, a_revision_is_the_lsn_and_never_goes_back) {
  EXPECT_EQ(*db_.put("a", "1"), 1U);
  EXPECT_EQ(*db_.put("a", "2"), 2U);
  EXPECT_EQ(db_.get("a"), "2@2");
  EXPECT_TRUE(*db_.erase("a"));
  EXPECT_EQ(db_.get("a"), "(none)");
  EXPECT_EQ(*db_.put("a", R"({"b": null})"), 4U);
  EXPECT_EQ(db_.get("a"), R"({"b": null}@4)");
}

TEST_F(StateModelTest, a_delete_of_what_is_absent_logs_nothing) {
  EXPECT_FALSE(*db_.erase("a"));
  EXPECT_EQ(*db_.put("a", "1"), 1U);
}

TEST_F(StateModelTest, conditions_are_held_against_the_revision) {
  EXPECT_CODE(db_.put_if("a", "1", 7), ErrorCode::kRevisionMismatch);
  EXPECT_EQ(*db_.put_if("a", "1", 0), 1U);
  EXPECT_CODE(db_.put_if("a", "2", 0), ErrorCode::kRevisionMismatch);
  EXPECT_EQ(*db_.put_if("a", "2", 1), 2U);
  EXPECT_CODE(db_.put_if("a", "3", 1), ErrorCode::kRevisionMismatch);
  EXPECT_CODE(db_.erase("a", 1), ErrorCode::kRevisionMismatch);
  EXPECT_CODE(db_.erase("a", 0), ErrorCode::kRevisionMismatch);
  EXPECT_CODE(db_.erase("b", 3), ErrorCode::kRevisionMismatch);
  EXPECT_FALSE(*db_.erase("b", 0));
  ASSERT_OK(db_.save());
  EXPECT_CODE(db_.erase("a", 1), ErrorCode::kRevisionMismatch) << "of the file too";
  EXPECT_TRUE(*db_.erase("a", 2));
  EXPECT_EQ(*db_.put_if("a", "4", 0), 4U);
}

TEST_F(StateModelTest, of_two_conditional_puts_in_one_round_one_wins) {
  db_.stop();
  ASSERT_OK(db_.start(true));
  std::vector<Status> answers(3);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    auto write = make_put(db_.model(), {.key = "a", .value_json = std::to_string(i), .ttl_ms = {}, .if_revision = 0},
                          std::make_shared<PutOutcome>());
    ASSERT_OK(write);
    ASSERT_OK(
        db_.sequencer().submit(std::move(*write), commit::Durability::kSynced,
                               [&answers, i](const Result<commit::Committed>& done) { answers[i] = done.status(); }));
  }
  db_.sequencer().start();
  db_.sequencer().stop();
  EXPECT_OK(answers[0]);
  EXPECT_CODE(answers[1], ErrorCode::kRevisionMismatch);
  EXPECT_CODE(answers[2], ErrorCode::kRevisionMismatch);
  EXPECT_EQ(db_.get("a").substr(0, 2), "0@");
}

TEST_F(StateModelTest, keys_and_values_have_their_limits) {
  const std::size_t max = limits::kStateKeyBytesMax;
  EXPECT_OK(db_.put(std::string(max - 1, 'k'), "1"));
  EXPECT_OK(db_.put(std::string(max, 'k'), "1"));
  EXPECT_CODE(db_.put(std::string(max + 1, 'k'), "1"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(db_.erase(std::string(max + 1, 'k')), ErrorCode::kInvalidArgument);
  EXPECT_CODE(db_.put("", "1"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(db_.put("a\n", "1"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(db_.put("\xff", "1"), ErrorCode::kInvalidArgument);
  EXPECT_OK(db_.put("\xc3\xa9/ %", "1"));
  const std::size_t value_max = limits::kStateValueBytesMax;
  EXPECT_OK(db_.put("a", std::string(value_max - 1, '1')));
  EXPECT_OK(db_.put("b", std::string(value_max, '1')));
  EXPECT_CODE(db_.put("c", std::string(value_max + 1, '1')), ErrorCode::kPayloadTooLarge);
  EXPECT_CODE(db_.put_for("a", "1", 0), ErrorCode::kInvalidArgument);
  EXPECT_OK(db_.put_for("a", "1", 1));
  EXPECT_OK(db_.put_for("a", "1", (std::uint64_t{1} << 53) - 1));
  EXPECT_CODE(db_.put_for("a", "1", std::uint64_t{1} << 53), ErrorCode::kInvalidArgument);
}

TEST_F(StateModelTest, a_key_is_hidden_when_its_time_is_over) {
  ASSERT_OK(db_.put_for("a", "1", 100));
  ASSERT_OK(db_.put("b", "2"));
  for (const bool saved : {false, true}) {
    if (saved) {
      ASSERT_OK(db_.save());
    }
    EXPECT_EQ(db_.get("a"), "1@1");
    EXPECT_EQ(db_.list(), "a=1 b=2");
  }
  clock_.advance_ms(99);
  EXPECT_EQ(db_.get("a"), "1@1");
  clock_.advance_ms(1);
  EXPECT_EQ(db_.get("a"), "(none)");
  EXPECT_EQ(db_.list(), "b=2");
  EXPECT_EQ(db_.records(), (Texts{"put a", "put b"})) << "only a write deletes it";
}

TEST_F(StateModelTest, a_put_drops_the_old_time) {
  ASSERT_OK(db_.put_for("a", "1", 100));
  ASSERT_OK(db_.put("a", "2"));
  ASSERT_OK(db_.put_for("b", "1", 100));
  ASSERT_OK(db_.put_for("b", "2", 1000));
  clock_.advance_ms(500);
  EXPECT_EQ(db_.list(), "a=2 b=2");
  EXPECT_EQ(*db_.expire(), 0U);
  clock_.advance_ms(500);
  EXPECT_EQ(db_.list(), "a=2");
  EXPECT_EQ(*db_.expire(), 1U);
}

TEST_F(StateModelTest, a_write_that_meets_a_key_whose_time_is_over_deletes_it_first) {
  for (const bool saved : {false, true}) {
    ASSERT_OK(db_.put_for("a", "1", 100));
    ASSERT_OK(db_.put_for("b", "1", 100));
    const std::uint64_t c = *db_.put_for("c", "1", 100);
    if (saved) {
      ASSERT_OK(db_.save());
    }
    clock_.advance_ms(100);
    const std::size_t before = db_.records().size();
    EXPECT_CODE(db_.put_if("c", "2", c), ErrorCode::kRevisionMismatch) << "it is absent by now";
    EXPECT_OK(db_.put("a", "2"));
    EXPECT_FALSE(*db_.erase("b"));
    EXPECT_OK(db_.put_if("c", "2", 0));
    const Texts records = db_.records();
    EXPECT_EQ(Texts(records.begin() + static_cast<std::ptrdiff_t>(before), records.end()),
              (Texts{"expired a", "put a", "expired b", "expired c", "put c"}));
    EXPECT_EQ(*db_.expire(), 0U);
    EXPECT_EQ(db_.list(), "a=2 c=2");
  }
}

TEST_F(StateModelTest, what_is_due_is_deleted_once_the_earliest_first) {
  ASSERT_OK(db_.put_for("b", "1", 200));
  ASSERT_OK(db_.put_for("a", "1", 300));
  ASSERT_OK(db_.put_for("c", "1", 100));
  ASSERT_OK(db_.put_for("d", "1", 9000));
  EXPECT_EQ(*db_.expire(), 0U);
  ASSERT_OK(db_.save());
  clock_.advance_ms(1000);
  EXPECT_EQ(*db_.expire(2), 2U);
  EXPECT_EQ(*db_.expire(2), 1U);
  EXPECT_EQ(*db_.expire(2), 0U);
  const Texts records = db_.records();
  EXPECT_EQ(Texts(records.begin() + 4, records.end()), (Texts{"expired c", "expired b", "expired a"}));
  EXPECT_EQ(db_.model().next_expiry_ms(), clock_.now_ms() + 8000);
}

TEST_F(StateModelTest, a_key_that_was_renewed_meanwhile_is_not_deleted) {
  ASSERT_OK(db_.put_for("a", "1", 100));
  clock_.advance_ms(100);
  std::size_t keys = 0;
  auto write = make_expiry(db_.model(), db_.now_ms(), 10, keys);
  ASSERT_OK(write);
  EXPECT_EQ(keys, 1U);
  ASSERT_OK(db_.put("a", "2"));
  ASSERT_OK(db_.sequencer().commit(std::move(*write)));
  EXPECT_EQ(db_.get("a"), "2@3");
}

TEST_F(StateModelTest, a_list_is_in_byte_order_and_in_pages) {
  const std::string high = "\xf0\x9f\x8e\xb5";  // Above all ASCII.
  for (const std::string& key : {std::string("b"), std::string("a/2"), std::string("a"), high, std::string("a/1"),
                                 std::string("a/10"), std::string("B")}) {
    ASSERT_OK(db_.put(key, "1"));
    if (key == "a") {
      ASSERT_OK(db_.save());
    }
  }
  EXPECT_EQ(db_.list(), "B=1 a=1 a/1=1 a/10=1 a/2=1 b=1 " + high + "=1");
  EXPECT_EQ(db_.list({.prefix = "a/", .after = {}}), "a/1=1 a/10=1 a/2=1");
  EXPECT_EQ(db_.list({.prefix = "a/", .after = {}, .limit = 2}), "a/1=1 a/10=1 ...");
  EXPECT_EQ(db_.list({.prefix = "a/", .after = {}, .limit = 3}), "a/1=1 a/10=1 a/2=1");
  EXPECT_EQ(db_.list({.prefix = "a/", .after = "a/1", .limit = 1}), "a/10=1 ...");
  EXPECT_EQ(db_.list({.prefix = "a/", .after = "a/2"}), "");
  EXPECT_EQ(db_.list({.prefix = "a/", .after = "0"}), "a/1=1 a/10=1 a/2=1") << "a cursor below the prefix";
  EXPECT_EQ(db_.list({.prefix = "", .after = {}, .limit = 5, .bytes_max = 5}), "B=1 a=1 ...");
  EXPECT_EQ(db_.list({.prefix = "", .after = {}, .limit = 5, .bytes_max = 1}), "B=1 ...") << "one at least";
}

TEST_F(StateModelTest, a_page_is_full_though_many_keys_before_it_are_over) {
  for (int i = 100; i < 150; ++i) {
    ASSERT_OK(db_.put_for("k" + std::to_string(i), "1", 100));
  }
  ASSERT_OK(db_.put("k2", "2"));
  ASSERT_OK(db_.put("k3", "3"));
  clock_.advance_ms(100);
  EXPECT_EQ(db_.list({.prefix = "", .after = {}, .limit = 1}), "k2=2 ...");
  EXPECT_EQ(db_.list({.prefix = "", .after = {}, .limit = 2}), "k2=2 k3=3");
}

TEST_F(StateModelTest, keys_of_a_prefix_are_deleted_unless_they_were_written_meanwhile) {
  ASSERT_OK(db_.put("p/1", "1"));
  ASSERT_OK(db_.put("p/2", "1"));
  ASSERT_OK(db_.save());
  ASSERT_OK(db_.put("p/3", "1"));
  ASSERT_OK(db_.put("q", "1"));
  ASSERT_OK(db_.put_for("p/over", "1", 1));
  clock_.advance_ms(10);
  auto chosen = db_.model().choose("p/", std::nullopt, {.count = 2});
  ASSERT_OK(chosen);
  ASSERT_EQ(chosen->size(), 2U);
  EXPECT_EQ((*chosen)[1].key, "p/2");
  chosen = db_.model().choose("p/", std::nullopt, {.count = 10});
  ASSERT_OK(chosen);
  ASSERT_EQ(chosen->size(), 3U);
  ASSERT_OK(db_.put("p/2", "2"));
  const auto deleted = std::make_shared<std::uint64_t>(77);
  ASSERT_OK(db_.sequencer().commit(make_delete_chosen(db_.model(), *chosen, deleted)));
  EXPECT_EQ(*deleted, 2U);
  EXPECT_EQ(db_.list(), "p/2=2 q=1");
}

TEST_F(StateModelTest, a_list_ends_at_its_deadline) {
  for (int i = 0; i < 1100; ++i) {
    ASSERT_OK(db_.put("k" + std::to_string(i), "1"));
  }
  StateListQuery query;
  query.limit = 2000;
  EXPECT_EQ(db_.model().list(query).value().items.size(), 1100U);
  query.deadline = Deadline(clock_, clock_.monotonic_ns());
  EXPECT_CODE(db_.model().list(query), ErrorCode::kTimeout);
}

// Puts of "a": only if it is absent, then over the first one, then only if it is absent.
class JoinedPuts : public StateModelTest {
 protected:
  Result<commit::Committed> commit(commit::JoinMode mode) {
    std::vector<WritePtr> parts;
    for (const std::uint64_t revision : {0U, 1U, 0U}) {
      auto made = make_put(db_.model(), {.key = "a", .value_json = "1", .ttl_ms = {}, .if_revision = revision},
                           std::make_shared<PutOutcome>());
      EXPECT_OK(made);
      parts.push_back(std::move(*made));
    }
    return db_.sequencer().commit(commit::make_joined(models_, std::move(parts), mode, outcome_));
  }

  std::vector<commit::Model*> list_ = {&db_.model()};
  commit::ModelSet models_{list_};
  std::shared_ptr<commit::JoinedOutcome> outcome_ = std::make_shared<commit::JoinedOutcome>();
};

TEST_F(JoinedPuts, see_those_before_them) {
  ASSERT_OK(commit(commit::JoinMode::kEachByItself));
  EXPECT_EQ(outcome_->first_failed, 2U);
  EXPECT_EQ(db_.get("a"), "1@2");
}

TEST_F(JoinedPuts, leave_nothing_behind_when_one_fails_all) {
  EXPECT_CODE(commit(commit::JoinMode::kAllOrNothing), ErrorCode::kRevisionMismatch);
  EXPECT_EQ(outcome_->first_failed, 2U);
  EXPECT_EQ(db_.get("a"), "(none)");
  EXPECT_EQ(*db_.put_if("a", "2", 0), 1U);
}

TEST_F(StateModelTest, everything_is_there_when_it_is_opened_again_however_much_was_saved) {
  ASSERT_OK(db_.put("a", "1"));
  ASSERT_OK(db_.put_for("b", "2", 1000));
  ASSERT_OK(db_.save());
  ASSERT_OK(db_.put("a", "3"));
  ASSERT_OK(db_.erase("b"));
  ASSERT_OK(db_.put_for("c", "4", 1000));
  for (int again = 0; again < 2; ++again) {
    ASSERT_OK(db_.start());
    EXPECT_EQ(db_.model().durable_lsn(), Lsn(2));
    EXPECT_EQ(db_.list(), "a=3 c=4");
    EXPECT_EQ(db_.get("a"), "3@3");
  }
  EXPECT_EQ(db_.model().next_expiry_ms().has_value(), true);
  EXPECT_GT(*db_.put("a", "5"), 5U);
}

TEST_F(StateModelTest, a_capture_holds_what_was_saved) {
  ASSERT_OK(db_.put("a", "1"));
  ASSERT_OK(db_.save());
  ASSERT_OK(db_.put("a", "2"));
  const auto capture = db_.model().capture();
  ASSERT_OK(capture);
  EXPECT_EQ((*capture)->applied_lsn(), Lsn(1));
  EXPECT_OK((*capture)->copy_to("/data/copy.db"));
  EXPECT_OK(fs_.stat("/data/copy.db"));
}

// Whoever finds a key gone, finds it gone for every later write as well; and a key that is renewed before its time is
// over is never gone.
TEST(StateModel, readers_and_writers_agree_on_the_time) {
  io::SimulatedFileSystem fs;
  test::StateDatabase::make_folders(fs);
  const SystemClock clock;
  test::StateDatabase db(fs, clock);
  ASSERT_OK(db.start());
  ASSERT_OK(db.put_for("renewed", "0", 60'000));
  std::atomic<bool> is_over = false;
  std::thread reader([&] {
    while (!is_over.load()) {
      EXPECT_NE(db.get("renewed"), "(none)");
    }
  });
  for (int round = 0; round < 60; ++round) {
    ASSERT_OK(db.put_for("renewed", "0", 60'000));
    const auto revision = db.put_for("short", "1", 2);
    ASSERT_OK(revision);
    while (db.get("short") != "(none)") {
      std::this_thread::yield();
    }
    EXPECT_CODE(db.put_if("short", "2", *revision), ErrorCode::kRevisionMismatch);
  }
  is_over = true;
  reader.join();
}

class RandomState : public ::testing::TestWithParam<std::uint64_t> {};

// Against a map, over saves and power losses: every acknowledged write is there, with its revision.
TEST_P(RandomState, answers_as_a_map_does) {
  Random random(GetParam());
  io::SimulatedFileSystem fs;
  test::StateDatabase::make_folders(fs);
  test::FakeClock clock;
  test::StateDatabase db(fs, clock);
  ASSERT_OK(db.start());
  struct Entry {
    std::string value;
    std::uint64_t revision = 0;
    std::int64_t expires_at_ms = INT64_MAX;
  };
  std::map<std::string, Entry> oracle;
  const auto forget = [&] {
    std::erase_if(oracle, [&](const auto& one) { return one.second.expires_at_ms <= clock.now_ms(); });
  };
  std::uint64_t last_revision = 0;
  for (int step = 0; step < 600; ++step) {
    forget();
    const std::string key = "k" + std::to_string(random.below(12));
    const auto found = oracle.find(key);
    const std::uint64_t current = found == oracle.end() ? 0 : found->second.revision;
    const std::string value = std::to_string(step);
    const std::uint64_t dice = random.below(100);
    Result<std::uint64_t> revision(0U);
    if (dice < 30) {
      revision = db.put(key, value);
    } else if (dice < 45) {
      const std::uint64_t ttl = 1 + random.below(50);
      revision = db.put_for(key, value, ttl);
      oracle[key].expires_at_ms = clock.now_ms() + static_cast<std::int64_t>(ttl);
    } else if (dice < 60) {
      revision = db.put_if(key, value, current);
    } else if (dice < 65) {
      EXPECT_CODE(db.put_if(key, value, current + 1), ErrorCode::kRevisionMismatch);
    } else if (dice < 75) {
      EXPECT_EQ(*db.erase(key), found != oracle.end());
      oracle.erase(key);
    } else if (dice < 80) {
      ASSERT_OK(db.expire(1 + random.below(5)));
    } else if (dice < 85) {
      clock.advance_ms(static_cast<std::int64_t>(random.below(20)));
    } else if (dice < 90) {
      ASSERT_OK(db.save());
    } else if (dice < 98) {
      EXPECT_EQ(db.get(key), found == oracle.end() ? "(none)" : found->second.value + "@" + std::to_string(current));
      std::string all;
      for (const auto& [name, entry] : oracle) {
        all += (all.empty() ? "" : " ") + name + "=" + entry.value;
      }
      EXPECT_EQ(db.list(), all) << step;
    } else {
      db.stop();
      fs.restart(io::kAllCrashModes[random.below(std::size(io::kAllCrashModes))], random.below(1000));
      ASSERT_OK(db.start());
    }
    ASSERT_OK(revision);
    if (*revision != 0) {
      EXPECT_GT(*revision, last_revision);
      last_revision = *revision;
      Entry& entry = oracle[key];
      entry = {value, *revision, dice < 30 || dice >= 45 ? INT64_MAX : entry.expires_at_ms};
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomState, ::testing::Range(std::uint64_t{1}, std::uint64_t{9}));

}  // namespace
}  // namespace vibrato::kv
