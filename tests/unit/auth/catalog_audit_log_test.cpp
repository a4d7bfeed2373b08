#include "auth/catalog_audit_log.hpp"

#include "support/made_catalog.hpp"

namespace vibrato::auth {
namespace {

class CatalogAuditLogTest : public test::CatalogTest {
 protected:
  static AuditEvent event(std::int64_t at_ms) {
    AuditEvent made;
    made.time_ms = at_ms;
    made.action = "POST /v1/vector/{c}/search";
    made.outcome = ErrorCode::kUnauthenticated;
    return made;
  }
  std::vector<catalog::AuditEvent> newest(std::uint32_t limit) {
    auto page = catalog_->read([&](const catalog::Tables& tables) { return tables.audit.page(std::nullopt, limit); });
    EXPECT_OK(page);
    return std::move(page).value();
  }
};

TEST_F(CatalogAuditLogTest, queued_events_are_written_together_with_all_that_they_say) {
  CatalogAuditLog log(*catalog_, clock_, 1000);
  log.record(event(1));
  log.record({2, "vbk_1", "10.0.0.1", "keys.revoke", "vbk_2", ErrorCode::kOk, "\xff", "r-1"});
  EXPECT_TRUE(newest(10).empty());
  ASSERT_OK(log.flush());
  ASSERT_EQ(newest(10).size(), 2U);
  EXPECT_EQ(newest(10).back().status, 401);
  const catalog::AuditEvent expected{
      2,          2,
      "r-1",      "vbk_1",
      "10.0.0.1", "keys.revoke",
      200,        "{\"detail\":\"\xef\xbf\xbd\",\"outcome\":\"ok\",\"target\":\"vbk_2\"}"};
  EXPECT_EQ(newest(1).front(), expected);
  const std::uint64_t operations = disk_.operation_count();
  ASSERT_OK(log.flush());
  EXPECT_EQ(disk_.operation_count(), operations) << "nothing is queued any more";
}

TEST_F(CatalogAuditLogTest, a_flood_is_counted_and_not_kept) {
  CatalogAuditLog log(*catalog_, clock_, 10'000);
  for (std::size_t i = 0; i < CatalogAuditLog::kQueuedMax + 5; ++i) {
    log.record(event(1));
  }
  EXPECT_EQ(log.dropped_count(), 5U);
  ASSERT_OK(log.flush());
  const auto events = newest(10'000);
  ASSERT_EQ(events.size(), CatalogAuditLog::kQueuedMax + 1);
  EXPECT_EQ(events.front().details, R"({"dropped":5})");
  EXPECT_EQ(events.front().at_ms, clock_.now_ms());
  log.record(event(2));
  ASSERT_OK(log.flush());
  EXPECT_EQ(newest(1).front().at_ms, 2) << "the five are told once";
}

TEST_F(CatalogAuditLogTest, only_the_newest_events_are_kept) {
  CatalogAuditLog log(*catalog_, clock_, 3);
  for (std::int64_t at_ms = 1; at_ms <= 5; ++at_ms) {
    log.record(event(at_ms));
  }
  ASSERT_OK(log.flush());
  const auto events = newest(10);
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events.back().at_ms, 3);
}

TEST_F(CatalogAuditLogTest, events_wait_for_the_next_flush_after_one_that_fails) {
  CatalogAuditLog log(*catalog_, clock_, 1000);
  log.record(event(1));
  disk_.set_capacity(1);
  EXPECT_CODE(log.flush(), ErrorCode::kDiskFull);
  disk_.set_capacity(UINT64_MAX);
  ASSERT_OK(log.flush());
  EXPECT_EQ(newest(10).size(), 1U);
}

}  // namespace
}  // namespace vibrato::auth
