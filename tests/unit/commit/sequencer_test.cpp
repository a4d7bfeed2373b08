#include "commit/sequencer.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "io/simulated_file_system.hpp"
#include "support/fake_clock.hpp"
#include "support/log_records.hpp"
#include "unit/commit/made_model.hpp"

namespace vibrato::commit {
namespace {

using test::add_put;
using test::increment;
using test::MadeWrite;
using test::NumbersModel;

class SequencerTest : public ::testing::Test {
 protected:
  SequencerTest() { open({}); }

  void open(const SequencerOptions& options) {
    sequencer_.reset();
    sequencer_ = std::make_unique<Sequencer>(*log_, models_, round_time_, visible_, options);
  }

  // Submits without waiting; results_[i] is there once the sequencer was stopped.
  void submit(std::unique_ptr<Write> write, Durability durability = Durability::kSynced) {
    const std::size_t index = results_.size();
    results_.emplace_back(std::nullopt);
    ASSERT_OK(sequencer_->submit(std::move(write), durability,
                                 [this, index](Result<Committed> result) { results_[index] = std::move(result); }));
  }

  void run() {
    sequencer_->start();
    sequencer_->stop();
  }

  test::FakeClock clock_;
  RoundTime round_time_{clock_};
  io::SimulatedFileSystem fs_;
  std::unique_ptr<wal::LocalLog> log_ = test::open_log(fs_, "/wal", test::plain_log_options());
  NumbersModel model_;
  std::vector<Model*> list_ = {&model_};
  ModelSet models_{list_};
  VisibleLsn visible_;
  std::unique_ptr<Sequencer> sequencer_;
  std::vector<std::optional<Result<Committed>>> results_;
};

TEST_F(SequencerTest, writes_that_wait_together_share_one_append_and_one_sync) {
  for (int i = 0; i < 50; ++i) {
    submit(increment(model_, "n"));
  }
  run();
  EXPECT_EQ(model_.value("n"), 50);  // Each saw what the one before had staged.
  EXPECT_EQ(log_->stats().appends, 1U);
  EXPECT_EQ(log_->stats().syncs, 1U);
  EXPECT_EQ(sequencer_->visible_lsn(), Lsn(50));
  for (std::size_t i = 0; i < results_.size(); ++i) {
    ASSERT_TRUE(results_[i].has_value());
    ASSERT_OK(*results_[i]);
    EXPECT_EQ((*results_[i])->first_lsn, Lsn(i + 1));
    EXPECT_TRUE((*results_[i])->durable);
  }
}

TEST_F(SequencerTest, many_threads_lose_no_update) {
  sequencer_->start();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this] {
      for (int i = 0; i < 100; ++i) {
        const auto committed = sequencer_->commit(increment(model_, "n"));
        EXPECT_OK(committed);
        EXPECT_GE(sequencer_->visible_lsn(), committed->last_lsn);  // Whoever got a yes reads his own write.
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(model_.value("n"), 400);
  const auto applied = model_.applied();
  EXPECT_EQ(applied.size(), 400U);
  EXPECT_TRUE(std::is_sorted(applied.begin(), applied.end()));
}

TEST_F(SequencerTest, what_is_refused_is_not_logged) {
  submit(increment(model_, "n"));
  submit(std::make_unique<MadeWrite>([](EffectList& effects) {
    add_put(effects, "n", 1000);
    return Status(ErrorCode::kRevisionMismatch, "no");
  }));
  submit(std::make_unique<MadeWrite>([](EffectList&) { return ok_status(); }));
  submit(increment(model_, "n"));
  run();
  EXPECT_CODE(*results_[1], ErrorCode::kRevisionMismatch);
  ASSERT_OK(*results_[2]);
  EXPECT_EQ((*results_[2])->first_lsn, Lsn(0));
  EXPECT_EQ(model_.value("n"), 2);
  EXPECT_EQ(log_->end().last_lsn, Lsn(2));
}

TEST_F(SequencerTest, tells_each_publication_before_the_writes_are_answered) {
  std::vector<std::uint64_t> heard;
  SequencerOptions options;
  options.on_visible = [this, &heard](Lsn lsn) {
    EXPECT_EQ(visible_.get(), lsn);
    EXPECT_EQ(model_.value("n"), static_cast<int>(lsn.value()));
    heard.push_back(lsn.value());
  };
  open(options);
  std::size_t heard_when_answered = 0;
  ASSERT_OK(sequencer_->submit(increment(model_, "n"), Durability::kSynced,
                               [&](const Result<Committed>&) { heard_when_answered = heard.size(); }));
  submit(increment(model_, "n"));
  submit(std::make_unique<MadeWrite>([](EffectList&) { return ok_status(); }));
  run();
  EXPECT_EQ(heard, std::vector<std::uint64_t>{2});
  EXPECT_EQ(heard_when_answered, 1U);
}

TEST_F(SequencerTest, what_the_log_holds_is_visible_from_the_start) {
  submit(increment(model_, "n"));
  run();
  VisibleLsn fresh;
  const Sequencer next(*log_, models_, round_time_, fresh, {});
  EXPECT_EQ(fresh.get(), Lsn(1));
}

TEST_F(SequencerTest, the_body_of_an_effect_reaches_log_and_model_uncopied) {
  const std::byte* encoded = nullptr;
  const std::byte* applied = nullptr;
  model_.on_apply = [&applied](const wal::StoredRecord& record) { applied = record.body.data(); };
  submit(std::make_unique<MadeWrite>([&encoded](EffectList& effects) {
    std::vector<std::byte> body = test::owned_bytes("n=" + std::string(100, '0') + "7");
    encoded = body.data();
    effects.add(NumbersModel::kPut, CollectionNumber(1), std::move(body));
    return ok_status();
  }));
  run();
  EXPECT_EQ(model_.value("n"), 7);
  EXPECT_NE(encoded, nullptr);
  EXPECT_EQ(encoded, applied);
}

TEST_F(SequencerTest, the_effects_of_a_write_are_one_group) {
  submit(std::make_unique<MadeWrite>([](EffectList& effects) {
    EXPECT_EQ(effects.next_lsn(), Lsn(1));
    add_put(effects, "a", 1);
    EXPECT_EQ(effects.next_lsn(), Lsn(2));
    add_put(effects, "b", 2);
    return ok_status();
  }));
  run();
  const auto records = test::read_all(*log_);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_FALSE(records[0].last_of_group);
  EXPECT_TRUE(records[1].last_of_group);
}

TEST_F(SequencerTest, record_times_never_go_back) {
  sequencer_->start();
  clock_.set_now_ms(5000);
  ASSERT_OK(sequencer_->commit(increment(model_, "n")));
  clock_.set_now_ms(3000);
  ASSERT_OK(sequencer_->commit(increment(model_, "n")));
  clock_.set_now_ms(6000);
  ASSERT_OK(sequencer_->commit(increment(model_, "n")));
  EXPECT_EQ(model_.times(), (std::vector<std::int64_t>{5000, 5000, 6000}));
}

TEST_F(SequencerTest, a_full_disk_refuses_the_round_and_takes_back_what_was_staged) {
  sequencer_->start();
  ASSERT_OK(sequencer_->commit(increment(model_, "n")));
  fs_.set_capacity(10);
  EXPECT_CODE(sequencer_->commit(increment(model_, "n")), ErrorCode::kDiskFull);
  EXPECT_EQ(model_.value("n"), 1);
  EXPECT_EQ(sequencer_->visible_lsn(), Lsn(1));
  fs_.set_capacity(UINT64_MAX);
  ASSERT_OK(sequencer_->commit(increment(model_, "n")));
  EXPECT_EQ(model_.value("n"), 2);
}

TEST_F(SequencerTest, a_failed_sync_ends_all_writing_and_shows_nothing) {
  sequencer_->start();
  ASSERT_OK(sequencer_->commit(increment(model_, "n")));
  fs_.fail_next_sync();
  EXPECT_CODE(sequencer_->commit(increment(model_, "n")), ErrorCode::kUnavailable);
  EXPECT_CODE(sequencer_->commit(increment(model_, "n")), ErrorCode::kUnavailable);
  EXPECT_EQ(model_.value("n"), 1);
  EXPECT_EQ(model_.staged_value("n"), 1);
  EXPECT_EQ(sequencer_->visible_lsn(), Lsn(1));
}

TEST_F(SequencerTest, relaxed_writes_say_so_and_are_visible_only_once_synced) {
  submit(increment(model_, "n"), Durability::kRelaxed);
  submit(increment(model_, "n"));
  fs_.fail_next_sync();
  run();
  ASSERT_OK(*results_[0]);  // Answered before the sync, and lost with it: what it asked for.
  EXPECT_FALSE((*results_[0])->durable);
  EXPECT_CODE(*results_[1], ErrorCode::kUnavailable);
  EXPECT_EQ(model_.value("n"), 0);
  EXPECT_EQ(sequencer_->visible_lsn(), Lsn(0));
}

TEST_F(SequencerTest, an_apply_that_fails_ends_all_writing) {
  model_.fail_apply = true;
  submit(increment(model_, "n"));
  run();
  EXPECT_CODE(*results_[0], ErrorCode::kInternal);
  EXPECT_EQ(sequencer_->visible_lsn(), Lsn(0));
  EXPECT_CODE(sequencer_->commit(increment(model_, "n")), ErrorCode::kUnavailable);
}

TEST_F(SequencerTest, the_queue_is_bounded_in_writes_and_in_bytes) {
  SequencerOptions options;
  options.queue_writes_max = 3;
  open(options);
  for (int i = 0; i < 3; ++i) {
    submit(increment(model_, "n"));
  }
  const auto never = [](const Result<Committed>&) { ADD_FAILURE() << "a refused write is answered once"; };
  EXPECT_CODE(sequencer_->submit(increment(model_, "n"), Durability::kSynced, never), ErrorCode::kOverloaded);
  run();
  EXPECT_EQ(model_.value("n"), 3);
  options.queue_writes_max = 100;
  options.queue_bytes_max = 250;  // A write counts 100.
  open(options);
  submit(increment(model_, "n"));
  submit(increment(model_, "n"));
  EXPECT_CODE(sequencer_->submit(increment(model_, "n"), Durability::kSynced, never), ErrorCode::kOverloaded);
  run();
  EXPECT_EQ(model_.value("n"), 5);
}

TEST_F(SequencerTest, a_write_that_changes_too_much_is_refused_alone) {
  SequencerOptions options;
  options.write_bytes_max = 1000;
  open(options);
  submit(increment(model_, "n"));
  submit(std::make_unique<MadeWrite>([](EffectList& effects) {
    add_put(effects, std::string(1000, 'k'), 1);
    return ok_status();
  }));
  submit(increment(model_, "n"));
  run();
  EXPECT_CODE(*results_[1], ErrorCode::kPayloadTooLarge);
  EXPECT_EQ(model_.value("n"), 2);
}

TEST_F(SequencerTest, large_rounds_are_cut_into_batches) {
  SequencerOptions options;
  options.batch_bytes_max = 200;
  open(options);
  for (int i = 0; i < 10; ++i) {
    submit(increment(model_, "n"));
  }
  run();
  EXPECT_EQ(model_.value("n"), 10);
  EXPECT_GT(log_->stats().appends, 1U);
}

TEST_F(SequencerTest, takes_nothing_after_it_was_stopped) {
  run();
  EXPECT_CODE(sequencer_->commit(increment(model_, "n")), ErrorCode::kUnavailable);
  sequencer_->stop();
}

TEST_F(SequencerTest, replay_gives_an_equal_model_and_skips_what_is_durable) {
  sequencer_->start();
  for (int i = 0; i < 6; ++i) {
    ASSERT_OK(sequencer_->commit(increment(model_, i % 2 == 0 ? "even" : "odd")));
  }
  NumbersModel other;
  std::vector<Model*> list = {&other};
  const auto last = ModelSet(list).load_and_replay(*log_);
  ASSERT_OK(last);
  EXPECT_EQ(*last, Lsn(6));
  EXPECT_EQ(other.value("even"), 3);
  EXPECT_EQ(other.applied(), model_.applied());
  EXPECT_EQ(other.times(), model_.times());

  NumbersModel behind;
  ASSERT_OK(behind.save(Lsn(4)));
  list = {&behind};
  ASSERT_OK(ModelSet(list).load_and_replay(*log_));
  EXPECT_EQ(behind.applied(), (std::vector<Lsn>{Lsn(5), Lsn(6)}));
}

TEST_F(SequencerTest, replay_names_a_record_that_no_model_owns) {
  test::commit_group(*log_, {"a body of 17 bytes"});
  const auto replayed = models_.load_and_replay(*log_);
  EXPECT_CODE(replayed, ErrorCode::kCorruption);
  EXPECT_NE(replayed.status().message().find("record 1 of the log"), std::string::npos);
}

}  // namespace
}  // namespace vibrato::commit
