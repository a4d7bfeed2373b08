#include "commit/joined_write.hpp"

#include <future>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

#include "commit/idempotent_write.hpp"
#include "commit/sequencer.hpp"
#include "support/log_records.hpp"
#include "support/made_catalog.hpp"
#include "unit/commit/made_model.hpp"

namespace vibrato::commit {
namespace {

using test::NumbersModel;
using Parts = std::vector<std::unique_ptr<Write>>;

// A sequencer over a model of numbers and the keys, on a simulated disk.
class JoinedWriteTest : public test::CatalogTest {
 protected:
  void SetUp() override {
    CatalogTest::SetUp();
    clock_.set_now_ms(1000);
    log_ = test::open_log(disk_, "/data/wal", test::plain_log_options());
    keys_ = std::make_unique<IdempotencyKeys>(*catalog_, IdempotencyOptions());
    Model* const list[] = {&numbers_, keys_.get()};
    models_ = std::make_unique<ModelSet>(list);
    ASSERT_OK(models_->load_and_replay(*log_));
    sequencer_ = std::make_unique<Sequencer>(*log_, *models_, round_time_, visible_, SequencerOptions());
    sequencer_->start();
  }
  void TearDown() override { sequencer_.reset(); }

  // "n" must have the value that the part expects; else it fails.
  std::unique_ptr<Write> increment_if(const std::string& key, int expected) {
    return std::make_unique<test::MadeWrite>([this, key, expected](EffectList& effects) -> Status {
      if (numbers_.staged_value(key) != expected) {
        return {ErrorCode::kRevisionMismatch, "found " + std::to_string(numbers_.staged_value(key))};
      }
      test::add_put(effects, key, expected + 1);
      seen_lsns_.push_back(effects.last_lsn());
      return ok_status();
    });
  }
  static std::unique_ptr<Write> nothing() {
    return std::make_unique<test::MadeWrite>([](EffectList&) { return ok_status(); });
  }
  template <typename... Part>
  static Parts parts(Part... part) {
    Parts list;
    (list.push_back(std::move(part)), ...);
    return list;
  }
  Result<Committed> commit(Parts list, JoinMode mode) {
    return sequencer_->commit(make_joined(*models_, std::move(list), mode, outcome_));
  }

  VisibleLsn visible_;
  std::unique_ptr<wal::LocalLog> log_;
  std::unique_ptr<IdempotencyKeys> keys_;
  NumbersModel numbers_;
  std::unique_ptr<ModelSet> models_;
  RoundTime round_time_{clock_};
  std::unique_ptr<Sequencer> sequencer_;
  std::shared_ptr<JoinedOutcome> outcome_ = std::make_shared<JoinedOutcome>();
  std::vector<Lsn> seen_lsns_;
};

TEST_F(JoinedWriteTest, later_parts_see_earlier_ones_and_all_are_one_group) {
  const auto done = commit(parts(increment_if("n", 0), increment_if("n", 1), nothing(), increment_if("n", 2)),
                           JoinMode::kAllOrNothing);
  ASSERT_OK(done);
  EXPECT_EQ(done->first_lsn, Lsn(1));
  EXPECT_EQ(done->last_lsn, Lsn(3));
  EXPECT_EQ(seen_lsns_, (std::vector<Lsn>{Lsn(1), Lsn(2), Lsn(3)}));
  EXPECT_EQ(numbers_.value("n"), 3);
  EXPECT_EQ(outcome_->parts.size(), 4U);
  EXPECT_FALSE(outcome_->first_failed.has_value());
  const auto cursor = log_->read_from(Lsn(1));
  ASSERT_OK(cursor);
  for (std::uint64_t lsn = 1; lsn <= 3; ++lsn) {
    const auto record = (*cursor)->next();
    ASSERT_OK(record);
    EXPECT_EQ((*record)->lsn, Lsn(lsn));
    EXPECT_EQ((*record)->last_of_group, lsn == 3);
  }
}

TEST_F(JoinedWriteTest, the_first_failure_of_an_all_or_nothing_write_refuses_it_and_leaves_nothing_staged) {
  const auto done =
      commit(parts(increment_if("n", 0), increment_if("n", 7), increment_if("n", 1)), JoinMode::kAllOrNothing);
  EXPECT_EQ(done.status().code(), ErrorCode::kRevisionMismatch);
  EXPECT_EQ(done.status().message(), "found 1");
  EXPECT_EQ(outcome_->first_failed, 1U);
  EXPECT_EQ(outcome_->parts.size(), 2U);
  EXPECT_EQ(log_->end().last_lsn, Lsn());
  ASSERT_OK(commit(parts(increment_if("n", 0)), JoinMode::kAllOrNothing));
  EXPECT_FALSE(outcome_->first_failed.has_value());
}

TEST_F(JoinedWriteTest, a_part_that_fails_by_itself_has_no_effects_and_the_others_are_done) {
  const auto done =
      commit(parts(increment_if("n", 0), increment_if("n", 7), increment_if("n", 1), increment_if("m", 1)),
             JoinMode::kEachByItself);
  ASSERT_OK(done);
  EXPECT_EQ(done->last_lsn, Lsn(2));
  EXPECT_EQ(numbers_.value("n"), 2);
  EXPECT_EQ(numbers_.value("m"), 0);
  ASSERT_EQ(outcome_->parts.size(), 4U);
  EXPECT_OK(outcome_->parts[0]);
  EXPECT_EQ(outcome_->parts[1].code(), ErrorCode::kRevisionMismatch);
  EXPECT_OK(outcome_->parts[2]);
  EXPECT_EQ(outcome_->parts[3].code(), ErrorCode::kRevisionMismatch);
  EXPECT_EQ(outcome_->first_failed, 1U);
}

TEST_F(JoinedWriteTest, parts_that_all_fail_by_themselves_log_nothing) {
  const auto done = commit(parts(increment_if("n", 3), increment_if("n", 7)), JoinMode::kEachByItself);
  ASSERT_OK(done);
  EXPECT_EQ(done->last_lsn, Lsn());
  EXPECT_EQ(log_->end().last_lsn, Lsn());
}

TEST_F(JoinedWriteTest, a_joined_write_may_be_a_part_of_another) {
  const auto inner = std::make_shared<JoinedOutcome>();
  auto both = make_joined(*models_, parts(increment_if("n", 1), increment_if("n", 2)), JoinMode::kAllOrNothing, inner);
  ASSERT_OK(commit(parts(increment_if("n", 0), std::move(both), increment_if("n", 3)), JoinMode::kAllOrNothing));
  EXPECT_EQ(numbers_.value("n"), 4);
  EXPECT_EQ(inner->parts.size(), 2U);
}

TEST_F(JoinedWriteTest, it_is_done_once_under_an_idempotency_key) {
  const auto write = [this](const std::shared_ptr<IdempotentOutcome>& answer) {
    auto joined =
        make_joined(*models_, parts(increment_if("n", 0), increment_if("n", 1)), JoinMode::kAllOrNothing, outcome_);
    return make_idempotent(
        *keys_, std::move(joined), {"scope", "key", {}},
        [](Lsn last_lsn, std::int64_t) {
          return IdempotentAnswer{200, std::to_string(last_lsn.value())};
        },
        answer);
  };
  for (const bool repeated : {false, true}) {
    const auto answer = std::make_shared<IdempotentOutcome>();
    ASSERT_OK(sequencer_->commit(write(answer)));
    EXPECT_EQ(answer->answer.body, "2");
    EXPECT_EQ(answer->repeated, repeated);
  }
  EXPECT_EQ(numbers_.value("n"), 2);
}

TEST_F(JoinedWriteTest, what_is_staged_in_front_of_it_stays_when_it_is_refused) {
  // One round: the first write is staged when the joined one is judged and refused, and the third builds on it.
  const auto hold = std::make_shared<std::promise<void>>();
  ASSERT_OK(sequencer_->submit(std::make_unique<test::MadeWrite>([hold](EffectList&) {
                                 hold->get_future().wait();
                                 return ok_status();
                               }),
                               Durability::kSynced, [](Result<Committed>) {}));
  std::promise<Status> last;
  ASSERT_OK(sequencer_->submit(increment_if("n", 0), Durability::kSynced, [](Result<Committed>) {}));
  ASSERT_OK(sequencer_->submit(
      make_joined(*models_, parts(increment_if("n", 1), increment_if("n", 9)), JoinMode::kAllOrNothing, outcome_),
      Durability::kSynced, [](Result<Committed>) {}));
  ASSERT_OK(sequencer_->submit(increment_if("n", 1), Durability::kSynced,
                               [&last](Result<Committed> done) { last.set_value(done.status()); }));
  hold->set_value();
  EXPECT_OK(last.get_future().get());
  EXPECT_EQ(numbers_.value("n"), 2);
}

}  // namespace
}  // namespace vibrato::commit
