#include "catalog/collections_table.hpp"

#include "base/limits.hpp"
#include "support/made_catalog.hpp"

namespace vibrato::catalog {
namespace {

using test::made_collection;

class CollectionsTableTest : public test::CatalogTest {
 protected:
  Status insert(const Collection& collection) {
    return write([&](Tables& tables) { return tables.collections.insert(collection); });
  }
  Status drop(std::uint32_t number, std::uint64_t lsn) {
    return write([&](Tables& tables) { return tables.collections.drop(CollectionNumber(number), Lsn(lsn)); });
  }
  std::vector<Collection> live() {
    auto all = catalog_->read([](const Tables& tables) { return tables.collections.live(); });
    EXPECT_OK(all);
    return std::move(all).value();
  }
  std::uint32_t next_number() {
    const auto next = catalog_->read([](const Tables& tables) { return tables.collections.next_number(); });
    EXPECT_OK(next);
    return next->value();
  }
};

TEST_F(CollectionsTableTest, every_setting_is_there_after_opening_again) {
  Collection archived = made_collection(2, "b");
  archived.archive_keep_raw = false;
  archived.metric = Metric::kL2;
  ASSERT_OK(insert(made_collection(1, "a")));
  ASSERT_OK(insert(archived));
  open();
  EXPECT_EQ(live(), (std::vector<Collection>{made_collection(1, "a"), archived}));
  const auto by_name = catalog_->read([](const Tables& tables) { return tables.collections.find_by_name("b"); });
  ASSERT_OK(by_name);
  EXPECT_EQ(*by_name, archived);
}

TEST_F(CollectionsTableTest, a_number_is_never_given_twice) {
  EXPECT_EQ(next_number(), 1U);
  ASSERT_OK(insert(made_collection(5, "a")));
  EXPECT_EQ(next_number(), 6U);
  EXPECT_CODE(insert(made_collection(4, "b")), ErrorCode::kConflict) << "skipped, and too late now";
  ASSERT_OK(drop(5, 50));
  ASSERT_OK(write([](Tables& tables) { return tables.collections.erase(CollectionNumber(5)); }));
  open();
  EXPECT_EQ(next_number(), 6U);
  EXPECT_CODE(insert(made_collection(5, "c")), ErrorCode::kConflict);
  EXPECT_OK(insert(made_collection(6, "c")));
}

TEST_F(CollectionsTableTest, names_outlive_erasing_until_they_are_forgotten) {
  using Names = std::map<CollectionNumber, std::string>;
  const auto names = [this] {
    auto all = catalog_->read([](const Tables& tables) { return tables.collections.names(); });
    EXPECT_OK(all);
    return std::move(all).value();
  };
  const auto forget = [this](std::uint64_t lsn) {
    return write([lsn](Tables& tables) { return tables.collections.forget_names(Lsn(lsn)); });
  };
  ASSERT_OK(insert(made_collection(1, "a")));
  ASSERT_OK(insert(made_collection(2, "b")));
  ASSERT_OK(drop(1, 50));
  ASSERT_OK(write([](Tables& tables) { return tables.collections.erase(CollectionNumber(1)); }));
  open();
  const Names both = {{CollectionNumber(1), "a"}, {CollectionNumber(2), "b"}};
  EXPECT_EQ(names(), both);
  ASSERT_OK(forget(49));
  EXPECT_EQ(names(), both);
  ASSERT_OK(forget(50));
  EXPECT_EQ(names(), (Names{{CollectionNumber(2), "b"}})) << "a live one is never forgotten";
}

TEST_F(CollectionsTableTest, inserting_the_same_again_is_a_replay_and_ok) {
  ASSERT_OK(insert(made_collection(1, "a")));
  EXPECT_OK(insert(made_collection(1, "a")));
  EXPECT_CODE(insert(made_collection(1, "other")), ErrorCode::kConflict);
  EXPECT_EQ(live().size(), 1U);
}

TEST_F(CollectionsTableTest, a_name_is_free_again_after_a_drop) {
  ASSERT_OK(insert(made_collection(1, "a")));
  EXPECT_CODE(insert(made_collection(2, "a")), ErrorCode::kAlreadyExists);
  EXPECT_EQ(next_number(), 2U) << "the refused insert took no number";
  ASSERT_OK(drop(1, 20));
  EXPECT_OK(drop(1, 30)) << "a replay";
  EXPECT_OK(insert(made_collection(2, "a")));
  const auto dropped = catalog_->read([](const Tables& tables) { return tables.collections.dropped(); });
  ASSERT_OK(dropped);
  ASSERT_EQ(dropped->size(), 1U);
  EXPECT_EQ(dropped->front().dropped_lsn, Lsn(20));
  EXPECT_CODE(drop(9, 40), ErrorCode::kNotFound);
}

TEST_F(CollectionsTableTest, only_a_dropped_one_without_segments_is_erased) {
  const auto erase = [&] {
    return write([](Tables& tables) { return tables.collections.erase(CollectionNumber(1)); });
  };
  ASSERT_OK(insert(made_collection(1, "a")));
  EXPECT_CODE(erase(), ErrorCode::kInvalidArgument);
  SegmentId segment;
  ASSERT_OK(write([&](Tables& tables) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(segment, tables.segments.insert(test::made_segment(1, "seg/1.vdb", 1)));
    return tables.collections.drop(CollectionNumber(1), Lsn(200));
  }));
  EXPECT_CODE(erase(), ErrorCode::kInvalidArgument);
  ASSERT_OK(write([&](Tables& tables) { return tables.segments.remove(segment); }));
  EXPECT_OK(erase());
}

TEST_F(CollectionsTableTest, keeps_the_next_point_number_until_the_collection_is_erased) {
  const auto next = [&](std::uint32_t number) {
    const auto found = catalog_->read(
        [&](const Tables& tables) { return tables.collections.next_point_number(CollectionNumber(number)); });
    EXPECT_OK(found);
    return *found;
  };
  const auto set = [&](std::uint32_t number, std::uint64_t value) {
    return write(
        [&](Tables& tables) { return tables.collections.set_next_point_number(CollectionNumber(number), value); });
  };
  ASSERT_OK(insert(made_collection(1, "a")));
  EXPECT_EQ(next(1), 0U);
  ASSERT_OK(set(1, 7));
  ASSERT_OK(set(1, 0xFFFFFFFFFFFFFFFEU));
  open();
  EXPECT_EQ(next(1), 0xFFFFFFFFFFFFFFFEU);
  EXPECT_FALSE(set(2, 1).ok()) << "there is no such collection";
  ASSERT_OK(drop(1, 200));
  ASSERT_OK(write([](Tables& tables) { return tables.collections.erase(CollectionNumber(1)); }));
  EXPECT_EQ(next(1), 0U);
}

TEST_F(CollectionsTableTest, what_is_no_collection_is_refused) {
  Collection bad = made_collection(1, "../a");
  EXPECT_CODE(insert(bad), ErrorCode::kInvalidArgument);
  bad = made_collection(0, "a");
  EXPECT_CODE(insert(bad), ErrorCode::kInvalidArgument);
  bad = made_collection(1, "a");
  bad.dim = 0;
  EXPECT_CODE(insert(bad), ErrorCode::kInvalidArgument);
  bad.dim = limits::kDimMax + 1;
  EXPECT_CODE(insert(bad), ErrorCode::kInvalidArgument);
  bad.dim = limits::kDimMax;
  bad.index_params = "{";
  EXPECT_CODE(insert(bad), ErrorCode::kInvalidArgument);
  bad.index_params = "{}";
  EXPECT_OK(insert(bad));
}

}  // namespace
}  // namespace vibrato::catalog
