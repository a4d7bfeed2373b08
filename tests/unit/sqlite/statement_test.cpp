#include "sqlite/statement.hpp"

#include <gtest/gtest.h>
#include <limits>

#include "base/ids.hpp"
#include "io/simulated_file_system.hpp"
#include "sqlite/connection.hpp"
#include "support/file_contents.hpp"

namespace vibrato::sqlite {
namespace {

class StatementTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = Connection::open(vfs_, "/a.db");
    ASSERT_OK(opened);
    connection_ = std::move(opened).value();
    ASSERT_OK(connection_->execute("CREATE TABLE t(a, b, c)"));
  }
  Statement prepare(std::string_view sql) {
    auto statement = connection_->prepare(sql);
    EXPECT_OK(statement);
    return std::move(statement).value();
  }

  io::SimulatedFileSystem fs_;
  Vfs vfs_{fs_};
  std::unique_ptr<Connection> connection_;
};

TEST_F(StatementTest, every_type_is_read_as_it_was_bound) {
  const std::string text("a'; DROP TABLE t; --\0tail", 25);
  const std::vector<std::byte> bytes = {std::byte{0}, std::byte{255}};
  auto insert = prepare("INSERT INTO t VALUES (?1, ?2, ?3)");
  ASSERT_OK(insert.execute(std::numeric_limits<std::int64_t>::min(), text, bytes));
  ASSERT_OK(insert.execute(Lsn(7), std::string_view(), std::span<const std::byte>()));
  ASSERT_OK(insert.execute(true, std::optional<std::string>(), std::optional<std::uint32_t>(9)));
  auto select = prepare("SELECT a, b, c FROM t ORDER BY rowid");
  Rows rows = select.run();
  ASSERT_TRUE(rows.next().value());
  EXPECT_EQ(rows.i64(0), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(rows.text(1), text);
  EXPECT_EQ(rows.blob(2), bytes);
  ASSERT_TRUE(rows.next().value());
  EXPECT_EQ(rows.u64(0), 7U);
  EXPECT_EQ(rows.text(1), "");
  EXPECT_TRUE(rows.blob(2).empty());
  ASSERT_TRUE(rows.next().value());
  EXPECT_TRUE(rows.boolean(0));
  EXPECT_EQ(rows.optional_text(1), std::nullopt);
  EXPECT_EQ(rows.u32(2), 9U);
  EXPECT_EQ(rows.optional_i64(2), 9);
  EXPECT_FALSE(rows.next().value());
  EXPECT_OK(rows.status());
}

TEST_F(StatementTest, a_value_of_another_type_or_range_is_reported_as_damage) {
  ASSERT_OK(prepare("INSERT INTO t VALUES (?1, ?2, ?3)").execute(-1, "x", std::int64_t{1} << 40));
  const auto read = [this](const auto& reader) {
    auto select = prepare("SELECT a, b, c FROM t");
    Rows rows = select.run();
    EXPECT_TRUE(rows.next().value());
    reader(rows);
    return rows.status();
  };
  EXPECT_CODE(read([](Rows& rows) { EXPECT_EQ(rows.u64(0), 0U); }), ErrorCode::kCorruption);
  EXPECT_CODE(read([](Rows& rows) { EXPECT_EQ(rows.i64(1), 0); }), ErrorCode::kCorruption);
  EXPECT_CODE(read([](Rows& rows) { EXPECT_EQ(rows.text(0), ""); }), ErrorCode::kCorruption);
  EXPECT_CODE(read([](Rows& rows) { EXPECT_TRUE(rows.blob(1).empty()); }), ErrorCode::kCorruption);
  EXPECT_CODE(read([](Rows& rows) { EXPECT_EQ(rows.u32(2), 0U); }), ErrorCode::kCorruption);
  EXPECT_CODE(read([](Rows& rows) { EXPECT_FALSE(rows.boolean(0)); }), ErrorCode::kCorruption);
  const Status status = read([](Rows& rows) { (void)rows.i64(1); });
  EXPECT_EQ(status.message(), "/a.db: the column b is not an integer");
}

TEST_F(StatementTest, a_number_that_sqlite_cannot_store_is_refused) {
  auto insert = prepare("INSERT INTO t(a) VALUES (?1)");
  EXPECT_CODE(insert.execute(std::uint64_t{1} << 63), ErrorCode::kInvalidArgument);
  EXPECT_OK(insert.execute((std::uint64_t{1} << 63) - 1));
  auto count = prepare("SELECT count(*) FROM t");
  Rows rows = count.run();
  ASSERT_TRUE(rows.next().value());
  EXPECT_EQ(rows.i64(0), 1);
}

TEST_F(StatementTest, a_run_that_is_left_early_can_be_started_again) {
  auto insert = prepare("INSERT INTO t(a) VALUES (?1)");
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK(insert.execute(i));
  }
  auto select = prepare("SELECT a FROM t WHERE a >= ?1 ORDER BY a");
  for (const int first : {0, 2, 1}) {
    Rows rows = select.run(first);
    ASSERT_TRUE(rows.next().value());
    EXPECT_EQ(rows.i64(0), first);
  }
}

TEST_F(StatementTest, a_broken_constraint_says_which_kind) {
  ASSERT_OK(connection_->execute("CREATE TABLE u(k INTEGER PRIMARY KEY, v INTEGER UNIQUE CHECK (v > 0)) STRICT"));
  auto insert = prepare("INSERT INTO u VALUES (?1, ?2)");
  ASSERT_OK(insert.execute(1, 1));
  EXPECT_CODE(insert.execute(1, 2), ErrorCode::kAlreadyExists);
  EXPECT_CODE(insert.execute(2, 1), ErrorCode::kAlreadyExists);
  EXPECT_CODE(insert.execute(2, 0), ErrorCode::kInvalidArgument);
  EXPECT_CODE(insert.execute(2, "x"), ErrorCode::kInvalidArgument);
  EXPECT_OK(insert.execute(2, 2)) << "a failed run leaves the statement ready";
}

TEST_F(StatementTest, what_is_no_statement_is_refused) {
  EXPECT_CODE(connection_->prepare("SELEC 1"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(connection_->prepare("SELECT a FROM absent"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(connection_->prepare(" -- nothing"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(connection_->prepare("SELECT \"text\""), ErrorCode::kInvalidArgument) << "double quotes are for names";
}

}  // namespace
}  // namespace vibrato::sqlite
