#include "vector/point_writes.hpp"

#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/limits.hpp"
#include "format/vector_records.hpp"
#include "support/vector_database.hpp"

namespace vibrato::vector {
namespace {

using test::made_settings;

PointId id_of(const std::string& text) {
  return PointId(text);
}

PointInput point(const PointId& id, float value, const std::string& meta = {}) {
  return {id, {value, 1.0F}, meta};
}

// A database with the collection "c" of 2 dimensions. Writes that a test wants to share one round are queued while the
// committer does not run yet.
class PointWritesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    test::VectorDatabase::make_folders(disk_);
    clock_.set_now_ms(5000);
    ASSERT_OK(db_.start());
    ASSERT_OK(db_.create("c", made_settings(2)));
    c_ = db_.collection("c");
  }
  // Ends the committer and starts over, paused.
  void pause() {
    ASSERT_OK(db_.start(true));
    c_ = db_.collection("c");
    answers_.clear();
  }
  void queue(Result<WritePtr> write) {
    ASSERT_OK(write);
    const std::size_t index = answers_.size();
    answers_.emplace_back();
    ASSERT_OK(db_.sequencer().submit(std::move(write).value(), commit::Durability::kSynced,
                                     [this, index](Result<commit::Committed> done) { answers_[index] = done; }));
  }
  // Commits what is queued, in one round.
  void run() {
    const std::uint64_t appends = db_.log().stats().appends;
    db_.sequencer().start();
    db_.sequencer().stop();
    EXPECT_LE(db_.log().stats().appends, appends + 1);
  }
  [[nodiscard]] const Result<commit::Committed>& answer(std::size_t index) { return *answers_.at(index); }

  // "value meta" of the point as a reader sees it; "none".
  [[nodiscard]] std::string get(const PointId& id) const {
    const auto point = c_->get(id.view());
    EXPECT_OK(point);
    if (!point.ok() || !*point) return "none";
    return fmt::format("{} {}", (*point)->vector[0], (*point)->meta_json);
  }

  VectorModel& model() { return db_.model(); }

  test::FakeClock clock_;
  io::SimulatedFileSystem disk_;
  test::VectorDatabase db_{disk_, clock_};
  CollectionPtr c_;
  std::vector<std::optional<Result<commit::Committed>>> answers_;
};

TEST_F(PointWritesTest, an_added_point_is_read_back) {
  const auto added = db_.commit(make_add(model(), c_, point(id_of("a"), 7, R"({"k":1})")));
  ASSERT_OK(added);
  EXPECT_EQ(added->last_lsn, Lsn(2));
  EXPECT_EQ(get(id_of("a")), R"(7 {"k":1})");
  EXPECT_EQ(c_->info().live_count, 1U);
}

TEST_F(PointWritesTest, an_id_is_added_once) {
  ASSERT_OK(db_.commit(make_add(model(), c_, point(id_of("a"), 1))));
  EXPECT_CODE(db_.commit(make_add(model(), c_, point(id_of("a"), 2))), ErrorCode::kAlreadyExists);
  EXPECT_EQ(get(id_of("a")), "1 ");
  ASSERT_OK(db_.commit(make_add(model(), c_, point(PointId(7), 3))));
  ASSERT_OK(db_.commit(make_add(model(), c_, point(id_of("7"), 4))));  // Another id.
  EXPECT_EQ(get(PointId(7)), "3 ");
  EXPECT_EQ(get(id_of("7")), "4 ");
}

TEST_F(PointWritesTest, writes_of_one_round_see_each_other) {
  pause();
  queue(make_add(model(), c_, point(id_of("a"), 1)));
  queue(make_add(model(), c_, point(id_of("a"), 2)));  // Is there already.
  queue(make_delete(model(), c_, id_of("a")));
  queue(make_delete(model(), c_, id_of("a")));         // Is gone already.
  queue(make_add(model(), c_, point(id_of("a"), 3)));  // May come again.
  queue(make_upsert(model(), c_, point(id_of("b"), 4)));
  queue(make_add(model(), c_, point(id_of("b"), 5)));
  run();
  EXPECT_OK(answer(0));
  EXPECT_CODE(answer(1), ErrorCode::kAlreadyExists);
  EXPECT_OK(answer(2));
  EXPECT_CODE(answer(3), ErrorCode::kNotFound);
  EXPECT_OK(answer(4));
  EXPECT_OK(answer(5));
  EXPECT_CODE(answer(6), ErrorCode::kAlreadyExists);
  EXPECT_EQ(get(id_of("a")), "3 ");
  EXPECT_EQ(get(id_of("b")), "4 ");
  EXPECT_EQ(c_->info().live_count, 2U);
}

TEST_F(PointWritesTest, updates_of_one_round_build_on_each_other) {
  ASSERT_OK(db_.upsert(c_, point(id_of("a"), 1, R"({"n":1,"x":{"y":1}})")));
  pause();
  queue(make_update(model(), c_, {id_of("a"), {}, R"({"m":2,"x":{"z":3}})", MetaMode::kMerge}));
  queue(make_update(model(), c_, {id_of("a"), std::vector<float>{9, 1}, {}, MetaMode::kReplace}));
  queue(make_update(model(), c_, {id_of("a"), {}, R"({"n":null})", MetaMode::kMerge}));
  run();
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_OK(answer(i));
  }
  EXPECT_EQ(get(id_of("a")), R"(9 {"m":2,"x":{"y":1,"z":3}})");
}

TEST_F(PointWritesTest, an_update_keeps_what_it_does_not_name) {
  ASSERT_OK(db_.upsert(c_, point(id_of("a"), 1, R"({"n":1})")));
  ASSERT_OK(db_.commit(make_update(model(), c_, {id_of("a"), std::vector<float>{2, 1}, {}, MetaMode::kReplace})));
  EXPECT_EQ(get(id_of("a")), R"(2 {"n":1})");
  ASSERT_OK(db_.commit(make_update(model(), c_, {id_of("a"), {}, R"({"m":1})", MetaMode::kReplace})));
  EXPECT_EQ(get(id_of("a")), R"(2 {"m":1})");
  ASSERT_OK(db_.commit(make_update(model(), c_, {id_of("a"), std::vector<float>{3, 1}, "[1]", MetaMode::kReplace})));
  EXPECT_EQ(get(id_of("a")), "3 [1]");
  ASSERT_OK(db_.commit(make_update(model(), c_, {id_of("a"), {}, {}, MetaMode::kMerge})));
  EXPECT_EQ(get(id_of("a")), "3 [1]");
  EXPECT_CODE(db_.commit(make_update(model(), c_, {id_of("b"), {}, "{}", MetaMode::kMerge})), ErrorCode::kNotFound);
  EXPECT_CODE(db_.commit(make_update(model(), c_, {id_of("b"), std::vector<float>{3, 1}, "1", MetaMode::kReplace})),
              ErrorCode::kNotFound);
}

TEST_F(PointWritesTest, the_record_of_an_update_holds_the_outcome) {
  ASSERT_OK(db_.upsert(c_, point(id_of("a"), 1, R"({"n":1})")));
  ASSERT_OK(db_.commit(make_update(model(), c_, {id_of("a"), {}, R"({"m":2})", MetaMode::kMerge})));
  const auto records = test::read_all(db_.log());
  ASSERT_EQ(records.size(), 3U);
  const auto put = format::decode_point_put(test::bytes_of(records.back().body));
  ASSERT_OK(put);
  EXPECT_EQ(put->origin, format::PutOrigin::kUpdated);
  EXPECT_EQ(put->meta_json, R"({"m":2,"n":1})");
  EXPECT_EQ(put->vector.size(), 2 * sizeof(float));
}

TEST_F(PointWritesTest, a_merge_that_grows_past_the_cap_is_refused) {
  const std::string big(limits::kMetaBytesMax / 2, 'x');
  ASSERT_OK(db_.upsert(c_, point(id_of("a"), 1, R"({"a":")" + big + R"("})")));
  const auto patch = [&big](std::size_t less) { return R"({"b":")" + big.substr(less) + R"("})"; };
  // {"a":"...","b":"..."} takes 15 bytes beside the two texts.
  EXPECT_CODE(db_.commit(make_update(model(), c_, {id_of("a"), {}, patch(14), MetaMode::kMerge})),
              ErrorCode::kPayloadTooLarge);
  ASSERT_OK(db_.commit(make_update(model(), c_, {id_of("a"), {}, patch(15), MetaMode::kMerge})));
  EXPECT_EQ(get(id_of("a")).size(), limits::kMetaBytesMax + 2);
}

TEST_F(PointWritesTest, good_items_of_a_batch_are_one_group) {
  auto outcome = std::make_shared<BatchOutcome>();
  std::vector<PointInput> points = {point(id_of("a"), 1),
                                    point(id_of(""), 2),
                                    point(id_of("b"), 3),
                                    {id_of("c"), {1, 2, 3}, {}},
                                    point(id_of("a"), 4)};
  const auto committed = db_.commit(make_upsert_batch(model(), c_, points, outcome));
  ASSERT_OK(committed);
  ASSERT_EQ(outcome->items.size(), 5U);
  EXPECT_OK(outcome->items[0]);
  EXPECT_CODE(outcome->items[1], ErrorCode::kInvalidArgument);
  EXPECT_OK(outcome->items[2]);
  EXPECT_CODE(outcome->items[3], ErrorCode::kDimMismatch);
  EXPECT_OK(outcome->items[4]);
  EXPECT_EQ(get(id_of("a")), "4 ");  // The later one.
  EXPECT_EQ(get(id_of("b")), "3 ");
  const auto records = test::read_all(db_.log());
  ASSERT_EQ(records.size(), 3U);  // The creation, b, a.
  EXPECT_FALSE(records[1].last_of_group);
  EXPECT_TRUE(records[2].last_of_group);
  EXPECT_EQ(committed->last_lsn, Lsn(3));
}

TEST_F(PointWritesTest, a_bad_later_item_does_not_win) {
  auto outcome = std::make_shared<BatchOutcome>();
  const std::vector<PointInput> points = {point(id_of("a"), 1), {id_of("a"), {1, 2, 3}, {}}};
  ASSERT_OK(db_.commit(make_upsert_batch(model(), c_, points, outcome)));
  EXPECT_EQ(get(id_of("a")), "1 ");
}

TEST_F(PointWritesTest, a_batch_of_bad_items_changes_nothing) {
  auto outcome = std::make_shared<BatchOutcome>();
  const auto committed = db_.commit(make_upsert_batch(model(), c_, {point(id_of(""), 2)}, outcome));
  ASSERT_OK(committed);
  EXPECT_EQ(committed->last_lsn, Lsn(0));
  EXPECT_CODE(outcome->items.at(0), ErrorCode::kInvalidArgument);
}

TEST_F(PointWritesTest, a_batch_of_deletes_tells_which_were_there) {
  ASSERT_OK(db_.upsert(c_, point(id_of("a"), 1)));
  ASSERT_OK(db_.upsert(c_, point(PointId(2), 1)));
  auto outcome = std::make_shared<BatchOutcome>();
  ASSERT_OK(
      db_.commit(make_delete_batch(model(), c_, {id_of("a"), id_of("x"), id_of("a"), id_of(""), PointId(2)}, outcome)));
  ASSERT_EQ(outcome->items.size(), 5U);
  EXPECT_OK(outcome->items[0]);
  EXPECT_CODE(outcome->items[1], ErrorCode::kNotFound);
  EXPECT_CODE(outcome->items[2], ErrorCode::kNotFound);
  EXPECT_CODE(outcome->items[3], ErrorCode::kInvalidArgument);
  EXPECT_OK(outcome->items[4]);
  EXPECT_EQ(c_->info().live_count, 0U);
}

TEST_F(PointWritesTest, creating_again_with_the_same_settings_finds_the_collection) {
  const auto again = db_.create("c", made_settings(2));
  ASSERT_OK(again);
  EXPECT_EQ(again->last_lsn, Lsn(0));
  EXPECT_FALSE(db_.create_outcome().created);
  EXPECT_EQ(db_.create_outcome().identity.number, CollectionNumber(1));
  EXPECT_CODE(db_.create("c", made_settings(3)), ErrorCode::kAlreadyExists);
  EXPECT_CODE(db_.create("c", made_settings(2, Metric::kDot)), ErrorCode::kAlreadyExists);
  const auto other = db_.create("d", made_settings(3));
  ASSERT_OK(other);
  EXPECT_TRUE(db_.create_outcome().created);
  const CollectionIdentity& identity = db_.collection("d")->identity();
  EXPECT_EQ(db_.create_outcome().identity.number, identity.number);
  EXPECT_EQ(db_.create_outcome().identity.created_lsn, other->last_lsn);
  EXPECT_EQ(db_.create_outcome().identity.created_at_ms, identity.created_at_ms);
}

TEST_F(PointWritesTest, collections_in_flight_count_for_the_next_write) {
  pause();
  auto first = std::make_shared<CreateOutcome>();
  auto second = std::make_shared<CreateOutcome>();
  queue(make_create_collection(model(), "d", made_settings(2), first));
  queue(make_create_collection(model(), "d", made_settings(2), second));
  queue(make_create_collection(model(), "d", made_settings(3), std::make_shared<CreateOutcome>()));
  queue(make_drop_collection(model(), "c"));
  queue(make_upsert(model(), c_, point(id_of("a"), 1)));
  queue(make_drop_collection(model(), "c"));
  queue(make_create_collection(model(), "c", made_settings(3), std::make_shared<CreateOutcome>()));
  queue(make_drop_collection(model(), "d"));
  run();
  EXPECT_OK(answer(0));
  EXPECT_TRUE(first->created);
  EXPECT_OK(answer(1));
  EXPECT_FALSE(second->created);
  EXPECT_EQ(second->identity.number, first->identity.number);
  EXPECT_CODE(answer(2), ErrorCode::kAlreadyExists);
  EXPECT_OK(answer(3));
  EXPECT_CODE(answer(4), ErrorCode::kNotFound);
  EXPECT_CODE(answer(5), ErrorCode::kNotFound);
  EXPECT_OK(answer(6));
  EXPECT_OK(answer(7));
  ASSERT_EQ(model().all().size(), 1U);
  EXPECT_EQ(model().all()[0]->identity().number, CollectionNumber(3));
  EXPECT_EQ(model().all()[0]->settings().dim, 3U);
}

// As many collections as are wanted, in one group.
class CreateMany final : public commit::Write {
 public:
  CreateMany(VectorModel& model, std::size_t count) : model_(model), count_(count) {}
  [[nodiscard]] Status validate(commit::EffectList& effects) override {
    const std::uint32_t first = model_.next_number().value();
    for (std::uint32_t i = 0; i < count_; ++i) {
      effects.add(static_cast<std::uint16_t>(format::VectorRecord::kCollectionCreated), CollectionNumber(first + i),
                  format::encode_collection_created({fmt::format("made-{}", i), settings_json(made_settings(2))}));
    }
    return ok_status();
  }
  [[nodiscard]] std::uint64_t bytes() const override { return 1; }

 private:
  VectorModel& model_;
  const std::size_t count_;
};

TEST_F(PointWritesTest, collections_are_counted_up_to_their_cap) {
  ASSERT_OK(db_.commit(WritePtr(std::make_unique<CreateMany>(model(), limits::kCollectionsMax - 2))));
  ASSERT_OK(db_.create("last", made_settings(2)));
  EXPECT_EQ(model().all().size(), limits::kCollectionsMax);
  EXPECT_CODE(db_.create("one more", made_settings(2)), ErrorCode::kConflict);
  EXPECT_OK(db_.create("last", made_settings(2)));  // It is there.
  ASSERT_OK(db_.drop("c"));
  EXPECT_OK(db_.create("one-more", made_settings(2)));
}

TEST_F(PointWritesTest, a_collection_of_the_same_name_is_another_one) {
  ASSERT_OK(db_.drop("c"));
  ASSERT_OK(db_.create("c", made_settings(2)));
  EXPECT_CODE(db_.upsert(c_, point(id_of("a"), 1)), ErrorCode::kNotFound);
  EXPECT_OK(db_.upsert(db_.collection("c"), point(id_of("a"), 1)));
}

TEST_F(PointWritesTest, what_a_full_disk_kept_out_never_was) {
  ASSERT_OK(db_.upsert(c_, point(id_of("a"), 1)));
  pause();
  disk_.set_capacity(10);
  queue(make_add(model(), c_, point(id_of("b"), 1)));
  queue(make_delete(model(), c_, id_of("a")));
  queue(make_create_collection(model(), "d", made_settings(2), std::make_shared<CreateOutcome>()));
  queue(make_drop_collection(model(), "c"));
  run();
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_CODE(answer(i), ErrorCode::kDiskFull);
  }
  disk_.set_capacity(UINT64_MAX);
  pause();
  EXPECT_EQ(get(id_of("a")), "1 ");
  queue(make_add(model(), c_, point(id_of("b"), 2)));
  queue(make_add(model(), c_, point(id_of("a"), 2)));
  auto outcome = std::make_shared<CreateOutcome>();
  queue(make_create_collection(model(), "d", made_settings(2), outcome));
  run();
  EXPECT_OK(answer(0));
  EXPECT_CODE(answer(1), ErrorCode::kAlreadyExists);
  EXPECT_OK(answer(2));
  EXPECT_EQ(outcome->identity.number, CollectionNumber(2));
}

// The same without a restart between: what was staged is taken back in the running model.
TEST_F(PointWritesTest, a_full_disk_takes_back_what_was_staged) {
  ASSERT_OK(db_.upsert(c_, point(id_of("a"), 1)));
  disk_.set_capacity(10);
  EXPECT_CODE(db_.commit(make_add(model(), c_, point(id_of("b"), 1))), ErrorCode::kDiskFull);
  EXPECT_CODE(db_.commit(make_delete(model(), c_, id_of("a"))), ErrorCode::kDiskFull);
  EXPECT_CODE(db_.create("d", made_settings(2)), ErrorCode::kDiskFull);
  EXPECT_CODE(db_.drop("c"), ErrorCode::kDiskFull);
  disk_.set_capacity(UINT64_MAX);
  EXPECT_CODE(db_.commit(make_add(model(), c_, point(id_of("a"), 2))), ErrorCode::kAlreadyExists);
  ASSERT_OK(db_.commit(make_add(model(), c_, point(id_of("b"), 2))));
  ASSERT_OK(db_.create("d", made_settings(5)));
  EXPECT_EQ(db_.create_outcome().identity.number, CollectionNumber(2));
}

TEST_F(PointWritesTest, a_damaged_collection_takes_no_writes_but_may_be_dropped) {
  ASSERT_OK(db_.upsert(c_, point(id_of("a"), 1)));
  c_->set_damaged("segments/1.vdb: as the test asks");
  EXPECT_CODE(db_.upsert(c_, point(id_of("a"), 2)), ErrorCode::kUnavailable);
  EXPECT_CODE(db_.commit(make_delete(model(), c_, id_of("a"))), ErrorCode::kUnavailable);
  EXPECT_EQ(get(id_of("a")), "1 ");
  EXPECT_OK(db_.drop("c"));
}

TEST_F(PointWritesTest, ids_are_checked_at_their_edges) {
  const auto check = [](std::string_view text) { return check_point_id({true, 0, text}); };
  EXPECT_CODE(check(""), ErrorCode::kInvalidArgument);
  EXPECT_OK(check("a"));
  EXPECT_OK(check(std::string(limits::kPointIdBytesMax, 'a')));
  EXPECT_CODE(check(std::string(limits::kPointIdBytesMax + 1, 'a')), ErrorCode::kInvalidArgument);
  EXPECT_CODE(check(std::string_view("a\0b", 3)), ErrorCode::kInvalidArgument);
  EXPECT_CODE(check("a\x7f"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(check("a\xc2\x85"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(check("a\xff"), ErrorCode::kInvalidArgument);
  EXPECT_OK(check("\xc3\xa4/\xf0\x9f\x98\x80 x"));
  EXPECT_OK(check_point_id({false, UINT64_MAX, {}}));
}

TEST_F(PointWritesTest, bad_points_are_refused_before_they_are_queued_with_the_field_named) {
  const auto refused = [this](const PointInput& bad, ErrorCode code, const std::string& field) {
    const auto upsert = make_upsert(model(), c_, bad);
    EXPECT_CODE(upsert, code);
    EXPECT_EQ(upsert.status().message().find(field + ": "), 0U) << upsert.status().message();
    EXPECT_CODE(make_add(model(), c_, bad), code);
  };
  refused(point(id_of(""), 1), ErrorCode::kInvalidArgument, "id");
  refused({id_of("a"), {1}, {}}, ErrorCode::kDimMismatch, "vector");
  refused({id_of("a"), {1, NAN}, {}}, ErrorCode::kInvalidArgument, "vector");
  refused({id_of("a"), {1, INFINITY}, {}}, ErrorCode::kInvalidArgument, "vector");
  refused(point(id_of("a"), 1, std::string(limits::kMetaBytesMax + 1, '1')), ErrorCode::kPayloadTooLarge, "meta");
  EXPECT_OK(make_upsert(model(), c_, point(id_of("a"), 1, std::string(limits::kMetaBytesMax, '1'))));
  EXPECT_CODE(make_update(model(), c_, {id_of("a"), std::vector<float>{1}, {}, MetaMode::kReplace}),
              ErrorCode::kDimMismatch);
  EXPECT_CODE(make_update(model(), c_, {id_of("a"), {}, "{", MetaMode::kMerge}), ErrorCode::kInvalidArgument);
  EXPECT_CODE(make_delete(model(), c_, id_of("")), ErrorCode::kInvalidArgument);
  EXPECT_EQ(db_.log().end().last_lsn, Lsn(1));  // Nothing of it was logged.
}

TEST_F(PointWritesTest, a_zero_vector_has_no_place_under_cosine) {
  ASSERT_OK(db_.create("cos", made_settings(2, Metric::kCosine)));
  const PointInput zero = {id_of("a"), {0, 0}, {}};
  EXPECT_CODE(make_upsert(model(), db_.collection("cos"), zero), ErrorCode::kInvalidArgument);
  EXPECT_OK(make_upsert(model(), c_, zero));
}

}  // namespace
}  // namespace vibrato::vector
