// What the database does for its files without being asked: the space of what was dropped comes back, damage on the
// disk is found, and the advice that was asked for is given.
#include <algorithm>
#include <chrono>
#include <thread>

#include "commit/idempotent_write.hpp"
#include "support/disk_files.hpp"
#include "support/made_database.hpp"
#include "support/recording_file_system.hpp"

namespace vibrato::engine {
namespace {

constexpr std::uint32_t kRows = 1200;

class DatabaseUpkeepTest : public ::testing::Test {
 protected:
  // A collection with a file of its own.
  void make_large(const std::string& name) {
    ASSERT_OK(database_.create(name));
    const auto collection = database_->vectors().find(name);
    ASSERT_OK(collection);
    const auto outcome = std::make_shared<vector::BatchOutcome>();
    std::vector<vector::PointInput> points;
    for (std::uint64_t id = 0; id < kRows; ++id) {
      points.push_back({PointId(id), test::made_vector(id), test::made_meta(id)});
    }
    ASSERT_OK(database_.commit(vector::make_upsert_batch(database_->vectors(), *collection, std::move(points), outcome),
                               Database::Kind::kPut, collection->get()));
  }
  [[nodiscard]] std::vector<std::string> segment_files() { return test::entries_in(disk_, "/data/segments"); }
  void flip_byte(const std::string& path, std::uint64_t offset) {
    const auto file = disk_.open(path, io::OpenMode::kReadWrite);
    ASSERT_OK(file);
    std::byte byte{};
    ASSERT_OK((*file)->read_at(offset, std::span(&byte, 1)));
    byte ^= std::byte{0x40};
    ASSERT_OK((*file)->write_at(offset, std::span(&byte, 1)));
    ASSERT_OK((*file)->sync());
  }
  struct PlaceOfRow {
    std::string file;
    std::uint64_t offset = 0;  // Of its vector.
    PointId id;
  };
  [[nodiscard]] PlaceOfRow place_of_row(const std::string& name, std::uint32_t row) {
    const auto collection = database_->vectors().find(name);
    EXPECT_OK(collection);
    const auto part = (*collection)->read_view().version->sealed.front();
    const auto values = part->vector(row);
    EXPECT_OK(values);
    const auto* const begin = reinterpret_cast<const std::byte*>(values->data());
    const auto offset = static_cast<std::uint64_t>(begin - part->rows().file().map().bytes().data());
    return {part->entry().file, offset, PointId(*part->id(row))};
  }
  // Whether it comes true; background threads work meanwhile.
  template <typename Condition>
  static bool comes_true(const Condition& condition) {
    constexpr int kTries = 6000;
    for (int tries = 0; tries < kTries; ++tries) {
      if (condition()) {
        return true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  [[nodiscard]] std::uint64_t metric(std::string_view name) { return database_.metrics().counter(name, "").value(); }

  io::SimulatedFileSystem disk_;
  test::RecordingFileSystem recording_{disk_};
  test::MadeDatabase database_{recording_};
};

TEST_F(DatabaseUpkeepTest, a_checkpoint_on_request_saves_a_drop_and_removes_the_files) {
  ASSERT_OK(database_.open());
  make_large("gone");
  ASSERT_OK(database_.create("small"));
  ASSERT_OK(database_.put("small", 1, 1));
  ASSERT_OK(database_.checkpoint());
  ASSERT_EQ(segment_files().size(), 2U);
  ASSERT_OK(database_.drop("gone"));
  ASSERT_OK(database_.checkpoint());
  EXPECT_EQ(segment_files().size(), 1U);
  const auto live = database_->catalog().read([](const catalog::Tables& tables) { return tables.collections.live(); });
  ASSERT_OK(live);
  ASSERT_EQ(live->size(), 1U);
  EXPECT_EQ(live->front().name, "small");
  ASSERT_OK(database_.drop("small"));
  ASSERT_OK(database_.checkpoint());
  EXPECT_TRUE(segment_files().empty());
  ASSERT_OK(database_.open());
  EXPECT_TRUE(database_->vectors().all().empty());
  EXPECT_TRUE(segment_files().empty());
}

TEST_F(DatabaseUpkeepTest, what_a_crash_left_of_snapshots_and_restores_goes_at_the_next_start) {
  ASSERT_OK(database_.open());
  database_.close();
  const std::vector<std::string> left = {"/data/snapshots/.s.partial", "/data/tmp/restore"};
  const std::vector<std::string> foreign = {"/data/snapshots/.partial", "/data/snapshots/.x y.partial",
                                            "/data/snapshots/s.partial", "/data/tmp/notes"};
  for (const std::vector<std::string>* const folders : {&left, &foreign}) {
    for (const std::string& folder : *folders) {
      ASSERT_OK(disk_.create_directory(folder));
      ASSERT_OK(disk_.create_directory(folder + "/segments"));
      ASSERT_OK(disk_.open(folder + "/segments/segment-0000000000000001.vdb", io::OpenMode::kCreateNew));
    }
  }
  const std::vector<std::string> unnamed = {"/data/restore.json.vibrato-tmp", "/data/pepper.vibrato-tmp"};
  for (const std::string& file : {unnamed[0], unnamed[1], std::string("/data/notes.vibrato-tmp")}) {
    ASSERT_OK(disk_.open(file, io::OpenMode::kCreateNew));
  }
  {
    const auto held = disk_.lock_directory("/data/tmp/restore");
    ASSERT_OK(held);
    ASSERT_OK(database_.open());
    EXPECT_OK(disk_.stat("/data/tmp/restore/segments"));
  }
  ASSERT_OK(database_.open());
  for (const std::string& folder : left) {
    EXPECT_CODE(disk_.stat(folder), ErrorCode::kNotFound) << folder;
  }
  for (const std::string& folder : foreign) {
    EXPECT_OK(disk_.stat(folder + "/segments/segment-0000000000000001.vdb")) << folder;
  }
  for (const std::string& file : unnamed) {
    EXPECT_CODE(disk_.stat(file), ErrorCode::kNotFound) << file;
  }
  EXPECT_OK(disk_.stat("/data/notes.vibrato-tmp"));
}

TEST_F(DatabaseUpkeepTest, the_files_of_a_dropped_collection_go_without_a_request) {
  database_.options().background_threads = 2;
  ASSERT_OK(database_.open());
  make_large("gone");
  ASSERT_OK(database_.checkpoint());
  ASSERT_EQ(segment_files().size(), 1U);
  ASSERT_OK(database_.drop("gone"));
  // Neither the 30 seconds between checkpoints nor the 180 between compactions are waited for.
  EXPECT_TRUE(comes_true([this] { return segment_files().empty(); }));
}

TEST_F(DatabaseUpkeepTest, the_scrub_finds_damage_after_the_start_and_everybody_is_told) {
  ASSERT_OK(database_.open());
  make_large("bad");
  make_large("good");
  ASSERT_OK(database_.checkpoint());
  const auto bad = database_->vectors().find("bad");
  ASSERT_OK(bad);
  const std::string file = (*bad)->read_view().version->sealed.front()->entry().file;
  database_->stop();
  flip_byte("/data/" + file, 65536 + 100);

  database_.options().background_threads = 2;
  ASSERT_OK(database_.open());
  ASSERT_TRUE(comes_true([this] { return metric("vibrato_scrub_total") == 1; }));
  EXPECT_EQ(metric("vibrato_scrub_damaged_segments_total"), 1U);
  EXPECT_GT(metric("vibrato_scrub_bytes_total"), kRows * sizeof(float) * test::kMadeDim);
  const Readiness readiness = database_->readiness();
  ASSERT_EQ(readiness.reasons.size(), 1U);
  EXPECT_EQ(readiness.reasons[0].find("bad"), std::string::npos)
      << "who asks may have no key: " << readiness.reasons[0];
  EXPECT_NE(readiness.reasons[0].find(file), std::string::npos) << readiness.reasons[0];
  EXPECT_NE(readiness.reasons[0].find("65536"), std::string::npos) << readiness.reasons[0];
  EXPECT_EQ(database_->stats().damaged_segments, 1U);
  EXPECT_OK(database_.put("good", 1, 1));
  EXPECT_FALSE(database_.put("bad", 1, 1).ok());

  database_.options().background_threads = 0;
  ASSERT_OK(database_.open());
  EXPECT_FALSE(database_->readiness().ready);
}

TEST_F(DatabaseUpkeepTest, damage_that_a_request_or_a_snapshot_meets_is_told_by_everybody_and_over_restarts) {
  database_.options().scrub_interval_secs = 0;
  ASSERT_OK(database_.open());
  make_large("asked");
  make_large("copied");
  ASSERT_OK(database_.checkpoint());
  std::vector<PlaceOfRow> places;
  for (const char* const name : {"asked", "copied"}) {
    places.push_back(place_of_row(name, kRows / 2));
  }
  database_->stop();
  for (const PlaceOfRow& place : places) {
    flip_byte("/data/" + place.file, place.offset);
  }
  for (int restart = 0; restart < 2; ++restart) {
    database_.options().background_threads = restart == 0 ? 2 : 0;
    ASSERT_OK(database_.open());
    if (restart == 0) {
      ASSERT_TRUE(database_->readiness().ready);
      EXPECT_FALSE(database_.snapshot("s").ok());  // Meets one of the two.
      for (const char* const name : {"asked", "copied"}) {
        static_cast<void>((*database_->vectors().find(name))->get(places.front().id.view()));
      }
    }
    const Readiness readiness = database_->readiness();
    ASSERT_EQ(readiness.reasons.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_NE(readiness.reasons[i].find(places[i].file), std::string::npos) << readiness.reasons[i];
      EXPECT_NE(readiness.reasons[i].find("offset "), std::string::npos) << readiness.reasons[i];
    }
    EXPECT_FALSE(database_.put("asked", 1, 1).ok());
    EXPECT_TRUE(comes_true([this] {
      database_.clock().advance_ms(100);  // The catalog is told once a second.
      const auto all = database_->catalog().read([](const catalog::Tables& tables) { return tables.segments.all(); });
      return all.ok() && std::all_of(all->begin(), all->end(), [](const catalog::Segment& segment) {
               return segment.state == catalog::SegmentState::kDamaged && !segment.damage.empty();
             });
    }));
  }
}

TEST_F(DatabaseUpkeepTest, a_snapshot_that_meets_damage_degrades_the_collection) {
  ASSERT_OK(database_.open());
  make_large("bad");
  ASSERT_OK(database_.checkpoint());
  const PlaceOfRow place = place_of_row("bad", 1);
  database_->stop();
  flip_byte("/data/" + place.file, place.offset);
  ASSERT_OK(database_.open());
  ASSERT_TRUE(database_->readiness().ready);
  EXPECT_FALSE(database_.snapshot("s").ok());
  ASSERT_EQ(database_->readiness().reasons.size(), 1U);
  EXPECT_NE(database_->readiness().reasons[0].find(place.file), std::string::npos);
}

// Accepted, and without an effect.
class NoWrite final : public commit::Write {
 public:
  [[nodiscard]] Status validate(commit::EffectList& /*effects*/) override { return ok_status(); }
  [[nodiscard]] std::uint64_t bytes() const override { return 1; }
};

TEST_F(DatabaseUpkeepTest, records_of_idempotency_keys_alone_do_not_hold_the_log_back) {
  ASSERT_OK(database_.open());
  ASSERT_OK(database_.create("c"));
  ASSERT_OK(database_.put("c", 1, 1));
  const auto answer = [](Lsn, std::int64_t) { return commit::IdempotentAnswer{200, std::string(100, 'x')}; };
  for (int i = 0; i < 1000; ++i) {
    ASSERT_OK(database_.commit(
        commit::make_idempotent(database_->idempotency_keys(), std::make_unique<NoWrite>(), {"", std::to_string(i), {}},
                                answer, std::make_shared<commit::IdempotentOutcome>()),
        Database::Kind::kAdmin));
  }
  const std::uint64_t before = database_->stats().wal_bytes;
  ASSERT_OK(database_.checkpoint());
  const DatabaseStats after = database_->stats();
  EXPECT_EQ(after.durable_lsn, after.visible_lsn);
  EXPECT_EQ(after.unsealed_log_records, 0U);
  EXPECT_LT(after.wal_bytes, before / 2);
  ASSERT_OK(database_.open());
  EXPECT_EQ(database_->idempotency_keys().count(), 1000U);
  EXPECT_OK(database_.content());
}

TEST_F(DatabaseUpkeepTest, without_an_interval_nothing_is_scrubbed) {
  ASSERT_OK(database_.open());
  make_large("c");
  ASSERT_OK(database_.checkpoint());
  database_.options().background_threads = 2;
  database_.options().scrub_interval_secs = 0;
  ASSERT_OK(database_.open());
  database_->stop();
  EXPECT_EQ(metric("vibrato_scrub_total"), 0U);
  EXPECT_EQ(metric("vibrato_scrub_bytes_total"), 0U);
}

TEST_F(DatabaseUpkeepTest, the_advice_about_raw_vectors_is_the_one_that_was_asked_for) {
  using Access = io::ReadOnlyMap::Access;
  for (const bool random : {false, true}) {
    database_.options().random_madvise = random;
    const std::string name = random ? "random" : "normal";
    ASSERT_OK(database_.open());
    make_large(name);
    recording_.clear();
    ASSERT_OK(database_.checkpoint());
    const std::size_t written = random ? 1 : 0;
    EXPECT_EQ(recording_.count(Access::kRandom), written) << name;
    const auto collection = database_->vectors().find(name);
    ASSERT_OK(collection);
    ASSERT_TRUE((*collection)->read_view().version->sealed.front()->rows().has_graph());
    recording_.clear();
    ASSERT_OK(database_.open());
    EXPECT_EQ(recording_.count(Access::kRandom), random ? 2U : 0U) << name;
    EXPECT_GT(recording_.count(Access::kWillNeed), 0U) << name;
  }
}

}  // namespace
}  // namespace vibrato::engine
