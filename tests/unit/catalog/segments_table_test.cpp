#include "catalog/segments_table.hpp"

#include "support/made_catalog.hpp"

namespace vibrato::catalog {
namespace {

using test::made_segment;

class SegmentsTableTest : public test::CatalogTest {
 protected:
  void SetUp() override {
    CatalogTest::SetUp();
    ASSERT_OK(write([](Tables& tables) -> Status {
      VIBRATO_RETURN_IF_ERROR(tables.collections.insert(test::made_collection(1, "a")));
      return tables.collections.insert(test::made_collection(2, "b"));
    }));
  }
  Result<SegmentId> insert(const Segment& segment) {
    SegmentId id;
    VIBRATO_RETURN_IF_ERROR(write([&](Tables& tables) -> Status {
      VIBRATO_ASSIGN_OR_RETURN(id, tables.segments.insert(segment));
      return ok_status();
    }));
    return id;
  }
  std::vector<Segment> all() {
    auto found = catalog_->read([](const Tables& tables) { return tables.segments.all(); });
    EXPECT_OK(found);
    return std::move(found).value();
  }
  Status put(const DeleteBitmap& bitmap) {
    return write([&](Tables& tables) { return tables.segments.put_bitmap(bitmap); });
  }
  std::optional<DeleteBitmap> bitmap(SegmentId segment) {
    auto found = catalog_->read([&](const Tables& tables) { return tables.segments.bitmap(segment); });
    EXPECT_OK(found);
    return std::move(found).value();
  }
};

TEST_F(SegmentsTableTest, segments_come_by_collection_and_age) {
  Segment late = made_segment(1, "seg/late.vdb", 500);
  late.level = 2;
  Segment early = made_segment(1, "seg/early.vdb", 100);
  Segment shared = made_segment(2, "seg/early.vdb", 50);
  shared.part = 1;
  for (Segment* segment : {&shared, &late, &early}) {
    const auto id = insert(*segment);
    ASSERT_OK(id);
    segment->id = *id;
  }
  open();
  EXPECT_EQ(all(), (std::vector<Segment>{early, late, shared}));
  const auto of_one =
      catalog_->read([](const Tables& tables) { return tables.segments.of_collection(CollectionNumber(1)); });
  ASSERT_OK(of_one);
  EXPECT_EQ(*of_one, (std::vector<Segment>{early, late}));
  const auto count =
      catalog_->read([](const Tables& tables) { return tables.segments.count_in_file("seg/early.vdb"); });
  ASSERT_OK(count);
  EXPECT_EQ(*count, 2U);
}

TEST_F(SegmentsTableTest, an_id_is_never_given_twice) {
  const auto first = insert(made_segment(1, "seg/1.vdb", 1));
  ASSERT_OK(first);
  ASSERT_OK(write([&](Tables& tables) { return tables.segments.remove(*first); }));
  const auto second = insert(made_segment(1, "seg/2.vdb", 1));
  ASSERT_OK(second);
  EXPECT_GT(*second, *first);
}

TEST_F(SegmentsTableTest, a_damaged_segment_stays_so) {
  const auto id = insert(made_segment(1, "seg/1.vdb", 1));
  ASSERT_OK(id);
  EXPECT_EQ(all().front().damage, "");
  const std::string reason = "seg/1.vdb: offset 65536: block 1: expected checksum 1, found 2";
  ASSERT_OK(write([&](Tables& tables) { return tables.segments.set_state(*id, SegmentState::kDamaged, reason); }));
  open();
  EXPECT_EQ(all().front().state, SegmentState::kDamaged);
  EXPECT_EQ(all().front().damage, reason);
  ASSERT_OK(write([&](Tables& tables) { return tables.segments.set_state(*id, SegmentState::kLive); }));
  EXPECT_EQ(all().front().damage, "");
}

TEST_F(SegmentsTableTest, what_is_no_segment_is_refused) {
  for (const char* const file : {"", "/abs.vdb", "../up.vdb", "seg/../x", "seg//x", ".hidden", "a b"}) {
    EXPECT_CODE(insert(made_segment(1, file, 1)), ErrorCode::kInvalidArgument) << file;
  }
  EXPECT_CODE(insert(made_segment(9, "seg/1.vdb", 1)), ErrorCode::kInvalidArgument) << "no such collection";
  Segment bad = made_segment(1, "seg/1.vdb", 10);
  bad.last_lsn = Lsn(9);
  EXPECT_CODE(insert(bad), ErrorCode::kInvalidArgument);
  bad = made_segment(1, "seg/1.vdb", 10);
  bad.level = 3;
  EXPECT_CODE(insert(bad), ErrorCode::kInvalidArgument);
  ASSERT_OK(insert(made_segment(1, "seg/1.vdb", 1)));
  EXPECT_CODE(insert(made_segment(2, "seg/1.vdb", 1)), ErrorCode::kAlreadyExists);
  EXPECT_CODE(write([](Tables& tables) { return tables.segments.remove(SegmentId(99)); }), ErrorCode::kNotFound);
  EXPECT_CODE(write([](Tables& tables) { return tables.segments.set_state(SegmentId(99), SegmentState::kLive); }),
              ErrorCode::kNotFound);
}

TEST_F(SegmentsTableTest, a_bitmap_is_replaced_by_newer_ones_only_and_goes_with_its_segment) {
  const auto id = insert(made_segment(1, "seg/1.vdb", 1));
  ASSERT_OK(id);
  EXPECT_EQ(bitmap(*id), std::nullopt);
  const DeleteBitmap old{*id, Lsn(200), 2, {std::byte{1}, std::byte{0}, std::byte{255}}};
  const DeleteBitmap newer{*id, Lsn(300), 3, {std::byte{9}}};
  ASSERT_OK(put(old));
  EXPECT_EQ(bitmap(*id), old);
  ASSERT_OK(put(newer));
  EXPECT_CODE(put(old), ErrorCode::kInvalidArgument);
  open();
  EXPECT_EQ(bitmap(*id), newer);
  EXPECT_CODE(put(DeleteBitmap{SegmentId(99), Lsn(1), 0, {}}), ErrorCode::kInvalidArgument);
  ASSERT_OK(write([&](Tables& tables) { return tables.segments.remove(*id); }));
  EXPECT_EQ(bitmap(*id), std::nullopt);
}

}  // namespace
}  // namespace vibrato::catalog
