#include "catalog/keys_table.hpp"

#include "support/made_catalog.hpp"

namespace vibrato::catalog {
namespace {

using test::made_key;

class KeysTableTest : public test::CatalogTest {
 protected:
  Status insert(const ApiKey& key) {
    return write([&](Tables& tables) { return tables.keys.insert(key); });
  }
  Status revoke(const std::string& id, std::int64_t now_ms) {
    return write([&](Tables& tables) { return tables.keys.revoke(id, now_ms); });
  }
  std::optional<ApiKey> find(const std::string& id) {
    auto found = catalog_->read([&](const Tables& tables) { return tables.keys.find(id); });
    EXPECT_OK(found);
    return std::move(found).value();
  }
};

TEST_F(KeysTableTest, a_key_is_there_with_all_its_limits_after_opening_again) {
  ApiKey limited = made_key("vbk_1");
  limited.roles = kRoleQuery | kRoleIngest;
  limited.collections = std::vector<std::string>{"a", "b.c"};
  limited.expires_at_ms = 5000;
  ApiKey none = made_key("vbk_02");
  none.collections = std::vector<std::string>();
  none.created_at_ms = 999;
  ASSERT_OK(insert(limited));
  ASSERT_OK(insert(none));
  open();
  EXPECT_EQ(find("vbk_1"), limited);
  EXPECT_EQ(find("vbk_02"), none) << "limited to no collection at all, which is not unlimited";
  EXPECT_EQ(find("vbk_3"), std::nullopt);
  const auto all = catalog_->read([](const Tables& tables) { return tables.keys.all(); });
  ASSERT_OK(all);
  EXPECT_EQ(*all, (std::vector<ApiKey>{none, limited}));
}

TEST_F(KeysTableTest, the_first_time_of_revocation_stays) {
  ASSERT_OK(insert(made_key("vbk_1")));
  ASSERT_OK(revoke("vbk_1", 2000));
  EXPECT_OK(revoke("vbk_1", 3000));
  EXPECT_EQ(find("vbk_1")->revoked_at_ms, 2000);
  EXPECT_CODE(revoke("vbk_2", 2000), ErrorCode::kNotFound);
}

TEST_F(KeysTableTest, what_is_no_key_is_refused) {
  ApiKey bad = made_key("vbk_1");
  bad.roles = 0;
  EXPECT_CODE(insert(bad), ErrorCode::kInvalidArgument);
  bad.roles = kRolesAll + 1;
  EXPECT_CODE(insert(bad), ErrorCode::kInvalidArgument);
  bad = made_key("vbk_1");
  bad.name = "two words";
  EXPECT_CODE(insert(bad), ErrorCode::kInvalidArgument);
  bad = made_key("vbk_1");
  bad.collections = std::vector<std::string>{"ok", "../up"};
  EXPECT_CODE(insert(bad), ErrorCode::kInvalidArgument);
  ASSERT_OK(insert(made_key("vbk_1")));
  EXPECT_CODE(insert(made_key("vbk_1")), ErrorCode::kAlreadyExists);
}

}  // namespace
}  // namespace vibrato::catalog
