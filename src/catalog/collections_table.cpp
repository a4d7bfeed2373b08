#include "catalog/collections_table.hpp"

#include "base/limits.hpp"
#include "catalog/json_text.hpp"
#include "io/safe_path.hpp"

namespace vibrato::catalog {
namespace {

enum CollectionQuery : std::size_t {
  kLive,
  kDropped,
  kFindCollection,
  kFindByName,
  kNumberMax,
  kRaiseNumberMax,
  kInsertCollection,
  kDrop,
  kErase,
  kPointNumber,
  kSetPointNumber,
  kNames,
  kAddName,
  kDropName,
  kForgetNames
};

#define COLLECTION_COLUMNS                                                                                            \
  "number, name, dim, metric, index_kind, index_params, quantization, archive_keep_raw, created_at_ms, created_lsn, " \
  "dropped_lsn"

constexpr std::string_view kCollectionSql[] = {
    "SELECT " COLLECTION_COLUMNS " FROM collections WHERE dropped_lsn IS NULL ORDER BY number",
    "SELECT " COLLECTION_COLUMNS " FROM collections WHERE dropped_lsn IS NOT NULL ORDER BY number",
    "SELECT " COLLECTION_COLUMNS " FROM collections WHERE number = ?1",
    "SELECT " COLLECTION_COLUMNS " FROM collections WHERE name = ?1 AND dropped_lsn IS NULL",
    "SELECT collection_number_max FROM store",
    "UPDATE store SET collection_number_max = ?1 WHERE collection_number_max < ?1",
    "INSERT INTO collections (" COLLECTION_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    "UPDATE collections SET dropped_lsn = ?2 WHERE number = ?1 AND dropped_lsn IS NULL",
    "DELETE FROM collections WHERE number = ?1 AND dropped_lsn IS NOT NULL",
    "SELECT next FROM point_numbers WHERE collection = ?1",
    "INSERT INTO point_numbers (collection, next) VALUES (?1, ?2) "
    "ON CONFLICT (collection) DO UPDATE SET next = excluded.next",
    "SELECT number, name FROM collection_names",
    "INSERT OR REPLACE INTO collection_names (number, name, dropped_lsn) VALUES (?1, ?2, ?3)",
    "UPDATE collection_names SET dropped_lsn = ?2 WHERE number = ?1 AND dropped_lsn IS NULL",
    "DELETE FROM collection_names WHERE dropped_lsn <= ?1",
};
#undef COLLECTION_COLUMNS

Collection read_collection_row(sqlite::Rows& rows) {
  Collection collection;
  collection.number = CollectionNumber(rows.u32(0));
  collection.name = rows.text(1);
  if (!io::is_safe_name(collection.name)) {
    rows.reject(1, "is no name of a collection");
  }
  collection.dim = rows.u32(2);
  if (collection.dim == 0 || collection.dim > limits::kDimMax) {
    rows.reject(2, "is no dimension");
  }
  const auto metric = parse_metric(rows.text(3));
  if (!metric) {
    rows.reject(3, "is no metric");
  }
  collection.metric = metric.value_or(Metric::kCosine);
  collection.index_kind = rows.text(4);
  collection.index_params = rows.text(5);
  collection.quantization = rows.text(6);
  if (!rows.is_null(7)) {
    collection.archive_keep_raw = rows.boolean(7);
  }
  collection.created_at_ms = rows.i64(8);
  collection.created_lsn = Lsn(rows.u64(9));
  if (!rows.is_null(10)) {
    collection.dropped_lsn = Lsn(rows.u64(10));
  }
  return collection;
}

Status check(const Collection& collection) {
  VIBRATO_RETURN_IF_ERROR(io::check_name(collection.name));
  VIBRATO_RETURN_IF_ERROR(check_json(collection.index_params, "index_params"));
  if (collection.dim == 0 || collection.dim > limits::kDimMax) {
    return invalid_argument("dim is 1 to " + std::to_string(limits::kDimMax));
  }
  return collection.number == CollectionNumber() ? invalid_argument("numbers of collections start at 1") : ok_status();
}

}  // namespace

Result<CollectionsTable> CollectionsTable::open(sqlite::Connection& connection) {
  VIBRATO_ASSIGN_OR_RETURN(Statements statements, Statements::prepare(connection, kCollectionSql));
  return CollectionsTable(std::move(statements));
}

Result<std::vector<Collection>> CollectionsTable::live() const {
  return read_all(statements_[kLive].run(), read_collection_row);
}

Result<std::vector<Collection>> CollectionsTable::dropped() const {
  return read_all(statements_[kDropped].run(), read_collection_row);
}

Result<std::optional<Collection>> CollectionsTable::find(CollectionNumber number) const {
  return read_first(statements_[kFindCollection].run(number), read_collection_row);
}

Result<std::optional<Collection>> CollectionsTable::find_by_name(std::string_view name) const {
  return read_first(statements_[kFindByName].run(name), read_collection_row);
}

Result<CollectionNumber> CollectionsTable::next_number() const {
  VIBRATO_ASSIGN_OR_RETURN(const auto highest,
                           read_first(statements_[kNumberMax].run(), [](sqlite::Rows& rows) { return rows.u32(0); }));
  if (!highest) {
    return corruption(statements_.connection().path() + ": the row of the store is missing");
  }
  if (CollectionNumber(*highest) == CollectionNumber::max()) {
    return unavailable("all numbers of collections are used up");
  }
  return CollectionNumber(*highest).next();
}

Status CollectionsTable::insert(const Collection& collection) {
  VIBRATO_RETURN_IF_ERROR(check(collection));
  VIBRATO_ASSIGN_OR_RETURN(const auto present, find(collection.number));
  if (present && *present == collection) {
    return ok_status();
  }
  VIBRATO_RETURN_IF_ERROR(check_number_is_new(collection.number));
  const Collection& c = collection;
  VIBRATO_RETURN_IF_ERROR(statements_[kInsertCollection].execute(
      c.number, c.name, c.dim, to_string(c.metric), c.index_kind, c.index_params, c.quantization, c.archive_keep_raw,
      c.created_at_ms, c.created_lsn, c.dropped_lsn));
  VIBRATO_RETURN_IF_ERROR(statements_[kAddName].execute(c.number, c.name, c.dropped_lsn));
  return statements_[kRaiseNumberMax].execute(c.number);
}

Status CollectionsTable::check_number_is_new(CollectionNumber number) const {
  VIBRATO_ASSIGN_OR_RETURN(const CollectionNumber next, next_number());
  return number >= next ? ok_status()
                        : Status(ErrorCode::kConflict,
                                 "the number " + std::to_string(number.value()) + " was given to a collection before");
}

Status CollectionsTable::drop(CollectionNumber number, Lsn lsn) {
  VIBRATO_ASSIGN_OR_RETURN(const auto present, find(number));
  if (!present) {
    return not_found("there is no collection with the number " + std::to_string(number.value()));
  }
  VIBRATO_RETURN_IF_ERROR(statements_[kDropName].execute(number, lsn));
  return statements_[kDrop].execute(number, lsn);
}

Result<std::map<CollectionNumber, std::string>> CollectionsTable::names() const {
  using Name = std::pair<CollectionNumber, std::string>;
  VIBRATO_ASSIGN_OR_RETURN(const std::vector<Name> rows, read_all(statements_[kNames].run(), [](sqlite::Rows& rows) {
                             return Name(CollectionNumber(rows.u32(0)), rows.text(1));
                           }));
  return std::map<CollectionNumber, std::string>(rows.begin(), rows.end());
}

Status CollectionsTable::forget_names(Lsn lsn) {
  return statements_[kForgetNames].execute(lsn);
}

// SQLite has no numbers of 64 bits without a sign: the same bits are kept.
Result<std::uint64_t> CollectionsTable::next_point_number(CollectionNumber number) const {
  VIBRATO_ASSIGN_OR_RETURN(const auto next, read_first(statements_[kPointNumber].run(number),
                                                       [](sqlite::Rows& rows) { return rows.i64(0); }));
  return static_cast<std::uint64_t>(next.value_or(0));
}

Status CollectionsTable::set_next_point_number(CollectionNumber number, std::uint64_t next) {
  return statements_[kSetPointNumber].execute(number, static_cast<std::int64_t>(next));
}

Status CollectionsTable::erase(CollectionNumber number) {
  VIBRATO_RETURN_IF_ERROR(statements_[kErase].execute(number));
  return statements_.connection().changed_rows() == 1
             ? ok_status()
             : invalid_argument("the collection " + std::to_string(number.value()) + " is not a dropped one");
}

}  // namespace vibrato::catalog
