// The log record of an executed SQL statement: bytes to struct and back. Byte table: docs/formats/records.md.
// Pure and total.
//
// Unlike the other records it holds a statement, not its outcome. Time and seed are in it, so that whoever runs it
// again on the same rows gets the same rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

namespace vibrato::format {

// Part of the format. The collection number in its frame is 0.
inline constexpr std::uint16_t kSqlExecutedRecord = 0x0400;

struct SqlRecord {
  std::string_view statement;   // As the client wrote it: UTF-8, not empty.
  std::string_view parameters;  // A JSON array as text; "[]" if none were given.
  std::int64_t time_ms = 0;     // What `now` was.
  std::uint64_t seed = 0;       // What random() was made of.
  std::uint64_t rows_affected = 0;
};

// Requires: a statement of at most limits::kSqlTextBytesMax, parameters of at most limits::kSqlParameterBytesMax.
[[nodiscard]] std::vector<std::byte> encode_sql_record(const SqlRecord& record);

// The result borrows from `body`. Errors: kCorruption, with the offset in the body, expected and found.
[[nodiscard]] Result<SqlRecord> decode_sql_record(std::span<const std::byte> body);

}  // namespace vibrato::format
