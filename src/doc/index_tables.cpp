#include "doc/index_tables.hpp"

#include <algorithm>
#include <tuple>

#include "base/limits.hpp"
#include "doc/document_key.hpp"
#include "doc/entry_writer.hpp"
#include "filter/meta_value.hpp"

namespace vibrato::doc {
namespace {

constexpr std::size_t kWishesMax = 256;
constexpr std::int64_t kUnusedMs = std::int64_t{24} * 3600 * 1000;

constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS document_indexes("
    "  number INTEGER PRIMARY KEY,"
    "  collection BLOB NOT NULL,"
    "  path BLOB NOT NULL,"
    "  state INTEGER NOT NULL,"
    "  position BLOB NOT NULL,"
    "  has_cut_text INTEGER NOT NULL"
    ");"
    "CREATE TABLE IF NOT EXISTS document_entries("
    "  number INTEGER NOT NULL,"
    "  value BLOB NOT NULL,"
    "  id BLOB NOT NULL,"
    "  is_element INTEGER NOT NULL,"
    "  PRIMARY KEY (number, value, id)"
    ") WITHOUT ROWID;";

}  // namespace

class Indexes::Writer {
 public:
  Result<EntryWriter*> entries(sqlite::Connection& file) {
    if (entries_ == nullptr || entries_->connection() != &file) {
      VIBRATO_ASSIGN_OR_RETURN(entries_, EntryWriter::open(file));
    }
    return entries_.get();
  }
  void close() { entries_.reset(); }

  ParsedDocument before;
  ParsedDocument after;

 private:
  std::unique_ptr<EntryWriter> entries_;
};

Indexes::Indexes(const commit::RoundTime& time, IndexesOptions options)
    : time_(time), options_(options), writer_(std::make_unique<Writer>()) {}

Indexes::~Indexes() = default;

void Indexes::close() {
  writer_->close();
}

Status Indexes::prepare(sqlite::Connection& file) {
  VIBRATO_RETURN_IF_ERROR(file.execute(kSchema));
  // A collection that has no documents any more has no entries either.
  VIBRATO_RETURN_IF_ERROR(
      file.execute("DELETE FROM document_indexes WHERE NOT EXISTS (SELECT 1 FROM document_entries AS entries "
                   "WHERE entries.number = document_indexes.number) AND state <> 1"));
  return load(file);
}

Status Indexes::load(sqlite::Connection& file) {
  VIBRATO_ASSIGN_OR_RETURN(sqlite::Statement all,
                           file.prepare("SELECT number, collection, path, state, position FROM document_indexes"));
  const std::lock_guard lock(mutex_);
  by_collection_.clear();
  sqlite::Rows rows = all.run();
  for (;;) {
    VIBRATO_ASSIGN_OR_RETURN(const bool found, rows.next());
    if (!found) {
      return rows.status();
    }
    const auto index = std::make_shared<Index>();
    index->number = rows.i64(0);
    index->collection = as_string(rows.blob(1));
    index->path = filter::path_of(as_string(rows.blob(2)));
    const std::int64_t state = rows.i64(3);
    if (state < static_cast<std::int64_t>(State::kBuilding) || state > static_cast<std::int64_t>(State::kDropping)) {
      rows.reject(3, "is no state of an index");
    }
    VIBRATO_RETURN_IF_ERROR(rows.status());
    index->state = static_cast<State>(state);
    index->position = as_string(rows.blob(4));
    index->used_ms = time_.now_ms();
    by_collection_.emplace(index->collection, index);
  }
}

std::vector<Indexes::IndexPtr> Indexes::live_indexes(std::string_view collection) const {
  const std::lock_guard lock(mutex_);
  std::vector<IndexPtr> live;
  const auto [begin, end] = by_collection_.equal_range(collection);
  for (auto at = begin; at != end; ++at) {
    if (at->second->state != State::kDropping) {
      live.push_back(at->second);
    }
  }
  return live;
}

Status Indexes::on_row(sqlite::Connection& file, std::string_view key, const overlay::Row& row) {
  const KeyParts parts = split_key(key);
  const std::vector<IndexPtr> indexes = live_indexes(parts.collection);
  if (indexes.empty()) {
    return ok_status();
  }
  VIBRATO_ASSIGN_OR_RETURN(EntryWriter* const entries, writer_->entries(file));
  VIBRATO_ASSIGN_OR_RETURN(const std::optional<std::string> stored, entries->stored_row(key));
  writer_->before.parse(stored);
  writer_->after.parse(row.is_deleted ? std::nullopt : std::optional<std::string_view>(row.value));
  for (const IndexPtr& index : indexes) {
    VIBRATO_RETURN_IF_ERROR(entries->replace(index->number, parts.id, writer_->before.entries(index->path),
                                             writer_->after.entries(index->path)));
  }
  return ok_status();
}

Result<std::optional<UsableIndex>> Indexes::find(sqlite::Connection& file, std::string_view collection,
                                                 std::string_view path) {
  VIBRATO_ASSIGN_OR_RETURN(sqlite::Statement select,
                           file.prepare("SELECT number, has_cut_text FROM document_indexes "
                                        "WHERE collection = ?1 AND path = ?2 AND state = ?3"));
  sqlite::Rows rows = select.run(as_blob(collection), as_blob(path), State::kComplete);
  VIBRATO_ASSIGN_OR_RETURN(const bool found, rows.next());
  if (!found) {
    return std::optional<UsableIndex>();
  }
  const UsableIndex index{rows.i64(0), rows.boolean(1)};
  VIBRATO_RETURN_IF_ERROR(rows.status());
  return std::optional(index);
}

bool Indexes::want(std::string_view collection, std::string_view path) {
  if (has_index(collection, path)) {
    return false;
  }
  const std::lock_guard lock(mutex_);
  return wishes_.size() < kWishesMax && wishes_.emplace(collection, path).second;
}

bool Indexes::has_index(std::string_view collection, std::string_view path) const {
  const std::lock_guard lock(mutex_);
  const auto [begin, end] = by_collection_.equal_range(collection);
  return std::any_of(begin, end, [&](const auto& one) { return one.second->path.key == path; });
}

void Indexes::note_used(std::int64_t number) {
  const std::lock_guard lock(mutex_);
  for (const auto& [collection, index] : by_collection_) {
    if (index->number == number) {
      index->used_ms = time_.now_ms();
    }
  }
}

Indexes::IndexPtr Indexes::in_state(State state) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(by_collection_.begin(), by_collection_.end(),
                                  [&](const auto& one) { return one.second->state == state; });
  return found == by_collection_.end() ? nullptr : found->second;
}

std::optional<Indexes::Wish> Indexes::take_wish() {
  const std::lock_guard lock(mutex_);
  if (wishes_.empty()) {
    return std::nullopt;
  }
  return std::move(wishes_.extract(wishes_.begin()).value());
}

bool Indexes::has_work() const {
  {
    const std::lock_guard lock(mutex_);
    if (!wishes_.empty()) {
      return true;
    }
  }
  return in_state(State::kBuilding) != nullptr || in_state(State::kDropping) != nullptr;
}

Result<bool> Indexes::build_step(overlay::RowStore& rows) {
  if (const IndexPtr index = in_state(State::kDropping)) {
    VIBRATO_RETURN_IF_ERROR(drop_some(rows, index));
    return true;
  }
  if (const std::optional<Wish> wish = take_wish()) {
    VIBRATO_RETURN_IF_ERROR(grant(rows, *wish));
    return true;
  }
  if (const IndexPtr index = in_state(State::kBuilding)) {
    VIBRATO_RETURN_IF_ERROR(build_some(rows, *index));
    return true;
  }
  return false;
}

std::optional<Indexes::IndexPtr> Indexes::to_give_way(std::string_view collection) const {
  const std::vector<IndexPtr> live = live_indexes(collection);
  if (live.size() < limits::kDocumentIndexesMax) {
    return IndexPtr();
  }
  const auto oldest = std::min_element(live.begin(), live.end(), [](const IndexPtr& a, const IndexPtr& b) {
    return a->used_ms.load() < b->used_ms.load();
  });
  return (*oldest)->used_ms.load() + kUnusedMs <= time_.now_ms() ? std::optional(*oldest) : std::nullopt;
}

// A find may have wished for it again while it was being granted.
Status Indexes::grant(overlay::RowStore& rows, const Wish& wish) {
  if (has_index(wish.first, wish.second)) {
    return ok_status();
  }
  const std::optional<IndexPtr> oldest = to_give_way(wish.first);
  if (!oldest) {
    return ok_status();
  }
  const auto made = std::make_shared<Index>();
  made->collection = wish.first;
  made->path = filter::path_of(wish.second);
  made->position = row_key(wish.first, {});
  made->used_ms = time_.now_ms();
  const auto change = [&](sqlite::Connection& file) -> Status {
    if (*oldest != nullptr) {
      VIBRATO_ASSIGN_OR_RETURN(sqlite::Statement drop,
                               file.prepare("UPDATE document_indexes SET state = ?2 WHERE number = ?1"));
      VIBRATO_RETURN_IF_ERROR(drop.execute((*oldest)->number, State::kDropping));
    }
    VIBRATO_ASSIGN_OR_RETURN(
        sqlite::Statement insert,
        file.prepare("INSERT INTO document_indexes(collection, path, state, position, has_cut_text) "
                     "VALUES (?1, ?2, ?3, ?4, 0)"));
    VIBRATO_RETURN_IF_ERROR(
        insert.execute(as_blob(made->collection), as_blob(made->path.key), State::kBuilding, as_blob(made->position)));
    made->number = file.last_insert_id();
    return ok_status();
  };
  VIBRATO_RETURN_IF_ERROR(rows.change(change));
  const std::lock_guard lock(mutex_);
  if (*oldest != nullptr) {
    (*oldest)->state = State::kDropping;
  }
  by_collection_.emplace(made->collection, made);
  return ok_status();
}

// What one step of building found.
struct Indexes::Entries {
  std::vector<std::pair<IndexEntry, std::string>> entries;  // With the id.
  std::string position;
  bool is_last = false;
};

Status Indexes::build_some(overlay::RowStore& rows, Index& index) {
  Entries found;
  found.position = index.position;
  const auto read = [&](sqlite::Connection& file) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(
        sqlite::Statement select,
        file.prepare("SELECT key, value FROM rows WHERE key > ?1 AND key < ?2 ORDER BY key LIMIT ?3"));
    const std::string end = *range_of_collection(index.collection).to;
    sqlite::Rows stored = select.run(as_blob(found.position), as_blob(end), options_.step_rows);
    const std::size_t entries_max = 4 * options_.step_rows;  // Arrays have many.
    std::size_t count = 0;
    for (std::size_t bytes = 0; bytes < options_.step_bytes && found.entries.size() < entries_max; ++count) {
      VIBRATO_ASSIGN_OR_RETURN(const bool is_there, stored.next());
      if (!is_there) {
        found.is_last = count < options_.step_rows;
        break;
      }
      found.position = as_string(stored.blob(0));
      const std::string json = as_string(stored.blob(1));
      VIBRATO_RETURN_IF_ERROR(stored.status());
      bytes += json.size();
      writer_->after.parse(json);
      const std::string_view id = split_key(found.position).id;
      for (IndexEntry& entry : writer_->after.entries(index.path)) {
        found.entries.emplace_back(std::move(entry), id);
      }
    }
    return stored.status();
  };
  const auto write = [&](sqlite::Connection& file) -> Status {
    // Neighbours in the table one after the other.
    std::sort(found.entries.begin(), found.entries.end(), [](const auto& a, const auto& b) {
      return std::tie(a.first.value, a.second) < std::tie(b.first.value, b.second);
    });
    VIBRATO_ASSIGN_OR_RETURN(EntryWriter* const entries, writer_->entries(file));
    for (const auto& [entry, id] : found.entries) {
      VIBRATO_RETURN_IF_ERROR(entries->add(index.number, id, entry));
    }
    VIBRATO_ASSIGN_OR_RETURN(sqlite::Statement update,
                             file.prepare("UPDATE document_indexes SET state = ?2, position = ?3 WHERE number = ?1"));
    return update.execute(index.number, found.is_last ? State::kComplete : State::kBuilding, as_blob(found.position));
  };
  const auto change = [&](sqlite::Connection& file) -> Status {
    VIBRATO_RETURN_IF_ERROR(read(file));
    return write(file);
  };
  VIBRATO_RETURN_IF_ERROR(rows.change(change));
  const std::lock_guard lock(mutex_);
  index.position = found.position;
  index.state = found.is_last ? State::kComplete : State::kBuilding;
  return ok_status();
}

Status Indexes::drop_some(overlay::RowStore& rows, const IndexPtr& index) {
  bool is_last = false;
  const auto change = [&](sqlite::Connection& file) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(
        sqlite::Statement remove,
        file.prepare("DELETE FROM document_entries WHERE number = ?1 AND (value, id) IN "
                     "(SELECT value, id FROM document_entries WHERE number = ?1 ORDER BY value, id LIMIT ?2)"));
    VIBRATO_RETURN_IF_ERROR(remove.execute(index->number, options_.step_entries));
    is_last = file.changed_rows() < static_cast<std::int64_t>(options_.step_entries);
    if (!is_last) {
      return ok_status();
    }
    VIBRATO_ASSIGN_OR_RETURN(sqlite::Statement forget, file.prepare("DELETE FROM document_indexes WHERE number = ?1"));
    return forget.execute(index->number);
  };
  VIBRATO_RETURN_IF_ERROR(rows.change(change));
  if (is_last) {
    const std::lock_guard lock(mutex_);
    std::erase_if(by_collection_, [&](const auto& one) { return one.second == index; });
  }
  return ok_status();
}

}  // namespace vibrato::doc
