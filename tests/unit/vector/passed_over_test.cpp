// Deletes and overwrites of rows in a part that is too damaged to be asked for their ids: no reader sees the old rows,
// whether the records were replayed or in flight, and the records stay in the log for when the part is whole again.
#include "vector/passed_over.hpp"

#include <gtest/gtest.h>
#include <set>
#include <string>

#include "base/random.hpp"
#include "support/file_contents.hpp"
#include "support/vector_store_test.hpp"

namespace vibrato::vector {
namespace {

using format::SectionKind;

constexpr std::uint64_t kPassedOverRows = 20'000;  // Their ids take three blocks.

class PassedOverTest : public test::VectorStoreTest {
 protected:
  // A part of one file whose rows have ids from 0, and one beside it that stays whole.
  void make(IndexKind index) {
    CollectionSettings settings;
    settings.dim = test::kStoreDim;
    settings.metric = Metric::kL2;
    settings.index = index;
    if (index == IndexKind::kHnsw) {
      settings.m = 8;
      settings.ef_construction = 40;
    }
    ASSERT_OK(store_->create("c", settings));
    for (std::uint64_t first = 0; first < kPassedOverRows; first += 2000) {
      put("c", first, first + 2000);
    }
    checkpoint();
    put("c", kPassedOverRows, kPassedOverRows + 200);
    checkpoint();
    ASSERT_EQ(sealed_parts("c"), 2U);
  }
  [[nodiscard]] std::shared_ptr<const SealedPart> part() const {
    return store_->collection("c")->read_view().version->sealed.front();
  }
  [[nodiscard]] std::string path() const { return "/data/" + part()->entry().file; }
  // The block of a section, or all of them, on the disk alone: the part that is open must be opened anew.
  void damage(SectionKind kind, std::optional<std::uint64_t> block = std::nullopt) {
    const store::VdbFile& image = part()->rows().file();
    const auto bytes = image.section(kind);
    ASSERT_TRUE(bytes.has_value());
    const auto begin = static_cast<std::uint64_t>(bytes->data() - image.map().bytes().data());
    const std::uint64_t end = begin + bytes->size();
    const auto file = disk_.open(path(), io::OpenMode::kReadWrite);
    ASSERT_OK(file);
    for (std::uint64_t at = begin + 100; at < end; at += 4096) {
      if (block && at / format::kVdbBlockBytes != begin / format::kVdbBlockBytes + *block) {
        continue;
      }
      std::byte byte{};
      ASSERT_OK((*file)->read_at(at, std::span(&byte, 1)));
      byte ^= std::byte{0x10};
      ASSERT_OK((*file)->write_at(at, std::span(&byte, 1)));
    }
    ASSERT_OK((*file)->sync());
  }
  void change_and_delete(Random& random, int writes) {
    for (int i = 0; i < writes; ++i) {
      const std::uint64_t id = random.below(kPassedOverRows);
      const bool is_there = expected_["c"].contains(PointId(id));
      if (random.below(2) == 0 && is_there) {
        remove("c", id, id + 1);
        ended_.insert(id);
      } else {
        put("c", id, id + 1, 1 + random.below(1000));
        ended_.insert(id);
      }
    }
  }
  // Of rows as they were first: a search for one must not find it if it was ended since.
  void expect_no_old_rows(bool may_fail) {
    const CollectionPtr collection = store_->collection("c");
    std::size_t answered = 0;
    for (const std::uint64_t id : ended_) {
      for (const bool exact : {false, true}) {
        const std::vector<float> query = test::made_vector(test::kStoreDim, id);
        SearchRequest request;
        request.vector = query;
        request.k = may_fail ? 1 : 3;
        request.exact = exact;
        const auto answer = collection->search(request);
        if (!answer.ok()) {
          ASSERT_TRUE(may_fail) << answer.status().message();
          EXPECT_CODE(answer, ErrorCode::kCorruption);
          continue;
        }
        ++answered;
        ASSERT_EQ(answer->hits.size(), request.k);
        for (const PointHit& hit : answer->hits) {
          const auto row = expected_["c"].find(PointId(hit.id));
          ASSERT_NE(row, expected_["c"].end()) << "a deleted point, id " << hit.id.number;
          const auto vector = hit.segment->vector(hit.row);
          ASSERT_OK(vector);
          ASSERT_TRUE(std::ranges::equal(*vector, row->second.vector)) << "an old row, id " << hit.id.number;
        }
      }
      const auto point = collection->get(PointId(id).view());
      const auto row = expected_["c"].find(PointId(id));
      if (row != expected_["c"].end()) {
        ASSERT_OK(point);
        ASSERT_TRUE(point->has_value());
        ASSERT_TRUE(std::ranges::equal((*point)->vector, row->second.vector));
      } else if (point.ok()) {
        ASSERT_FALSE(point->has_value());
      }
    }
    ASSERT_GT(answered, ended_.size() / 4);
  }

  std::set<std::uint64_t> ended_;
};

TEST_F(PassedOverTest, searches_show_no_old_rows_when_the_lookup_is_damaged) {
  for (const IndexKind index : {IndexKind::kFlat, IndexKind::kHnsw}) {
    SCOPED_TRACE(static_cast<int>(index));
    ended_.clear();
    make(index);
    Random random(41);
    SCOPED_TRACE("seed 41");
    change_and_delete(random, 150);
    const std::string whole = *test::read_text(disk_, path());
    const std::string where = path();
    damage(SectionKind::kIdHash);
    const std::uint64_t live = expected_["c"].size();
    for (int restart = 0; restart < 2; ++restart) {
      open();
      expect_no_old_rows(false);
      EXPECT_EQ(store_->collection("c")->info().live_count, live);
      EXPECT_CODE(store_->collection("c")->check_writable(), ErrorCode::kUnavailable);
      checkpoint();  // Saves nothing of it: the records are replayed again.
      EXPECT_TRUE(store_->collection("c")->oldest_unsaved_lsn().has_value());
    }
    // The part is whole again: what was passed over is applied to it by the replay.
    test::write_text(disk_, where, whole);
    open();
    expect_contents();
    expect_no_old_rows(false);
    ASSERT_OK(store_->drop("c"));
    checkpoint();
    expected_.clear();
  }
}

TEST_F(PassedOverTest, rows_whose_ids_cannot_be_read_are_an_error_and_the_others_are_never_old) {
  make(IndexKind::kFlat);
  Random random(42);
  SCOPED_TRACE("seed 42");
  change_and_delete(random, 200);
  damage(SectionKind::kIds, 1);
  damage(SectionKind::kIdHash, 0);
  for (int restart = 0; restart < 2; ++restart) {
    open();
    expect_no_old_rows(true);
  }
}

TEST_F(PassedOverTest, writes_in_flight_when_the_damage_is_met_end_the_old_rows) {
  make(IndexKind::kFlat);
  damage(SectionKind::kIdHash);
  open();
  // One group: the first of them meets the damage, all are applied.
  put("c", 7, 12, 3);
  for (std::uint64_t id = 7; id < 12; ++id) {
    ended_.insert(id);
  }
  EXPECT_CODE(store_->remove("c", PointId(std::uint64_t{13})), ErrorCode::kUnavailable);
  expect_no_old_rows(false);
  expect_contents();
  open();
  expect_no_old_rows(false);
  expect_contents();
}

TEST_F(PassedOverTest, a_reader_of_before_the_write_still_sees_the_old_row) {
  make(IndexKind::kFlat);
  damage(SectionKind::kIdHash);
  open();
  const ReadView before = store_->collection("c")->read_view();
  put("c", 7, 8, 3);
  expect_contents();
  const auto& old_part = before.version->sealed.front();
  std::uint64_t seen = 0;
  for (std::uint32_t row = 0; row < old_part->row_count(); ++row) {
    seen += old_part->is_alive(row, before.visible) ? 1 : 0;
  }
  EXPECT_EQ(seen, kPassedOverRows);
}

TEST_F(PassedOverTest, without_damage_nothing_is_noted) {
  create("c");
  put("c", 0, 100);
  checkpoint();
  PassedOver none;
  EXPECT_EQ(none.settle(), 0U);
  EXPECT_EQ(none.count(), 0U);
  EXPECT_FALSE(none.has_met(*part()));
  none.note(part(), PointId(std::uint64_t{3}).view(), Lsn(1000));
  none.note(part(), PointId(std::uint64_t{3}).view(), Lsn(1001));
  none.note(part(), PointId(std::uint64_t{3000}).view(), Lsn(1002));  // Not in it.
  EXPECT_EQ(none.count(), 2U);
  EXPECT_TRUE(none.has_met(*part()));
  EXPECT_EQ(none.settle(), 1U);
  EXPECT_EQ(none.count(), 0U);
  EXPECT_EQ(part()->deletes()->last_mark(), Lsn(1000));
}

}  // namespace
}  // namespace vibrato::vector
