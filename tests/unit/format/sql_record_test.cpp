#include "format/sql_record.hpp"

#include <gtest/gtest.h>
#include <initializer_list>
#include <string>

#include "base/limits.hpp"
#include "format/hex_dump.hpp"
#include "format/records_page.hpp"
#include "support/status_matchers.hpp"

namespace vibrato::format {
namespace {

SqlRecord example() {
  return {"INSERT INTO t VALUES (?)", "[7]", 1'700'000'000'000, 42, 1};
}

TEST(SqlRecord, gives_back_what_was_put) {
  const auto body = encode_sql_record(example());
  const auto record = decode_sql_record(body);
  ASSERT_OK(record);
  EXPECT_EQ(record->statement, example().statement);
  EXPECT_EQ(record->parameters, "[7]");
  EXPECT_EQ(record->time_ms, 1'700'000'000'000);
  EXPECT_EQ(record->seed, 42U);
  EXPECT_EQ(record->rows_affected, 1U);
}

TEST(SqlRecord, is_the_one_of_the_page) {
  EXPECT_EQ(test::hex_dump(encode_sql_record(example())),
            test::hex_dump(test::documented_record("SQL statement executed")));
}

TEST(SqlRecord, is_as_long_as_it_says) {
  std::vector<std::byte> body = encode_sql_record(example());
  for (std::size_t size = 0; size < body.size(); ++size) {
    EXPECT_CODE(decode_sql_record(std::span(body).first(size)), ErrorCode::kCorruption) << size;
  }
  body.push_back(std::byte{0});
  EXPECT_CODE(decode_sql_record(body), ErrorCode::kCorruption);
}

TEST(SqlRecord, with_another_version_reserved_bytes_or_no_utf8_is_damaged) {
  for (const std::size_t at : std::initializer_list<std::size_t>{0, 1, 2, 3, 12, 13, 14, 15, 40}) {
    std::vector<std::byte> body = encode_sql_record(example());
    body[at] = std::byte{0xff};
    EXPECT_CODE(decode_sql_record(body), ErrorCode::kCorruption) << at;
  }
}

TEST(SqlRecord, has_a_statement_and_parameters_within_their_caps) {
  for (const std::size_t size : {limits::kSqlTextBytesMax - 1, limits::kSqlTextBytesMax}) {
    const std::string text(size, 'x');
    EXPECT_OK(decode_sql_record(encode_sql_record({text, "[]", 0, 0, 0})));
  }
  const std::string text(limits::kSqlTextBytesMax + 1, 'x');
  EXPECT_CODE(decode_sql_record(encode_sql_record({text, "[]", 0, 0, 0})), ErrorCode::kCorruption);
  EXPECT_CODE(decode_sql_record(encode_sql_record({"", "[]", 0, 0, 0})), ErrorCode::kCorruption);
  EXPECT_CODE(decode_sql_record(encode_sql_record({"x", "[", 0, 0, 0})), ErrorCode::kCorruption);
  for (const std::size_t size : {limits::kSqlParameterBytesMax - 1, limits::kSqlParameterBytesMax}) {
    const std::string parameters(size, ' ');
    EXPECT_OK(decode_sql_record(encode_sql_record({"x", parameters, 0, 0, 0})));
  }
  const std::string parameters(limits::kSqlParameterBytesMax + 1, ' ');
  EXPECT_CODE(decode_sql_record(encode_sql_record({"x", parameters, 0, 0, 0})), ErrorCode::kCorruption);
}

}  // namespace
}  // namespace vibrato::format
