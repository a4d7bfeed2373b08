#include "format/sql_record.hpp"

#include <algorithm>

#include "base/byte_cursor.hpp"
#include "base/limits.hpp"
#include "base/plain_text.hpp"
#include "format/corrupt_at.hpp"
#include "format/little_endian.hpp"

namespace vibrato::format {
namespace {

constexpr std::uint8_t kSqlRecordVersion = 1;
constexpr std::size_t kAtSqlStatementBytes = 4;
constexpr std::size_t kAtSqlParameterBytes = 8;
constexpr std::size_t kAtSqlTime = 16;
constexpr std::size_t kAtSqlSeed = 24;
constexpr std::size_t kAtSqlRowsAffected = 32;
constexpr std::size_t kSqlHeaderBytes = 40;

bool is_zero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

}  // namespace

std::vector<std::byte> encode_sql_record(const SqlRecord& record) {
  std::vector<std::byte> body;
  body.reserve(kSqlHeaderBytes + record.statement.size() + record.parameters.size());
  ByteWriter writer(body);
  writer.write_u8(kSqlRecordVersion);
  writer.pad_to(kAtSqlStatementBytes);
  writer.write_u32(static_cast<std::uint32_t>(record.statement.size()));
  writer.write_u32(static_cast<std::uint32_t>(record.parameters.size()));
  writer.pad_to(kAtSqlTime);
  writer.write_u64(static_cast<std::uint64_t>(record.time_ms));
  writer.write_u64(record.seed);
  writer.write_u64(record.rows_affected);
  writer.write_text(record.statement);
  writer.write_text(record.parameters);
  return body;
}

Result<SqlRecord> decode_sql_record(std::span<const std::byte> body) {
  if (body.size() < kSqlHeaderBytes) {
    return corrupt_at(0, "SQL statement", fmt::format("at least {} bytes", kSqlHeaderBytes), body.size());
  }
  if (const auto version = load_le<std::uint8_t>(body, 0); version != kSqlRecordVersion) {
    return corrupt_at(0, "version of an SQL statement", int{kSqlRecordVersion}, int{version});
  }
  if (!is_zero(body.subspan(1, kAtSqlStatementBytes - 1))) {
    return corrupt_at(1, "reserved bytes", 0, "other bytes");
  }
  if (!is_zero(body.subspan(kAtSqlParameterBytes + 4, kAtSqlTime - kAtSqlParameterBytes - 4))) {
    return corrupt_at(kAtSqlParameterBytes + 4, "reserved bytes", 0, "other bytes");
  }
  const std::size_t statement_bytes = load_le<std::uint32_t>(body, kAtSqlStatementBytes);
  const std::size_t parameter_bytes = load_le<std::uint32_t>(body, kAtSqlParameterBytes);
  if (statement_bytes == 0 || statement_bytes > limits::kSqlTextBytesMax) {
    return corrupt_at(kAtSqlStatementBytes, "length of the statement", fmt::format("1 to {}", limits::kSqlTextBytesMax),
                      statement_bytes);
  }
  if (parameter_bytes < 2 || parameter_bytes > limits::kSqlParameterBytesMax) {
    return corrupt_at(kAtSqlParameterBytes, "length of the parameters",
                      fmt::format("2 to {}", limits::kSqlParameterBytesMax), parameter_bytes);
  }
  if (const std::size_t total = kSqlHeaderBytes + statement_bytes + parameter_bytes; body.size() != total) {
    return corrupt_at(0, "size of the body", total, body.size());
  }
  const std::string_view texts(reinterpret_cast<const char*>(body.data()) + kSqlHeaderBytes,
                               body.size() - kSqlHeaderBytes);
  if (!is_utf8(texts)) {
    return corrupt_at(kSqlHeaderBytes, "statement and parameters", "UTF-8", "other bytes");
  }
  SqlRecord record;
  record.time_ms = static_cast<std::int64_t>(load_le<std::uint64_t>(body, kAtSqlTime));
  record.seed = load_le<std::uint64_t>(body, kAtSqlSeed);
  record.rows_affected = load_le<std::uint64_t>(body, kAtSqlRowsAffected);
  record.statement = texts.substr(0, statement_bytes);
  record.parameters = texts.substr(statement_bytes);
  return record;
}

}  // namespace vibrato::format
