#include <fmt/format.h>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

#include "commit/idempotency_keys.hpp"
#include "commit/idempotent_write.hpp"
#include "commit/sequencer.hpp"
#include "format/idempotency_record.hpp"
#include "support/log_records.hpp"
#include "support/made_catalog.hpp"
#include "unit/commit/made_model.hpp"

namespace vibrato::commit {
namespace {

using test::NumbersModel;

constexpr std::int64_t kKeepMs = 10'000;

// A sequencer over a model of numbers and the keys, on a simulated disk.
class IdempotencyTest : public test::CatalogTest {
 protected:
  void SetUp() override {
    CatalogTest::SetUp();
    options_.keep_ms = kKeepMs;
    clock_.set_now_ms(1000);
    start();
  }
  void TearDown() override { sequencer_.reset(); }

  // As a new process: keys as of the last save, numbers from the whole log.
  void start() {
    sequencer_.reset();
    log_ = nullptr;
    log_ = test::open_log(disk_, "/data/wal", test::plain_log_options());
    keys_ = std::make_unique<IdempotencyKeys>(*catalog_, options_);
    numbers_ = std::make_unique<NumbersModel>();
    list_ = {numbers_.get(), keys_.get()};
    models_ = std::make_unique<ModelSet>(list_);
    ASSERT_OK(models_->load_and_replay(*log_));
    sequencer_ = std::make_unique<Sequencer>(*log_, *models_, round_time_, visible_, SequencerOptions());
    sequencer_->start();
  }

  [[nodiscard]] static IdempotencyKey key_of(const std::string& key, int request = 0, const std::string& scope = "a") {
    IdempotencyKey made = {scope, key, {}};
    made.fingerprint.fill(static_cast<std::byte>(request));
    return made;
  }
  // Increments "n" under the key.
  std::unique_ptr<Write> increment_once(const IdempotencyKey& key) {
    return around(test::increment(*numbers_, "n"), key);
  }
  std::unique_ptr<Write> around(std::unique_ptr<Write> inner, const IdempotencyKey& key) {
    outcomes_.push_back(std::make_shared<IdempotentOutcome>());
    return make_idempotent(
        *keys_, std::move(inner), key,
        [](Lsn last_lsn, std::int64_t time_ms) {
          return IdempotentAnswer{201, fmt::format("lsn {} at {}", last_lsn.value(), time_ms)};
        },
        outcomes_.back());
  }
  [[nodiscard]] const IdempotentOutcome& last_outcome() const { return *outcomes_.back(); }

  IdempotencyOptions options_;
  VisibleLsn visible_;
  std::unique_ptr<wal::LocalLog> log_;
  std::unique_ptr<IdempotencyKeys> keys_;
  std::unique_ptr<NumbersModel> numbers_;
  std::vector<Model*> list_;
  std::unique_ptr<ModelSet> models_;
  RoundTime round_time_{clock_};
  std::unique_ptr<Sequencer> sequencer_;
  std::vector<std::shared_ptr<IdempotentOutcome>> outcomes_;
};

TEST_F(IdempotencyTest, the_same_request_gets_the_first_answer_and_is_done_once) {
  ASSERT_OK(sequencer_->commit(increment_once(key_of("k"))));
  EXPECT_FALSE(last_outcome().repeated);
  EXPECT_EQ(last_outcome().answer, (IdempotentAnswer{201, "lsn 1 at 1000"}));
  clock_.set_now_ms(2000);
  const auto again = sequencer_->commit(increment_once(key_of("k")));
  ASSERT_OK(again);
  EXPECT_EQ(again->last_lsn, Lsn(0));
  EXPECT_TRUE(last_outcome().repeated);
  EXPECT_EQ(last_outcome().answer, (IdempotentAnswer{201, "lsn 1 at 1000"}));
  EXPECT_EQ(numbers_->value("n"), 1);
  EXPECT_EQ(log_->end().last_lsn, Lsn(2));
}

TEST_F(IdempotencyTest, the_key_is_the_last_record_of_the_group) {
  ASSERT_OK(sequencer_->commit(increment_once(key_of("k"))));
  const auto records = test::read_all(*log_);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_FALSE(records[0].last_of_group);
  EXPECT_TRUE(records[1].last_of_group);
  EXPECT_EQ(records[1].type, format::kIdempotencyRecord);
}

TEST_F(IdempotencyTest, another_request_with_the_key_is_a_conflict) {
  ASSERT_OK(sequencer_->commit(increment_once(key_of("k", 1))));
  EXPECT_CODE(sequencer_->commit(increment_once(key_of("k", 2))), ErrorCode::kConflict);
  EXPECT_EQ(numbers_->value("n"), 1);
}

TEST_F(IdempotencyTest, keys_of_other_callers_are_other_keys) {
  ASSERT_OK(sequencer_->commit(increment_once(key_of("k", 1, "a"))));
  ASSERT_OK(sequencer_->commit(increment_once(key_of("k", 2, "b"))));
  ASSERT_OK(sequencer_->commit(increment_once(key_of("k", 3, ""))));
  EXPECT_EQ(numbers_->value("n"), 3);
}

TEST_F(IdempotencyTest, what_is_refused_is_not_remembered) {
  const auto refuse = [] {
    return std::make_unique<test::MadeWrite>([](EffectList&) { return Status(ErrorCode::kRevisionMismatch, "no"); });
  };
  EXPECT_CODE(sequencer_->commit(around(refuse(), key_of("k"))), ErrorCode::kRevisionMismatch);
  EXPECT_EQ(keys_->count(), 0U);
  ASSERT_OK(sequencer_->commit(increment_once(key_of("k", 2))));
  EXPECT_EQ(numbers_->value("n"), 1);
}

TEST_F(IdempotencyTest, a_write_that_changed_nothing_is_remembered_too) {
  const auto nothing = [] { return std::make_unique<test::MadeWrite>([](EffectList&) { return ok_status(); }); };
  ASSERT_OK(sequencer_->commit(around(nothing(), key_of("k"))));
  EXPECT_EQ(last_outcome().answer.body, "lsn 0 at 1000");
  ASSERT_OK(sequencer_->commit(increment_once(key_of("k"))));
  EXPECT_TRUE(last_outcome().repeated);
  EXPECT_EQ(last_outcome().answer.body, "lsn 0 at 1000");
  EXPECT_EQ(numbers_->value("n"), 0);
}

TEST_F(IdempotencyTest, a_repetition_in_flight_beside_the_first_gets_its_answer) {
  sequencer_ = std::make_unique<Sequencer>(*log_, *models_, round_time_, visible_, SequencerOptions());
  const auto ignore = [](const Result<Committed>& done) { EXPECT_OK(done); };
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK(sequencer_->submit(increment_once(key_of("k")), Durability::kSynced, ignore));
  }
  sequencer_->start();
  sequencer_->stop();
  EXPECT_EQ(log_->stats().appends, 1U);
  EXPECT_EQ(numbers_->value("n"), 1);
  for (const auto& outcome : outcomes_) {
    EXPECT_EQ(outcome->answer.body, "lsn 1 at 1000");
  }
}

TEST_F(IdempotencyTest, what_a_full_disk_kept_out_is_forgotten) {
  ASSERT_OK(sequencer_->commit(increment_once(key_of("first"))));
  disk_.set_capacity(10);
  EXPECT_CODE(sequencer_->commit(increment_once(key_of("k"))), ErrorCode::kDiskFull);
  disk_.set_capacity(UINT64_MAX);
  ASSERT_OK(sequencer_->commit(increment_once(key_of("k"))));
  EXPECT_FALSE(last_outcome().repeated);
  EXPECT_EQ(numbers_->value("n"), 2);
}

TEST_F(IdempotencyTest, the_answer_is_the_same_after_a_restart_with_and_without_a_save) {
  ASSERT_OK(sequencer_->commit(increment_once(key_of("saved"))));
  ASSERT_OK(keys_->save(visible_.get()));
  EXPECT_EQ(keys_->durable_lsn(), Lsn(2));
  ASSERT_OK(sequencer_->commit(increment_once(key_of("replayed"))));
  start();
  EXPECT_EQ(keys_->durable_lsn(), Lsn(2));
  EXPECT_EQ(keys_->count(), 2U);
  ASSERT_OK(sequencer_->commit(increment_once(key_of("saved"))));
  EXPECT_EQ(last_outcome().answer, (IdempotentAnswer{201, "lsn 1 at 1000"}));
  ASSERT_OK(sequencer_->commit(increment_once(key_of("replayed"))));
  EXPECT_EQ(last_outcome().answer, (IdempotentAnswer{201, "lsn 3 at 1000"}));
  EXPECT_CODE(sequencer_->commit(increment_once(key_of("saved", 9))), ErrorCode::kConflict);
  EXPECT_EQ(numbers_->value("n"), 2);
}

TEST_F(IdempotencyTest, applying_a_record_twice_is_the_same_as_once) {
  ASSERT_OK(sequencer_->commit(increment_once(key_of("k"))));
  sequencer_.reset();
  const auto cursor = log_->read_from(Lsn(2));
  ASSERT_OK(cursor);
  const auto record = (*cursor)->next();
  ASSERT_OK(record);
  const std::size_t bytes = keys_->bytes_in_memory();
  ASSERT_OK(keys_->apply(**record));
  EXPECT_EQ(keys_->count(), 1U);
  EXPECT_EQ(keys_->bytes_in_memory(), bytes);
}

TEST_F(IdempotencyTest, keys_expire_by_the_time_of_the_records) {
  ASSERT_OK(sequencer_->commit(increment_once(key_of("k"))));
  clock_.set_now_ms(1000 + kKeepMs - 1);
  ASSERT_OK(sequencer_->commit(increment_once(key_of("k"))));
  EXPECT_TRUE(last_outcome().repeated);
  clock_.set_now_ms(1000 + kKeepMs);
  ASSERT_OK(sequencer_->commit(increment_once(key_of("k", 5))));  // Also for another request.
  EXPECT_FALSE(last_outcome().repeated);
  EXPECT_EQ(numbers_->value("n"), 2);
  EXPECT_EQ(keys_->count(), 1U);
  ASSERT_OK(sequencer_->commit(increment_once(key_of("k", 5))));
  EXPECT_TRUE(last_outcome().repeated);
}

TEST_F(IdempotencyTest, a_save_removes_the_rows_of_what_expired) {
  ASSERT_OK(sequencer_->commit(increment_once(key_of("old"))));
  ASSERT_OK(keys_->save(visible_.get()));
  clock_.set_now_ms(1000 + kKeepMs);
  ASSERT_OK(sequencer_->commit(increment_once(key_of("new"))));
  ASSERT_OK(keys_->save(visible_.get()));
  const auto rows = catalog_->read([](const catalog::Tables& tables) { return tables.idempotency.all(); });
  ASSERT_OK(rows);
  ASSERT_EQ(rows->size(), 1U);
  EXPECT_EQ(rows->front().key, "new");
  EXPECT_EQ(rows->front().scope, "a");
}

TEST_F(IdempotencyTest, past_the_cap_the_oldest_are_forgotten) {
  options_.keys_max = 3;
  start();
  for (const char* const key : {"1", "2", "3"}) {
    ASSERT_OK(sequencer_->commit(increment_once(key_of(key))));
  }
  ASSERT_OK(sequencer_->commit(increment_once(key_of("1"))));
  EXPECT_TRUE(last_outcome().repeated);
  ASSERT_OK(sequencer_->commit(increment_once(key_of("4"))));
  EXPECT_EQ(keys_->count(), 3U);
  ASSERT_OK(sequencer_->commit(increment_once(key_of("2"))));
  EXPECT_TRUE(last_outcome().repeated);
  ASSERT_OK(sequencer_->commit(increment_once(key_of("1"))));
  EXPECT_FALSE(last_outcome().repeated);
}

TEST_F(IdempotencyTest, past_the_cap_of_bytes_the_oldest_are_forgotten) {
  ASSERT_OK(sequencer_->commit(increment_once(key_of("1"))));
  options_.bytes_max = 2 * keys_->bytes_in_memory() + 20;  // LSNs become longer by a restart.
  start();
  ASSERT_OK(sequencer_->commit(increment_once(key_of("2"))));
  EXPECT_EQ(keys_->count(), 2U);
  ASSERT_OK(sequencer_->commit(increment_once(key_of("3"))));
  EXPECT_EQ(keys_->count(), 2U);
  EXPECT_LE(keys_->bytes_in_memory(), options_.bytes_max);
}

TEST_F(IdempotencyTest, an_answer_that_is_too_long_to_keep_refuses_the_write) {
  const auto write_with = [this](std::size_t bytes) {
    auto outcome = std::make_shared<IdempotentOutcome>();
    return make_idempotent(
        *keys_, test::increment(*numbers_, "n"), key_of(fmt::format("k{}", bytes)),
        [bytes](Lsn, std::int64_t) {
          return IdempotentAnswer{200, std::string(bytes, 'x')};
        },
        outcome);
  };
  ASSERT_OK(sequencer_->commit(write_with(limits::kIdempotencyAnswerBytesMax)));
  EXPECT_CODE(sequencer_->commit(write_with(limits::kIdempotencyAnswerBytesMax + 1)), ErrorCode::kPayloadTooLarge);
  EXPECT_EQ(numbers_->value("n"), 1);
}

TEST_F(IdempotencyTest, a_save_without_keys_moves_the_durable_lsn) {
  ASSERT_OK(sequencer_->commit(test::increment(*numbers_, "n")));
  ASSERT_OK(keys_->save(visible_.get()));
  EXPECT_EQ(keys_->durable_lsn(), Lsn(1));
  start();
  EXPECT_EQ(keys_->durable_lsn(), Lsn(1));
}

TEST(IdempotencyKey, has_a_length_and_no_control_characters) {
  EXPECT_CODE(check_idempotency_key(""), ErrorCode::kInvalidArgument);
  EXPECT_OK(check_idempotency_key("k"));
  EXPECT_OK(check_idempotency_key(std::string(limits::kIdempotencyKeyBytesMax, 'k')));
  EXPECT_CODE(check_idempotency_key(std::string(limits::kIdempotencyKeyBytesMax + 1, 'k')),
              ErrorCode::kInvalidArgument);
  EXPECT_CODE(check_idempotency_key("a\nb"), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace vibrato::commit
