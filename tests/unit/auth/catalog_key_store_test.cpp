// Keys in a real catalog on a simulated disk: what memory says is what a restart finds.
#include "auth/catalog_key_store.hpp"

#include <gtest/gtest.h>
#include <string>

#include "auth/key_manager.hpp"
#include "support/made_catalog.hpp"
#include "support/made_random_source.hpp"
#include "support/recorded_audit.hpp"

namespace vibrato::auth {
namespace {

KeyRecord made_record(const std::string& id, std::int64_t created_at_ms) {
  KeyRecord record;
  record.id = id;
  record.name = "made";
  record.secret_hash.fill(std::byte{0xab});
  record.roles = {Role::kQuery};
  record.created_at_ms = created_at_ms;
  return record;
}

class CatalogKeyStoreTest : public test::CatalogTest {
 protected:
  void SetUp() override {
    test::CatalogTest::SetUp();
    open_store();
  }
  void open_store() {
    auto opened = CatalogKeyStore::open(*catalog_);
    ASSERT_OK(opened);
    store_ = std::move(opened).value();
  }
  void restart() {
    store_.reset();
    open();
    open_store();
  }

  std::unique_ptr<CatalogKeyStore> store_;
};

TEST_F(CatalogKeyStoreTest, a_key_is_there_whole_before_and_after_a_restart) {
  for (unsigned bits = 1; bits < 8; ++bits) {
    KeyRecord record = made_record("vbk_" + std::to_string(bits), 1000);
    record.roles = {};
    for (const Role role : kAllRoles) {
      if (((bits >> static_cast<unsigned>(role)) & 1U) != 0) {
        record.roles.add(role);
      }
    }
    if (bits % 2 == 0) {
      record.scope = Scope::only({"b", "a"}).value();
      record.expires_at_ms = 5000;
    }
    ASSERT_OK(store_->insert(record));
    EXPECT_EQ(store_->find(record.id).value(), record);
    restart();
    EXPECT_EQ(store_->find(record.id).value(), record);
  }
  EXPECT_EQ(store_->find("vbk_8").value(), std::nullopt);
}

TEST_F(CatalogKeyStoreTest, lists_by_creation_and_then_by_id) {
  ASSERT_OK(store_->insert(made_record("vbk_a", 2000)));
  ASSERT_OK(store_->insert(made_record("vbk_c", 1000)));
  ASSERT_OK(store_->insert(made_record("vbk_b", 1000)));
  for (int i = 0; i < 2; ++i) {
    const auto keys = store_->list();
    ASSERT_OK(keys);
    ASSERT_EQ(keys->size(), 3U);
    EXPECT_EQ((*keys)[0].id, "vbk_b");
    EXPECT_EQ((*keys)[1].id, "vbk_c");
    EXPECT_EQ((*keys)[2].id, "vbk_a");
    restart();
  }
}

TEST_F(CatalogKeyStoreTest, an_id_is_taken_once_and_the_first_revocation_stays) {
  ASSERT_OK(store_->insert(made_record("vbk_a", 1000)));
  EXPECT_CODE(store_->insert(made_record("vbk_a", 2000)), ErrorCode::kAlreadyExists);
  EXPECT_CODE(store_->revoke("vbk_b", 3000), ErrorCode::kNotFound);
  ASSERT_OK(store_->revoke("vbk_a", 3000));
  EXPECT_OK(store_->revoke("vbk_a", 4000));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(store_->find("vbk_a").value()->created_at_ms, 1000);
    EXPECT_EQ(store_->find("vbk_a").value()->revoked_at_ms, 3000);
    restart();
  }
}

TEST_F(CatalogKeyStoreTest, a_key_limited_to_nothing_does_not_become_unlimited) {
  catalog::ApiKey row = test::made_key("vbk_1");
  row.collections = std::vector<std::string>();
  ASSERT_OK(write([&](catalog::Tables& tables) { return tables.keys.insert(row); }));
  EXPECT_CODE(CatalogKeyStore::open(*catalog_), ErrorCode::kCorruption);
}

TEST_F(CatalogKeyStoreTest, what_did_not_reach_the_disk_is_not_in_memory) {
  ASSERT_OK(store_->insert(made_record("vbk_a", 1000)));
  disk_.fail_next_sync();
  EXPECT_FALSE(store_->insert(made_record("vbk_b", 2000)).ok());
  EXPECT_EQ(store_->find("vbk_b").value(), std::nullopt);
  EXPECT_CODE(store_->revoke("vbk_a", 3000), ErrorCode::kUnavailable);
  EXPECT_FALSE(store_->find("vbk_a").value()->is_revoked());
}

TEST_F(CatalogKeyStoreTest, an_answered_revocation_outlives_every_power_loss) {
  const Pepper pepper = Pepper::from_text("a-pepper-that-only-the-tests-know").value();
  test::MadeRandomSource random;
  test::RecordedAudit audit;
  for (const io::CrashMode mode : io::kAllCrashModes) {
    Authenticator authenticator(*store_, pepper);
    KeyManager manager({*store_, authenticator, pepper, random, clock_, audit});
    const auto created = manager.create({"test"}, {"made", {Role::kQuery}});
    ASSERT_OK(created);
    const Credentials credentials{std::nullopt, created->token.view()};
    ASSERT_EQ(authenticator.authenticate(credentials, 0).state, AuthState::kAuthenticated);
    ASSERT_OK(manager.revoke({"test"}, created->record.id));
    store_.reset();
    catalog_.reset();
    disk_.cut_power();
    disk_.restart(mode, 7);
    open();
    open_store();
    Authenticator after(*store_, pepper);
    EXPECT_EQ(after.authenticate(credentials, 0).state, AuthState::kRevoked) << static_cast<int>(mode);
  }
}

}  // namespace
}  // namespace vibrato::auth
