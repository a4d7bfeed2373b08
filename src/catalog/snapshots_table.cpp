#include "catalog/snapshots_table.hpp"

#include "io/safe_path.hpp"

namespace vibrato::catalog {
namespace {

enum SnapshotQuery : std::size_t { kAllSnapshots, kFindSnapshot, kNewestUpTo, kInsertSnapshot, kRemoveSnapshot };

#define SNAPSHOT_COLUMNS "name, folder, lsn, created_at_ms, bytes"

constexpr std::string_view kSnapshotSql[] = {
    "SELECT " SNAPSHOT_COLUMNS " FROM snapshots ORDER BY lsn, created_at_ms, name",
    "SELECT " SNAPSHOT_COLUMNS " FROM snapshots WHERE name = ?1",
    "SELECT " SNAPSHOT_COLUMNS " FROM snapshots WHERE lsn <= ?1 ORDER BY lsn DESC, created_at_ms DESC, name DESC",
    "INSERT INTO snapshots (" SNAPSHOT_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5)",
    "DELETE FROM snapshots WHERE name = ?1",
};
#undef SNAPSHOT_COLUMNS

Snapshot read_snapshot_row(sqlite::Rows& rows) {
  Snapshot snapshot;
  snapshot.name = rows.text(0);
  if (!io::is_safe_name(snapshot.name)) {
    rows.reject(0, "is no name of a snapshot");
  }
  snapshot.folder = rows.text(1);
  if (!io::join_beneath("", snapshot.folder).ok()) {
    rows.reject(1, "is no relative path");
  }
  snapshot.lsn = Lsn(rows.u64(2));
  snapshot.created_at_ms = rows.i64(3);
  snapshot.bytes = rows.u64(4);
  return snapshot;
}

}  // namespace

Result<SnapshotsTable> SnapshotsTable::open(sqlite::Connection& connection) {
  VIBRATO_ASSIGN_OR_RETURN(Statements statements, Statements::prepare(connection, kSnapshotSql));
  return SnapshotsTable(std::move(statements));
}

Result<std::vector<Snapshot>> SnapshotsTable::all() const {
  return read_all(statements_[kAllSnapshots].run(), read_snapshot_row);
}

Result<std::optional<Snapshot>> SnapshotsTable::find(std::string_view name) const {
  return read_first(statements_[kFindSnapshot].run(name), read_snapshot_row);
}

Result<std::optional<Snapshot>> SnapshotsTable::newest_up_to(Lsn lsn) const {
  return read_first(statements_[kNewestUpTo].run(lsn), read_snapshot_row);
}

Status SnapshotsTable::insert(const Snapshot& snapshot) {
  VIBRATO_RETURN_IF_ERROR(io::check_name(snapshot.name));
  VIBRATO_RETURN_IF_ERROR(io::join_beneath("", snapshot.folder).status());
  return statements_[kInsertSnapshot].execute(snapshot.name, snapshot.folder, snapshot.lsn, snapshot.created_at_ms,
                                              snapshot.bytes);
}

Status SnapshotsTable::remove(std::string_view name) {
  VIBRATO_RETURN_IF_ERROR(statements_[kRemoveSnapshot].execute(name));
  return statements_.connection().changed_rows() == 1 ? ok_status()
                                                      : not_found("there is no snapshot " + std::string(name));
}

}  // namespace vibrato::catalog
