#include "catalog/store_table.hpp"

#include <algorithm>

namespace vibrato::catalog {
namespace {

constexpr std::uint32_t kStoreFormatVersion = 1;

enum StoreQuery : std::size_t { kCreate, kRead, kSetCleanStop, kSetTrimLsn, kCountCommit, kReserveFiles };

constexpr std::string_view kStoreSql[] = {
    "INSERT INTO store (only_row, id, format_version, created_at_ms, clean_stop, trim_lsn, collection_number_max) "
    "VALUES (1, randomblob(16), ?1, ?2, 1, 0, 0)",
    "SELECT id, format_version, created_at_ms, clean_stop, trim_lsn, commits, file_number_max FROM store",
    "UPDATE store SET clean_stop = ?1",
    "UPDATE store SET trim_lsn = ?1 WHERE trim_lsn <= ?1",
    "UPDATE store SET commits = commits + 1",
    "UPDATE store SET file_number_max = max(file_number_max, ?1)",
};

StoreInfo read_store_row(sqlite::Rows& rows) {
  StoreInfo info;
  const std::vector<std::byte> id = rows.blob(0);
  if (id.size() == info.id.size()) {
    std::copy(id.begin(), id.end(), info.id.begin());
  } else {
    rows.reject(0, "is not 16 bytes long");
  }
  info.format_version = rows.u32(1);
  info.created_at_ms = rows.i64(2);
  info.clean_stop = rows.boolean(3);
  info.trim_lsn = Lsn(rows.u64(4));
  info.commits = rows.u64(5);
  info.file_number_max = rows.u64(6);
  return info;
}

}  // namespace

Result<StoreTable> StoreTable::open(sqlite::Connection& connection, std::int64_t now_ms) {
  VIBRATO_ASSIGN_OR_RETURN(Statements statements, Statements::prepare(connection, kStoreSql));
  StoreTable table(std::move(statements));
  VIBRATO_ASSIGN_OR_RETURN(const auto present, read_first(table.statements_[kRead].run(), read_store_row));
  if (!present) {
    VIBRATO_RETURN_IF_ERROR(table.statements_[kCreate].execute(kStoreFormatVersion, now_ms));
  }
  VIBRATO_ASSIGN_OR_RETURN(const StoreInfo info, table.read());
  if (info.format_version > kStoreFormatVersion) {
    return invalid_argument(connection.path() + ": the store has format " + std::to_string(info.format_version) +
                            ", made by a newer vibratod");
  }
  return table;
}

Result<StoreInfo> StoreTable::read() const {
  VIBRATO_ASSIGN_OR_RETURN(const auto info, read_first(statements_[kRead].run(), read_store_row));
  if (!info) {
    return corruption(statements_.connection().path() + ": the row of the store is missing");
  }
  return *info;
}

Status StoreTable::count_commit() {
  return statements_[kCountCommit].execute();
}

Status StoreTable::reserve_file_numbers(std::uint64_t up_to) {
  return statements_[kReserveFiles].execute(up_to);
}

Status StoreTable::set_clean_stop(bool clean_stop) {
  return statements_[kSetCleanStop].execute(clean_stop);
}

Status StoreTable::set_trim_lsn(Lsn lsn) {
  VIBRATO_RETURN_IF_ERROR(statements_[kSetTrimLsn].execute(lsn));
  return statements_.connection().changed_rows() == 1
             ? ok_status()
             : invalid_argument("the trim LSN never goes back, to " + std::to_string(lsn.value()));
}

}  // namespace vibrato::catalog
