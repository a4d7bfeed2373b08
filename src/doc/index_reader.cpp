#include "doc/index_reader.hpp"

#include <algorithm>
#include <utility>

#include "doc/document_key.hpp"

namespace vibrato::doc {
namespace {

constexpr std::uint32_t kStepsBetweenChecks = 1024;

}  // namespace

Result<sqlite::Statement*> IndexReader::statement(std::string_view sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    VIBRATO_ASSIGN_OR_RETURN(sqlite::Statement prepared, file_.prepare(sql));
    found = statements_.emplace(sql, std::move(prepared)).first;
  }
  return &found->second;
}

Status IndexReader::check_time() {
  return ++steps_ % kStepsBetweenChecks == 0 ? deadline_.check() : ok_status();
}

Result<std::size_t> IndexReader::count(const UsableIndex& index, const std::vector<ValueRange>& ranges,
                                       std::size_t max) {
  VIBRATO_ASSIGN_OR_RETURN(sqlite::Statement* const select,
                           statement("SELECT count(*) FROM (SELECT 1 FROM document_entries "
                                     "WHERE number = ?1 AND value >= ?2 AND value < ?3 LIMIT ?4)"));
  std::size_t found = 0;
  for (const ValueRange& range : ranges) {
    VIBRATO_RETURN_IF_ERROR(check_time());
    sqlite::Rows rows = select->run(index.number, as_blob(range.from), as_blob(range.to), max - found);
    VIBRATO_RETURN_IF_ERROR(rows.next().status());
    found += rows.u64(0);
    VIBRATO_RETURN_IF_ERROR(rows.status());
    if (found >= max) {
      break;
    }
  }
  return found;
}

Result<std::vector<std::string>> IndexReader::ids(const UsableIndex& index, const std::vector<ValueRange>& ranges,
                                                  std::string_view after) {
  VIBRATO_ASSIGN_OR_RETURN(sqlite::Statement* const select,
                           statement("SELECT id FROM document_entries "
                                     "WHERE number = ?1 AND value >= ?2 AND value < ?3 AND id > ?4"));
  std::vector<std::string> ids;
  for (const ValueRange& range : ranges) {
    sqlite::Rows rows = select->run(index.number, as_blob(range.from), as_blob(range.to), as_blob(after));
    for (;;) {
      VIBRATO_RETURN_IF_ERROR(check_time());
      VIBRATO_ASSIGN_OR_RETURN(const bool found, rows.next());
      if (!found) {
        break;
      }
      ids.emplace_back(rows.blob_view(0));
    }
    VIBRATO_RETURN_IF_ERROR(rows.status());
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

Status IndexReader::each_of_value(const UsableIndex& index, std::string_view value, std::string_view after, bool whole,
                                  const TakeId& take) {
  VIBRATO_ASSIGN_OR_RETURN(sqlite::Statement* const select,
                           statement("SELECT id, is_element FROM document_entries "
                                     "WHERE number = ?1 AND value = ?2 AND id > ?3 ORDER BY id"));
  sqlite::Rows rows = select->run(index.number, as_blob(value), as_blob(after));
  std::string id;
  for (;;) {
    VIBRATO_RETURN_IF_ERROR(check_time());
    VIBRATO_ASSIGN_OR_RETURN(const bool found, rows.next());
    if (!found) {
      return rows.status();
    }
    id = rows.blob_view(0);
    const bool is_element = rows.boolean(1);
    VIBRATO_RETURN_IF_ERROR(rows.status());
    if (whole && is_element) {
      continue;
    }
    VIBRATO_ASSIGN_OR_RETURN(const bool wants_more, take(id));
    if (!wants_more) {
      return ok_status();
    }
  }
}

Result<std::optional<std::string>> IndexReader::one_value(std::string_view sql, const UsableIndex& index,
                                                          const ValueRange& range) {
  VIBRATO_RETURN_IF_ERROR(check_time());
  VIBRATO_ASSIGN_OR_RETURN(sqlite::Statement* const select, statement(sql));
  sqlite::Rows rows = select->run(index.number, as_blob(range.from), as_blob(range.to));
  VIBRATO_ASSIGN_OR_RETURN(const bool found, rows.next());
  if (!found) {
    return std::optional<std::string>();
  }
  std::string value(rows.blob_view(0));
  VIBRATO_RETURN_IF_ERROR(rows.status());
  return std::optional(std::move(value));
}

Result<std::optional<std::string>> IndexReader::least(const UsableIndex& index, const ValueRange& range) {
  return one_value(
      "SELECT value FROM document_entries WHERE number = ?1 AND value >= ?2 AND value < ?3 ORDER BY value LIMIT 1",
      index, range);
}

Result<std::optional<std::string>> IndexReader::greatest(const UsableIndex& index, const ValueRange& range) {
  return one_value(
      "SELECT value FROM document_entries WHERE number = ?1 AND value >= ?2 AND value < ?3 ORDER BY value DESC LIMIT 1",
      index, range);
}

}  // namespace vibrato::doc
