#include "sqlite/file_mark.hpp"

#include <bit>
#include <string>

namespace vibrato::sqlite {
namespace {

Result<std::uint32_t> read_half(Connection& connection, std::string_view pragma) {
  VIBRATO_ASSIGN_OR_RETURN(Statement statement, connection.prepare(pragma));
  Rows rows = statement.run();
  VIBRATO_ASSIGN_OR_RETURN(const bool found, rows.next());
  const auto half = std::bit_cast<std::uint32_t>(static_cast<std::int32_t>(found ? rows.i64(0) : 0));
  VIBRATO_RETURN_IF_ERROR(rows.status());
  return half;
}

Status write_half(Connection& connection, std::string_view name, std::uint32_t half) {
  return connection.execute("PRAGMA " + std::string(name) + " = " + std::to_string(std::bit_cast<std::int32_t>(half)));
}

}  // namespace

Result<std::uint64_t> read_file_mark(Connection& connection) {
  VIBRATO_ASSIGN_OR_RETURN(const std::uint32_t low, read_half(connection, "PRAGMA user_version"));
  VIBRATO_ASSIGN_OR_RETURN(const std::uint32_t high, read_half(connection, "PRAGMA application_id"));
  return (std::uint64_t{high} << 32) | low;
}

Status write_file_mark(Connection& connection, std::uint64_t mark) {
  VIBRATO_RETURN_IF_ERROR(write_half(connection, "user_version", static_cast<std::uint32_t>(mark)));
  return write_half(connection, "application_id", static_cast<std::uint32_t>(mark >> 32));
}

}  // namespace vibrato::sqlite
