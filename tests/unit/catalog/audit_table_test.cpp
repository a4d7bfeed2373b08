#include "catalog/audit_table.hpp"

#include "support/made_catalog.hpp"

namespace vibrato::catalog {
namespace {

class AuditTableTest : public test::CatalogTest {
 protected:
  // Appends events whose time is `first`, `first` + 1, ...
  void append(std::int64_t first, std::int64_t count) {
    std::vector<AuditEvent> events;
    for (std::int64_t i = 0; i < count; ++i) {
      events.push_back({0, first + i, "request", "vbk_1", "127.0.0.1", "POST /v1/admin/keys", 200, "{}"});
    }
    ASSERT_OK(write([&](Tables& tables) { return tables.audit.append(events); }));
  }
  std::vector<std::int64_t> times(std::optional<std::uint64_t> before, std::uint32_t limit) {
    const auto page = catalog_->read([&](const Tables& tables) { return tables.audit.page(before, limit); });
    EXPECT_OK(page);
    std::vector<std::int64_t> found;
    for (const AuditEvent& event : *page) {
      found.push_back(event.at_ms);
      last_ = event.sequence;
    }
    return found;
  }

  std::uint64_t last_ = 0;  // The cursor behind the last page.
};

using Times = std::vector<std::int64_t>;

TEST_F(AuditTableTest, pages_run_from_the_newest_to_the_oldest) {
  append(1, 5);
  open();
  EXPECT_EQ(times(std::nullopt, 2), (Times{5, 4}));
  append(6, 1);
  EXPECT_EQ(times(last_, 2), (Times{3, 2})) << "new events do not move a page";
  EXPECT_EQ(times(last_, 2), Times{1});
  EXPECT_EQ(times(last_, 2), Times());
}

TEST_F(AuditTableTest, all_of_an_event_is_kept) {
  const AuditEvent event{0, 77, "r-1", "", "10.0.0.1", "GET /v1/admin/stats", 403, R"({"role":"query"})"};
  ASSERT_OK(write([&](Tables& tables) { return tables.audit.append(std::span(&event, 1)); }));
  const auto page = catalog_->read([](const Tables& tables) { return tables.audit.page(std::nullopt, 10); });
  ASSERT_OK(page);
  ASSERT_EQ(page->size(), 1U);
  AuditEvent expected = event;
  expected.sequence = 1;
  EXPECT_EQ(page->front(), expected);
}

TEST_F(AuditTableTest, trimming_drops_the_oldest_and_reuses_no_number) {
  append(1, 10);
  std::uint64_t dropped = 0;
  const auto trim = [&](std::uint64_t events_max) {
    return write([&](Tables& tables) -> Status {
      VIBRATO_ASSIGN_OR_RETURN(dropped, tables.audit.trim(events_max));
      return ok_status();
    });
  };
  ASSERT_OK(trim(10));
  EXPECT_EQ(dropped, 0U);
  ASSERT_OK(trim(3));
  EXPECT_EQ(dropped, 7U);
  EXPECT_EQ(times(std::nullopt, 100), (Times{10, 9, 8}));
  ASSERT_OK(trim(0));
  EXPECT_EQ(dropped, 3U);
  append(11, 1);
  EXPECT_EQ(times(std::nullopt, 100), Times{11});
  EXPECT_EQ(last_, 11U);
}

TEST_F(AuditTableTest, rows_cannot_be_changed_by_anyone_who_opens_the_file) {
  append(1, 1);
  catalog_.reset();
  const auto connection = sqlite::Connection::open(vfs_, "/data/catalog.db");
  ASSERT_OK(connection);
  EXPECT_CODE((*connection)->execute("UPDATE audit SET status = 200"), ErrorCode::kInvalidArgument);
}

TEST_F(AuditTableTest, details_that_are_no_json_are_refused) {
  const AuditEvent event{0, 1, "", "", "", "x", 200, "{"};
  EXPECT_CODE(write([&](Tables& tables) { return tables.audit.append(std::span(&event, 1)); }),
              ErrorCode::kInvalidArgument);
  EXPECT_EQ(times(std::nullopt, 10), Times());
}

}  // namespace
}  // namespace vibrato::catalog
