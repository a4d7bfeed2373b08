#include "catalog/migrations.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "catalog/statements.hpp"
#include "io/simulated_file_system.hpp"
#include "sqlite/transaction.hpp"
#include "support/made_catalog.hpp"

namespace vibrato::catalog {
namespace {

std::unique_ptr<sqlite::Connection> open(sqlite::Vfs& vfs, const std::string& path) {
  auto opened = sqlite::Connection::open(vfs, path);
  EXPECT_OK(opened);
  return std::move(opened).value();
}

std::vector<std::string> texts(sqlite::Connection& connection, std::string_view sql) {
  auto statement = connection.prepare(sql);
  EXPECT_OK(statement);
  auto all = read_all(statement->run(), [](sqlite::Rows& rows) { return rows.text(0); });
  EXPECT_OK(all);
  return std::move(all).value();
}

std::vector<std::string> schema_of(sqlite::Connection& connection) {
  return texts(connection, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name");
}

constexpr Migration kMade[] = {{"first", "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (7);"},
                               {"second", "ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 8;"}};

TEST(Migrations, every_older_version_becomes_the_newest_schema_and_keeps_its_rows) {
  io::SimulatedFileSystem fs;
  sqlite::Vfs vfs(fs);
  const auto fresh = open(vfs, "/fresh.db");
  ASSERT_OK(migrate(*fresh, all_migrations(), 1));
  ASSERT_GE(all_migrations().size(), 3U);
  for (std::size_t version = 1; version < all_migrations().size(); ++version) {
    const auto old = open(vfs, "/old" + std::to_string(version) + ".db");
    ASSERT_OK(migrate(*old, all_migrations().first(version), 1));
    EXPECT_NE(schema_of(*old), schema_of(*fresh));
    ASSERT_OK(
        old->execute("INSERT INTO collections VALUES (7, 'kept', 3, 'l2', 'flat', '{}', 'none', NULL, 5, 6, "
                     "NULL)"));
    ASSERT_OK(migrate(*old, all_migrations(), 2));
    EXPECT_EQ(schema_of(*old), schema_of(*fresh)) << "from version " << version;
    EXPECT_EQ(texts(*old, "SELECT name FROM collections"), std::vector<std::string>{"kept"});
    EXPECT_EQ(texts(*old, "SELECT CAST(applied_at_ms AS TEXT) FROM migrations WHERE version = 1").front(), "1");
    EXPECT_EQ(texts(*old, "SELECT CAST(max(applied_at_ms) AS TEXT) FROM migrations").front(), "2");
  }
}

TEST(Migrations, a_second_run_changes_nothing) {
  io::SimulatedFileSystem fs;
  sqlite::Vfs vfs(fs);
  const auto connection = open(vfs, "/a.db");
  ASSERT_OK(migrate(*connection, all_migrations(), 1));
  const std::uint64_t operations = fs.operation_count();
  ASSERT_OK(migrate(*connection, all_migrations(), 2));
  EXPECT_EQ(fs.operation_count(), operations);
}

TEST(Migrations, a_step_that_fails_leaves_the_version_before_it) {
  io::SimulatedFileSystem fs;
  sqlite::Vfs vfs(fs);
  const auto connection = open(vfs, "/a.db");
  const Migration broken[] = {kMade[0], {"broken", "CREATE TABLE b (x); INSERT INTO absent VALUES (1);"}};
  EXPECT_CODE(migrate(*connection, broken, 1), ErrorCode::kInvalidArgument);
  EXPECT_EQ(texts(*connection, "SELECT name FROM sqlite_schema WHERE name = 'b'").size(), 0U);
  ASSERT_OK(migrate(*connection, kMade, 1));
  EXPECT_EQ(texts(*connection, "SELECT CAST(x + y AS TEXT) FROM a"), std::vector<std::string>{"15"});
}

TEST(Migrations, a_database_of_a_newer_version_is_refused) {
  io::SimulatedFileSystem fs;
  sqlite::Vfs vfs(fs);
  const auto connection = open(vfs, "/a.db");
  ASSERT_OK(migrate(*connection, kMade, 1));
  const Status refused = migrate(*connection, std::span(kMade).first(1), 1);
  EXPECT_CODE(refused, ErrorCode::kInvalidArgument);
  EXPECT_NE(refused.message().find("newer"), std::string::npos) << refused.message();
}

TEST(Migrations, a_step_that_was_edited_is_refused) {
  io::SimulatedFileSystem fs;
  sqlite::Vfs vfs(fs);
  const auto connection = open(vfs, "/a.db");
  ASSERT_OK(migrate(*connection, kMade, 1));
  const Migration edited[] = {{"first", "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (9);"}, kMade[1]};
  EXPECT_CODE(migrate(*connection, edited, 1), ErrorCode::kCorruption);
}

TEST(Migrations, another_kind_of_database_is_refused) {
  io::SimulatedFileSystem fs;
  sqlite::Vfs vfs(fs);
  const auto connection = open(vfs, "/a.db");
  ASSERT_OK(connection->execute("CREATE TABLE migrations (version)"));
  EXPECT_CODE(migrate(*connection, all_migrations(), 1), ErrorCode::kCorruption);
}

}  // namespace
}  // namespace vibrato::catalog
