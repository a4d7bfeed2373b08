#include "catalog/copy_edit.hpp"

#include <algorithm>
#include <iterator>
#include <span>

#include "catalog/migrations.hpp"
#include "sqlite/transaction.hpp"

namespace vibrato::catalog {
namespace {

constexpr std::uint32_t kAuditPage = 1000;

// With the journal of a catalog, which a copy names as its own. It is gone once the connection is closed.
sqlite::ConnectionOptions copy_options() {
  sqlite::ConnectionOptions options;
  options.create_if_missing = false;
  return options;
}

// The table takes numbers only in the order in which they were given; a state has its collections in any order.
std::vector<const VectorState::Entry*> by_number(const std::vector<VectorState::Entry>& entries) {
  std::vector<const VectorState::Entry*> ordered;
  ordered.reserve(entries.size());
  for (const VectorState::Entry& entry : entries) {
    ordered.push_back(&entry);
  }
  std::sort(ordered.begin(), ordered.end(),
            [](const auto* a, const auto* b) { return a->collection.number < b->collection.number; });
  return ordered;
}

// The rule that numbers are never reused is about creations; here those that were given are put back.
Status replace_vectors(sqlite::Connection& connection, const VectorState& state) {
  VIBRATO_RETURN_IF_ERROR(
      connection.execute("DELETE FROM delete_bitmaps; DELETE FROM segments; DELETE FROM collections;"
                         "DELETE FROM applied_lsns WHERE model = 'vector';"
                         "UPDATE store SET collection_number_max = 0, trim_lsn = 0, clean_stop = 0;"));
  VIBRATO_ASSIGN_OR_RETURN(auto collections, CollectionsTable::open(connection));
  for (const VectorState::Entry* const entry : by_number(state.collections)) {
    VIBRATO_RETURN_IF_ERROR(collections.insert(entry->collection));
    VIBRATO_RETURN_IF_ERROR(collections.set_next_point_number(entry->collection.number, entry->next_point_number));
  }
  VIBRATO_ASSIGN_OR_RETURN(auto segments, SegmentsTable::open(connection));
  for (const VectorState::Part& part : state.parts) {
    VIBRATO_ASSIGN_OR_RETURN(const SegmentId id, segments.insert(part.segment));
    if (part.bitmap.has_value()) {
      DeleteBitmap bitmap = *part.bitmap;
      bitmap.segment = id;
      VIBRATO_RETURN_IF_ERROR(segments.put_bitmap(bitmap));
    }
  }
  VIBRATO_ASSIGN_OR_RETURN(auto cut_applied, connection.prepare("UPDATE applied_lsns SET lsn = min(lsn, ?1)"));
  VIBRATO_RETURN_IF_ERROR(cut_applied.execute(state.lsn.value()));
  VIBRATO_ASSIGN_OR_RETURN(auto cut_keys, connection.prepare("DELETE FROM idempotency_keys WHERE lsn > ?1"));
  VIBRATO_RETURN_IF_ERROR(cut_keys.execute(state.lsn.value()));
  VIBRATO_ASSIGN_OR_RETURN(auto applied, AppliedTable::open(connection));
  for (const AppliedLsn& one : state.applied) {
    VIBRATO_RETURN_IF_ERROR(applied.set(one.model, one.collection, one.lsn));
  }
  VIBRATO_ASSIGN_OR_RETURN(auto store, StoreTable::open(connection, 0));
  VIBRATO_RETURN_IF_ERROR(store.set_trim_lsn(state.trim_lsn));
  VIBRATO_ASSIGN_OR_RETURN(
      auto set_number, connection.prepare("UPDATE store SET collection_number_max = max(collection_number_max, ?1)"));
  return set_number.execute(state.number_max.value());
}

// Sequences of audit rows go on where they were, so that a reader's cursor keeps its meaning.
Status replace_keys(sqlite::Connection& connection, const KeysAndAudit& kept) {
  VIBRATO_RETURN_IF_ERROR(connection.execute("DELETE FROM api_keys; DELETE FROM audit;"));
  VIBRATO_ASSIGN_OR_RETURN(auto keys, KeysTable::open(connection));
  for (const ApiKey& key : kept.keys) {
    VIBRATO_RETURN_IF_ERROR(keys.insert(key));
  }
  if (kept.audit.empty()) {
    return ok_status();
  }
  const auto before = static_cast<std::int64_t>(kept.audit.back().sequence) - 1;
  VIBRATO_RETURN_IF_ERROR(connection.execute("DELETE FROM sqlite_sequence WHERE name = 'audit';"));
  VIBRATO_ASSIGN_OR_RETURN(auto set_sequence,
                           connection.prepare("INSERT INTO sqlite_sequence (name, seq) VALUES ('audit', ?1)"));
  VIBRATO_RETURN_IF_ERROR(set_sequence.execute(before));
  VIBRATO_ASSIGN_OR_RETURN(auto audit, AuditTable::open(connection));
  const std::vector<AuditEvent> oldest_first(kept.audit.rbegin(), kept.audit.rend());
  return audit.append(oldest_first);
}

Status replace_snapshots(sqlite::Connection& connection, const std::vector<Snapshot>& kept) {
  VIBRATO_RETURN_IF_ERROR(connection.execute("DELETE FROM snapshots;"));
  VIBRATO_ASSIGN_OR_RETURN(auto snapshots, SnapshotsTable::open(connection));
  for (const Snapshot& snapshot : kept) {
    VIBRATO_RETURN_IF_ERROR(snapshots.insert(snapshot));
  }
  return ok_status();
}

Status apply_edit(sqlite::Connection& connection, const CopyEdit& edit) {
  if (edit.forget_jobs) {
    VIBRATO_RETURN_IF_ERROR(connection.execute("DELETE FROM jobs;"));
  }
  if (edit.vectors.has_value()) {
    VIBRATO_RETURN_IF_ERROR(replace_vectors(connection, *edit.vectors));
  }
  if (edit.keys.has_value()) {
    VIBRATO_RETURN_IF_ERROR(replace_keys(connection, *edit.keys));
  }
  if (edit.snapshots.has_value()) {
    VIBRATO_RETURN_IF_ERROR(replace_snapshots(connection, *edit.snapshots));
  }
  VIBRATO_ASSIGN_OR_RETURN(auto reserve,
                           connection.prepare("UPDATE store SET file_number_max = max(file_number_max, ?1)"));
  return reserve.execute(edit.file_number_max);
}

}  // namespace

Status finish_copy(io::FileSystem& fs, const std::string& path) {
  Status journal = fs.stat(path + "-wal").status();
  if (journal.ok()) {
    return io_error(path + ": its journal could not be copied into it");
  }
  if (journal.code() != ErrorCode::kNotFound) {
    return journal;
  }
  VIBRATO_ASSIGN_OR_RETURN(const auto file, fs.open(path, io::OpenMode::kReadWrite));
  return file->sync();
}

Status edit_copy(sqlite::Vfs& vfs, const std::string& path, const CopyEdit& edit) {
  {
    VIBRATO_ASSIGN_OR_RETURN(const auto connection, sqlite::Connection::open(vfs, path, copy_options()));
    VIBRATO_ASSIGN_OR_RETURN(auto transaction, sqlite::Transaction::begin(*connection));
    VIBRATO_RETURN_IF_ERROR(apply_edit(*connection, edit));
    VIBRATO_RETURN_IF_ERROR(transaction.commit());
  }
  return finish_copy(vfs.file_system(), path);
}

Status make_empty(sqlite::Vfs& vfs, const std::string& path, const Clock& clock) {
  if (vfs.file_system().stat(path).ok()) {
    return {ErrorCode::kAlreadyExists, path + " exists already"};
  }
  sqlite::ConnectionOptions options = copy_options();
  options.create_if_missing = true;
  VIBRATO_ASSIGN_OR_RETURN(const auto connection, sqlite::Connection::open(vfs, path, options));
  VIBRATO_RETURN_IF_ERROR(migrate(*connection, all_migrations(), clock.now_ms()));
  return StoreTable::open(*connection, clock.now_ms()).status();
}

Result<CopyContent> read_copy(sqlite::Vfs& vfs, const std::string& path, const Clock& clock) {
  VIBRATO_ASSIGN_OR_RETURN(const auto connection, sqlite::Connection::open(vfs, path, copy_options()));
  VIBRATO_RETURN_IF_ERROR(connection->check_integrity());
  VIBRATO_RETURN_IF_ERROR(migrate(*connection, all_migrations(), clock.now_ms()));
  CopyContent content;
  VIBRATO_ASSIGN_OR_RETURN(const auto store, StoreTable::open(*connection, clock.now_ms()));
  VIBRATO_ASSIGN_OR_RETURN(content.store, store.read());
  VIBRATO_ASSIGN_OR_RETURN(const auto collections, CollectionsTable::open(*connection));
  VIBRATO_ASSIGN_OR_RETURN(content.collections, collections.live());
  VIBRATO_ASSIGN_OR_RETURN(const auto segments, SegmentsTable::open(*connection));
  VIBRATO_ASSIGN_OR_RETURN(content.segments, segments.all());
  for (const Segment& segment : content.segments) {
    VIBRATO_RETURN_IF_ERROR(segments.bitmap(segment.id).status());
  }
  VIBRATO_ASSIGN_OR_RETURN(const auto applied, AppliedTable::open(*connection));
  VIBRATO_ASSIGN_OR_RETURN(content.applied, applied.all());
  VIBRATO_ASSIGN_OR_RETURN(const auto keys, KeysTable::open(*connection));
  VIBRATO_ASSIGN_OR_RETURN(const auto all_keys, keys.all());
  content.keys = all_keys.size();
  return content;
}

Result<KeysAndAudit> read_keys_and_audit(const Catalog& catalog) {
  return catalog.read([](const Tables& tables) -> Result<KeysAndAudit> {
    KeysAndAudit kept;
    VIBRATO_ASSIGN_OR_RETURN(kept.keys, tables.keys.all());
    std::optional<std::uint64_t> before;
    while (true) {
      VIBRATO_ASSIGN_OR_RETURN(auto page, tables.audit.page(before, kAuditPage));
      if (page.empty()) {
        return kept;
      }
      before = page.back().sequence;
      std::move(page.begin(), page.end(), std::back_inserter(kept.audit));
    }
  });
}

}  // namespace vibrato::catalog
