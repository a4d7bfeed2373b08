#include "catalog/snapshots_table.hpp"

#include "support/made_catalog.hpp"

namespace vibrato::catalog {
namespace {

class SnapshotsTableTest : public test::CatalogTest {
 protected:
  Status insert(const Snapshot& snapshot) {
    return write([&](Tables& tables) { return tables.snapshots.insert(snapshot); });
  }
  std::string newest_up_to(std::uint64_t lsn) {
    const auto found = catalog_->read([&](const Tables& tables) { return tables.snapshots.newest_up_to(Lsn(lsn)); });
    EXPECT_OK(found);
    return found.ok() && *found ? (*found)->name : "(none)";
  }
};

TEST_F(SnapshotsTableTest, the_newest_up_to_an_lsn_is_found) {
  const Snapshot first{"first", "snapshots/first", Lsn(100), 1, 5000};
  ASSERT_OK(insert({"second", "snapshots/second", Lsn(200), 2, 6000}));
  ASSERT_OK(insert(first));
  open();
  EXPECT_EQ(newest_up_to(99), "(none)");
  EXPECT_EQ(newest_up_to(100), "first");
  EXPECT_EQ(newest_up_to(199), "first");
  EXPECT_EQ(newest_up_to(1'000'000), "second");
  const auto all = catalog_->read([](const Tables& tables) { return tables.snapshots.all(); });
  ASSERT_OK(all);
  ASSERT_EQ(all->size(), 2U);
  EXPECT_EQ(all->front(), first);
}

TEST_F(SnapshotsTableTest, a_removed_one_is_gone) {
  ASSERT_OK(insert({"a", "snapshots/a", Lsn(1), 1, 1}));
  ASSERT_OK(write([](Tables& tables) { return tables.snapshots.remove("a"); }));
  EXPECT_CODE(write([](Tables& tables) { return tables.snapshots.remove("a"); }), ErrorCode::kNotFound);
  const auto found = catalog_->read([](const Tables& tables) { return tables.snapshots.find("a"); });
  ASSERT_OK(found);
  EXPECT_EQ(*found, std::nullopt);
}

TEST_F(SnapshotsTableTest, what_is_no_snapshot_is_refused) {
  EXPECT_CODE(insert({"../a", "snapshots/a", Lsn(1), 1, 1}), ErrorCode::kInvalidArgument);
  EXPECT_CODE(insert({"a", "/etc", Lsn(1), 1, 1}), ErrorCode::kInvalidArgument);
  ASSERT_OK(insert({"a", "snapshots/a", Lsn(1), 1, 1}));
  EXPECT_CODE(insert({"a", "snapshots/b", Lsn(1), 1, 1}), ErrorCode::kAlreadyExists);
  EXPECT_CODE(insert({"b", "snapshots/a", Lsn(1), 1, 1}), ErrorCode::kAlreadyExists);
}

}  // namespace
}  // namespace vibrato::catalog
