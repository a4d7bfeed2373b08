#include "vector/vector_model.hpp"

#include <array>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

#include "format/vector_records.hpp"
#include "support/file_contents.hpp"
#include "support/vector_database.hpp"
#include "vector/catalog_rows.hpp"

namespace vibrato::vector {
namespace {

using test::made_settings;

constexpr std::array<float, 2> kModelVector = {7, 2};

PointInput point(const std::string& id, float value) {
  return {PointId(id), {value, 1.0F}, {}};
}

class VectorModelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    test::VectorDatabase::make_folders(disk_);
    clock_.set_now_ms(5000);
    start();
  }
  void start() { ASSERT_OK(db_.start()); }
  void upsert(const std::string& collection, const std::string& id, float value) {
    ASSERT_OK(db_.upsert(db_.collection(collection), point(id, value)));
  }
  void erase(const std::string& collection, const std::string& id) {
    ASSERT_OK(db_.commit(make_delete(db_.model(), db_.collection(collection), PointId(id))));
  }
  [[nodiscard]] std::string get(const std::string& collection, const std::string& id) {
    const CollectionPtr from = db_.collection(collection);
    if (from == nullptr) return "no collection";
    const auto found = from->get(PointId(id).view());
    if (!found.ok()) return found.status().message();
    return *found ? fmt::format("{}", (**found).vector[0]) : "none";
  }
  [[nodiscard]] std::vector<catalog::Segment> segments() {
    const auto all = db_.catalog().read([](const catalog::Tables& tables) { return tables.segments.all(); });
    EXPECT_OK(all);
    return *all;
  }
  // Changes a byte in the header of a segment's file.
  void damage(const std::string& file) {
    const std::string path = std::string(test::VectorDatabase::kFolder) + "/" + file;
    auto text = test::read_text(disk_, path);
    ASSERT_TRUE(text.has_value());
    (*text)[20] = static_cast<char>((*text)[20] ^ 0x55);
    test::write_text(disk_, path, *text);
  }

  test::FakeClock clock_;
  io::SimulatedFileSystem disk_;
  test::VectorDatabase db_{disk_, clock_};
};

TEST_F(VectorModelTest, everything_comes_back_from_the_log_alone) {
  ASSERT_OK(db_.create("a", made_settings(2)));
  ASSERT_OK(db_.create("b", made_settings(2, Metric::kDot)));
  upsert("a", "x", 1);
  upsert("a", "x", 2);
  upsert("b", "y", 3);
  erase("b", "y");
  ASSERT_OK(db_.drop("b"));
  ASSERT_OK(db_.create("b", made_settings(2)));
  const CollectionIdentity before = db_.collection("b")->identity();
  start();
  EXPECT_EQ(get("a", "x"), "2");
  EXPECT_EQ(get("b", "y"), "none");
  const CollectionIdentity after = db_.collection("b")->identity();
  EXPECT_EQ(after.number, before.number);
  EXPECT_EQ(after.created_at_ms, 5000);
  EXPECT_EQ(after.created_lsn, before.created_lsn);
  EXPECT_EQ(after.settings, before.settings);
  EXPECT_EQ(db_.model().applied_lsn(), Lsn(8));
  EXPECT_EQ(db_.model().durable_lsn(), Lsn(0));
}

TEST_F(VectorModelTest, everything_comes_back_from_the_files_after_a_checkpoint) {
  ASSERT_OK(db_.create("a", made_settings(2)));
  upsert("a", "x", 1);
  upsert("a", "y", 2);
  upsert("a", "x", 3);
  erase("a", "y");
  ASSERT_OK(db_.checkpoint());
  EXPECT_EQ(db_.model().durable_lsn(), Lsn(5));
  start();
  EXPECT_EQ(db_.model().durable_lsn(), Lsn(5));
  EXPECT_EQ(db_.collection("a")->durable_lsn(), Lsn(5));
  EXPECT_EQ(get("a", "x"), "3");
  EXPECT_EQ(get("a", "y"), "none");
  EXPECT_EQ(db_.collection("a")->info().live_count, 1U);
  EXPECT_EQ(db_.collection("a")->info().hot_rows, 0U);
}

TEST_F(VectorModelTest, replay_goes_on_where_the_files_end) {
  ASSERT_OK(db_.create("a", made_settings(2)));
  upsert("a", "x", 1);
  upsert("a", "y", 1);
  ASSERT_OK(db_.checkpoint());
  upsert("a", "x", 2);
  erase("a", "y");
  upsert("a", "z", 3);
  start();
  EXPECT_EQ(get("a", "x"), "2");
  EXPECT_EQ(get("a", "y"), "none");
  EXPECT_EQ(get("a", "z"), "3");
  EXPECT_EQ(db_.collection("a")->info().live_count, 2U);
  EXPECT_EQ(db_.collection("a")->info().hot_rows, 2U);
}

TEST_F(VectorModelTest, the_durable_lsn_waits_for_the_collection_that_is_not_saved) {
  ASSERT_OK(db_.create("a", made_settings(2)));  // LSN 1
  ASSERT_OK(db_.create("b", made_settings(2)));
  upsert("b", "x", 1);  // 3
  upsert("a", "x", 1);
  upsert("b", "x", 2);  // 5
  ASSERT_OK(db_.checkpoint({"a"}));
  EXPECT_EQ(db_.model().durable_lsn(), Lsn(2));
  start();
  EXPECT_EQ(db_.model().durable_lsn(), Lsn(2));
  EXPECT_EQ(db_.collection("a")->durable_lsn(), Lsn(4));
  EXPECT_EQ(get("b", "x"), "2");
  EXPECT_EQ(get("a", "x"), "1");
  EXPECT_EQ(db_.collection("a")->info().hot_rows, 0U);  // Its record was replayed, and skipped.
  ASSERT_OK(db_.checkpoint({"b"}));
  EXPECT_EQ(db_.model().durable_lsn(), Lsn(5));
}

TEST_F(VectorModelTest, what_others_log_moves_the_applied_lsn) {
  ASSERT_OK(db_.create("a", made_settings(2)));
  db_.model().set_applied_lsn(Lsn(90));
  EXPECT_EQ(db_.model().applied_lsn(), Lsn(90));
  db_.model().set_applied_lsn(Lsn(50));
  EXPECT_EQ(db_.model().applied_lsn(), Lsn(90));
  ASSERT_OK(db_.checkpoint());
  EXPECT_EQ(db_.model().durable_lsn(), Lsn(90));
}

TEST_F(VectorModelTest, numbers_are_never_given_again) {
  ASSERT_OK(db_.create("a", made_settings(2)));
  ASSERT_OK(db_.drop("a"));
  ASSERT_OK(db_.checkpoint());  // Made and dropped before anything was saved.
  start();
  EXPECT_TRUE(db_.model().all().empty());
  ASSERT_OK(db_.create("a", made_settings(2)));
  EXPECT_EQ(db_.collection("a")->identity().number, CollectionNumber(2));
  ASSERT_OK(db_.checkpoint());
  ASSERT_OK(db_.drop("a"));
  start();
  ASSERT_OK(db_.create("a", made_settings(3)));
  EXPECT_EQ(db_.collection("a")->identity().number, CollectionNumber(3));
}

TEST_F(VectorModelTest, a_name_may_be_dropped_and_given_again_between_two_checkpoints) {
  ASSERT_OK(db_.create("a", made_settings(2)));
  ASSERT_OK(db_.checkpoint());
  ASSERT_OK(db_.drop("a"));
  ASSERT_OK(db_.create("a", made_settings(3)));
  ASSERT_OK(db_.drop("a"));
  ASSERT_OK(db_.create("a", made_settings(4)));
  ASSERT_OK(db_.checkpoint());
  start();
  ASSERT_EQ(db_.model().all().size(), 1U);
  EXPECT_EQ(db_.collection("a")->identity().number, CollectionNumber(3));
  EXPECT_EQ(db_.collection("a")->settings().dim, 4U);
  const auto dropped = db_.catalog().read([](const catalog::Tables& tables) { return tables.collections.dropped(); });
  ASSERT_OK(dropped);
  EXPECT_EQ(dropped->size(), 2U);
}

TEST_F(VectorModelTest, records_of_a_collection_that_is_dropped_and_saved_are_skipped_in_a_replay) {
  ASSERT_OK(db_.create("other", made_settings(2)));
  upsert("other", "x", 1);
  ASSERT_OK(db_.create("a", made_settings(2)));
  upsert("a", "x", 1);
  erase("a", "x");
  ASSERT_OK(db_.drop("a"));
  ASSERT_OK(db_.checkpoint({"none"}));
  EXPECT_EQ(db_.model().durable_lsn(), Lsn(1));
  start();
  EXPECT_EQ(db_.model().all().size(), 1U);
  EXPECT_EQ(get("other", "x"), "1");
}

TEST_F(VectorModelTest, a_record_that_contradicts_the_state_is_named) {
  const auto put =
      format::encode_point_put({format::PutOrigin::kAdded, {false, 1, {}}, std::as_bytes(std::span(kModelVector)), {}});
  wal::StoredRecord record = {Lsn(1), 1000, CollectionNumber(5), 0x0110, true, put};
  EXPECT_FALSE(db_.model().apply(record).ok());
  record.body = std::span(put).first(5);
  EXPECT_CODE(db_.model().apply(record), ErrorCode::kCorruption);
  ASSERT_OK(db_.create("a", made_settings(3)));
  record = {Lsn(9), 1000, CollectionNumber(1), 0x0110, true, put};
  EXPECT_FALSE(db_.model().apply(record).ok());  // Another dim.
  const auto created = format::encode_collection_created({"a", settings_json(made_settings(3))});
  record = {Lsn(9), 1000, CollectionNumber(2), 0x0100, true, created};
  EXPECT_FALSE(db_.model().apply(record).ok());  // The name is taken.
  const auto other = format::encode_collection_created({"b", settings_json(made_settings(3))});
  record = {Lsn(9), 1000, CollectionNumber(1), 0x0100, true, other};
  EXPECT_FALSE(db_.model().apply(record).ok());  // The number is taken.
  EXPECT_EQ(db_.model().all().size(), 1U);
}

TEST_F(VectorModelTest, applying_the_log_twice_is_the_same_as_once) {
  ASSERT_OK(db_.create("a", made_settings(2)));
  ASSERT_OK(db_.create("b", made_settings(2)));
  upsert("a", "x", 1);
  upsert("a", "x", 2);
  erase("a", "x");
  upsert("a", "y", 3);
  ASSERT_OK(db_.drop("b"));
  db_.sequencer().stop();
  const auto cursor = db_.log().read_from(Lsn(1));
  ASSERT_OK(cursor);
  for (int i = 0; i < 7; ++i) {
    const auto record = (*cursor)->next();
    ASSERT_OK(record);
    ASSERT_TRUE(record->has_value());
    ASSERT_OK(db_.model().apply(**record));
  }
  EXPECT_EQ(db_.model().all().size(), 1U);
  EXPECT_EQ(get("a", "x"), "none");
  EXPECT_EQ(get("a", "y"), "3");
  EXPECT_EQ(db_.collection("a")->info().live_count, 1U);
}

TEST_F(VectorModelTest, a_vector_that_lies_crooked_in_memory_is_applied) {
  ASSERT_OK(db_.create("a", made_settings(2)));
  db_.sequencer().stop();
  const auto put =
      format::encode_point_put({format::PutOrigin::kAdded, {true, 0, "x"}, std::as_bytes(std::span(kModelVector)), {}});
  std::vector<std::byte> crooked(put.size() + 1);
  std::copy(put.begin(), put.end(), crooked.begin() + 1);
  ASSERT_OK(db_.model().apply({Lsn(2), 1000, CollectionNumber(1), 0x0110, true, std::span(crooked).subspan(1)}));
  const auto found = db_.collection("a")->find_applied(PointId("x").view());
  ASSERT_OK(found);
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->vector[0], 7);
}

TEST_F(VectorModelTest, a_damaged_part_makes_its_collection_read_only_until_it_is_whole_again) {
  ASSERT_OK(db_.create("a", made_settings(2)));
  ASSERT_OK(db_.create("b", made_settings(2)));
  upsert("a", "x", 1);
  upsert("b", "x", 1);
  ASSERT_OK(db_.checkpoint());
  upsert("a", "y", 2);
  const std::string file = segments().at(0).file;
  const std::string path = std::string(test::VectorDatabase::kFolder) + "/" + file;
  const std::string good = *test::read_text(disk_, path);
  damage(file);
  start();
  // Not "none": nobody knows any more.
  EXPECT_CODE(db_.collection("a")->get(PointId("x").view()), ErrorCode::kUnavailable);
  EXPECT_EQ(get("a", "y"), "2");  // The rest is served.
  const Status writable = db_.collection("a")->check_writable();
  EXPECT_CODE(writable, ErrorCode::kUnavailable);
  EXPECT_NE(writable.message().find(file), std::string::npos) << writable.message();
  EXPECT_CODE(db_.upsert(db_.collection("a"), point("z", 1)), ErrorCode::kUnavailable);
  EXPECT_OK(db_.upsert(db_.collection("b"), point("z", 1)));
  EXPECT_EQ(segments().at(0).state, catalog::SegmentState::kDamaged);
  EXPECT_EQ(segments().at(1).state, catalog::SegmentState::kLive);

  test::write_text(disk_, path, good);
  start();
  EXPECT_EQ(db_.model().whole_again(), (std::vector<std::string>{file}));
  EXPECT_EQ(get("a", "x"), "1");
  EXPECT_EQ(get("a", "y"), "2");
  EXPECT_EQ(segments().at(0).state, catalog::SegmentState::kLive);
  EXPECT_OK(db_.upsert(db_.collection("a"), point("z", 1)));
}

TEST_F(VectorModelTest, a_missing_part_is_damage) {
  ASSERT_OK(db_.create("a", made_settings(2)));
  upsert("a", "x", 1);
  ASSERT_OK(db_.checkpoint());
  ASSERT_OK(disk_.remove_file(std::string(test::VectorDatabase::kFolder) + "/" + segments().at(0).file));
  start();
  EXPECT_CODE(db_.collection("a")->check_writable(), ErrorCode::kUnavailable);
  EXPECT_EQ(segments().at(0).state, catalog::SegmentState::kDamaged);
}

TEST_F(VectorModelTest, damage_that_is_found_later_is_remembered_until_the_next_start_reads_the_file_whole) {
  ASSERT_OK(db_.create("a", made_settings(2)));
  upsert("a", "x", 1);
  ASSERT_OK(db_.checkpoint());
  ASSERT_OK(db_.model().degrade(*db_.collection("a"), segments().at(0).id, "block 7"));
  EXPECT_CODE(db_.collection("a")->check_writable(), ErrorCode::kUnavailable);
  EXPECT_EQ(segments().at(0).state, catalog::SegmentState::kDamaged);
  EXPECT_EQ(segments().at(0).damage, "block 7");
  start();
  EXPECT_OK(db_.collection("a")->check_writable());
  EXPECT_EQ(segments().at(0).damage, "");
  EXPECT_EQ(get("a", "x"), "1");
}

TEST_F(VectorModelTest, collections_are_listed_by_name) {
  for (const char* const name : {"b", "B", "a-1", "a"}) {
    ASSERT_OK(db_.create(name, made_settings(2)));
  }
  std::string names;
  for (const CollectionPtr& one : db_.model().all()) {
    names += one->identity().name + " ";
  }
  EXPECT_EQ(names, "B a a-1 b ");
  EXPECT_CODE(db_.model().find("c"), ErrorCode::kNotFound);
}

TEST(CatalogRows, hold_every_setting) {
  for (const bool with_archive : {false, true}) {
    for (const IndexKind index : {IndexKind::kHnsw, IndexKind::kFlat}) {
      CollectionIdentity identity = {CollectionNumber(7), "a", made_settings(5, Metric::kDot), 1234, Lsn(9)};
      identity.settings.index = index;
      identity.settings.m = index == IndexKind::kHnsw ? 24 : identity.settings.m;
      identity.settings.quantization = Quantization::kSq8;
      if (with_archive) {
        identity.settings.archive = ArchiveSettings{false};
      }
      const auto back = identity_of(catalog_row(identity));
      ASSERT_OK(back);
      EXPECT_EQ(back->number, identity.number);
      EXPECT_EQ(back->name, identity.name);
      EXPECT_EQ(back->settings, identity.settings);
      EXPECT_EQ(back->created_at_ms, identity.created_at_ms);
      EXPECT_EQ(back->created_lsn, identity.created_lsn);
    }
  }
}

TEST(CatalogRows, of_another_build_are_corruption) {
  catalog::Collection row = catalog_row({CollectionNumber(7), "a", made_settings(5, Metric::kDot), 1234, Lsn(9)});
  row.index_kind = "diskann";
  EXPECT_CODE(identity_of(row), ErrorCode::kCorruption);
  row.index_kind = "flat";
  EXPECT_OK(identity_of(row));
  row.index_params = "[]";
  EXPECT_CODE(identity_of(row), ErrorCode::kCorruption);
  row.index_params = R"({"m":16,"beam":3})";
  EXPECT_CODE(identity_of(row), ErrorCode::kCorruption);
}

}  // namespace
}  // namespace vibrato::vector
