#include "catalog/audit_table.hpp"

#include "catalog/json_text.hpp"

namespace vibrato::catalog {
namespace {

enum AuditQuery : std::size_t { kNewestAuditRows, kBefore, kAppend, kTrimAuditRows };

#define AUDIT_COLUMNS "sequence, at_ms, request_id, key_id, client, action, status, details"

constexpr std::string_view kAuditSql[] = {
    "SELECT " AUDIT_COLUMNS " FROM audit ORDER BY sequence DESC LIMIT ?1",
    "SELECT " AUDIT_COLUMNS " FROM audit WHERE sequence < ?2 ORDER BY sequence DESC LIMIT ?1",
    "INSERT INTO audit (" AUDIT_COLUMNS ") VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    // Sequences have no gaps but at the old end, since rows are only ever dropped there.
    "DELETE FROM audit WHERE sequence <= (SELECT max(sequence) FROM audit) - ?1",
};
#undef AUDIT_COLUMNS

AuditEvent read_audit_row(sqlite::Rows& rows) {
  AuditEvent event;
  event.sequence = rows.u64(0);
  event.at_ms = rows.i64(1);
  event.request_id = rows.text(2);
  event.key_id = rows.text(3);
  event.client = rows.text(4);
  event.action = rows.text(5);
  event.status = static_cast<std::int32_t>(rows.u32(6));
  event.details = rows.text(7);
  return event;
}

}  // namespace

Result<AuditTable> AuditTable::open(sqlite::Connection& connection) {
  VIBRATO_ASSIGN_OR_RETURN(Statements statements, Statements::prepare(connection, kAuditSql));
  return AuditTable(std::move(statements));
}

Result<std::vector<AuditEvent>> AuditTable::page(std::optional<std::uint64_t> before, std::uint32_t limit) const {
  return before ? read_all(statements_[kBefore].run(limit, *before), read_audit_row)
                : read_all(statements_[kNewestAuditRows].run(limit), read_audit_row);
}

Status AuditTable::append(std::span<const AuditEvent> events) {
  for (const AuditEvent& event : events) {
    VIBRATO_RETURN_IF_ERROR(check_json(event.details, "details"));
    VIBRATO_RETURN_IF_ERROR(statements_[kAppend].execute(event.at_ms, event.request_id, event.key_id, event.client,
                                                         event.action, event.status, event.details));
  }
  return ok_status();
}

Result<std::uint64_t> AuditTable::trim(std::uint64_t events_max) {
  VIBRATO_RETURN_IF_ERROR(statements_[kTrimAuditRows].execute(events_max));
  return static_cast<std::uint64_t>(statements_.connection().changed_rows());
}

}  // namespace vibrato::catalog
