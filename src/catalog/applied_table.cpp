#include "catalog/applied_table.hpp"

namespace vibrato::catalog {
namespace {

enum AppliedQuery : std::size_t { kAllApplied, kGet, kSet, kForget };

constexpr std::string_view kAppliedSql[] = {
    "SELECT model, collection, lsn FROM applied_lsns ORDER BY model, collection",
    "SELECT lsn FROM applied_lsns WHERE model = ?1 AND collection = ?2",
    "INSERT INTO applied_lsns VALUES (?1, ?2, ?3) ON CONFLICT (model, collection) DO UPDATE SET lsn = excluded.lsn "
    "WHERE lsn <= excluded.lsn",
    "DELETE FROM applied_lsns WHERE model = ?1 AND collection = ?2",
};

}  // namespace

Result<AppliedTable> AppliedTable::open(sqlite::Connection& connection) {
  VIBRATO_ASSIGN_OR_RETURN(Statements statements, Statements::prepare(connection, kAppliedSql));
  return AppliedTable(std::move(statements));
}

Result<std::vector<AppliedLsn>> AppliedTable::all() const {
  return read_all(statements_[kAllApplied].run(), [](sqlite::Rows& rows) {
    return AppliedLsn{rows.text(0), CollectionNumber(rows.u32(1)), Lsn(rows.u64(2))};
  });
}

Result<Lsn> AppliedTable::get(std::string_view model, CollectionNumber collection) const {
  VIBRATO_ASSIGN_OR_RETURN(const auto lsn, read_first(statements_[kGet].run(model, collection),
                                                      [](sqlite::Rows& rows) { return Lsn(rows.u64(0)); }));
  return lsn.value_or(Lsn());
}

Status AppliedTable::set(std::string_view model, CollectionNumber collection, Lsn lsn) {
  VIBRATO_RETURN_IF_ERROR(statements_[kSet].execute(model, collection, lsn));
  return statements_.connection().changed_rows() == 1
             ? ok_status()
             : invalid_argument("the applied LSN of " + std::string(model) + " never goes back, to " +
                                std::to_string(lsn.value()));
}

Status AppliedTable::forget(std::string_view model, CollectionNumber collection) {
  return statements_[kForget].execute(model, collection);
}

}  // namespace vibrato::catalog
