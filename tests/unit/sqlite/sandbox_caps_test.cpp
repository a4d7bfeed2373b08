// How much a schema of strangers may hold.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <memory>
#include <string>

#include "base/limits.hpp"
#include "io/simulated_file_system.hpp"
#include "sqlite/sandbox.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::sqlite {
namespace {

// In one transaction, which is never committed.
class SandboxCaps : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = Sandbox::open(vfs_, "/sql.db", {});
    ASSERT_OK(opened);
    sandbox_ = std::move(*opened);
    ASSERT_OK(sandbox_->begin(SandboxTransaction::kWrite));
    ASSERT_OK(run("CREATE TABLE t(a INTEGER PRIMARY KEY)"));
  }

  Status run(const std::string& sql) { return sandbox_->execute(sql, {}, {}).status(); }
  // As a caller does: what was refused is taken back.
  void expect_refused(const std::string& sql, std::string_view why) {
    ASSERT_OK(sandbox_->set_savepoint(1));
    const Status refused = run(sql);
    EXPECT_CODE(refused, ErrorCode::kInvalidArgument);
    EXPECT_NE(refused.message().find(why), std::string::npos) << refused.message();
    ASSERT_OK(sandbox_->roll_back_to(1));
  }
  // The last of `count` entries still fits, the next does not, and again one does where one goes.
  void expect_cap(std::int64_t count, std::string_view kind, std::string_view rest, std::string_view why) {
    const auto create = [&](std::int64_t number) { return fmt::format("CREATE {} e{} {}", kind, number, rest); };
    for (std::int64_t number = 0; number < count; ++number) {
      ASSERT_OK(run(create(number))) << number;
    }
    expect_refused(create(count), why);
    ASSERT_OK(run(fmt::format("DROP {} e0", kind)));
    ASSERT_OK(run(create(count)));
    expect_refused(create(count + 1), why);
  }

  io::SimulatedFileSystem fs_;
  Vfs vfs_{fs_};
  std::unique_ptr<Sandbox> sandbox_;
};

TEST_F(SandboxCaps, views) {
  expect_cap(limits::kSqlViewsMax, "VIEW", "AS SELECT 1", "201 views, at most 200");
}

TEST_F(SandboxCaps, triggers) {
  expect_cap(limits::kSqlTriggersMax, "TRIGGER", "AFTER INSERT ON t BEGIN SELECT 1; END", "501 triggers, at most 500");
}

TEST_F(SandboxCaps, entries_of_any_kind) {
  ASSERT_OK(run("CREATE TABLE two(a UNIQUE)"));  // With the index that SQLite makes for itself.
  ASSERT_OK(run("CREATE INDEX i ON two(a)"));
  ASSERT_OK(run("CREATE VIEW v AS SELECT 1"));
  expect_cap(limits::kSqlEntriesMax - 5, "TABLE", "(a)", "5001 tables, indexes, views and triggers, at most 5000");
  expect_refused("CREATE INDEX more ON t(a)", "5001 tables");
  expect_refused("CREATE VIEW more AS SELECT 1", "5001 tables");
}

}  // namespace
}  // namespace vibrato::sqlite
