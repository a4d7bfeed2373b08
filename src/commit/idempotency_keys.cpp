#include "commit/idempotency_keys.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "base/plain_text.hpp"
#include "format/idempotency_record.hpp"

namespace vibrato::commit {
namespace {

constexpr std::array kRecordTypes = {format::kIdempotencyRecord};
constexpr std::size_t kEntryBytes = 256;  // Of an entry and its place in the tables, about.

}  // namespace

Status check_idempotency_key(std::string_view key) {
  if (key.empty() || key.size() > limits::kIdempotencyKeyBytesMax) {
    return invalid_argument(
        fmt::format("Idempotency-Key: has {} bytes; 1 to {} are allowed", key.size(), limits::kIdempotencyKeyBytesMax));
  }
  return has_control_characters(key) ? invalid_argument("Idempotency-Key: has a control character") : ok_status();
}

std::size_t IdempotencyKeys::Entry::bytes() const {
  return kEntryBytes + scope_and_key.size() + answer.body.size();
}

IdempotencyKeys::IdempotencyKeys(catalog::Catalog& catalog, IdempotencyOptions options)
    : catalog_(catalog), options_(options) {}

// A scope is a key's id and has no line break, so two pairs never give the same name.
std::string IdempotencyKeys::name_of(std::string_view scope, std::string_view key) {
  std::string name;
  name.reserve(scope.size() + 1 + key.size());
  name.append(scope).append(1, '\n').append(key);
  return name;
}

Result<IdempotencyKeys::EntryPtr> IdempotencyKeys::decode(const wal::StoredRecord& stored) {
  VIBRATO_ASSIGN_OR_RETURN(const format::IdempotencyRecord record, format::decode_idempotency_record(stored.body));
  auto entry = std::make_shared<Entry>();
  entry->lsn = stored.lsn;
  entry->time_ms = stored.time_ms;
  entry->fingerprint = record.fingerprint;
  entry->scope_and_key = name_of(record.scope, record.key);
  entry->scope_bytes = record.scope.size();
  entry->answer = {record.status, std::string(record.answer)};
  return EntryPtr(std::move(entry));
}

Result<std::optional<IdempotentAnswer>> IdempotencyKeys::find(const IdempotencyKey& key, std::int64_t now_ms) const {
  const std::string name = name_of(key.scope, key.key);
  EntryPtr entry;
  if (const auto staged = staged_by_name_.find(name); staged != staged_by_name_.end()) {
    entry = staged->second;
  } else {
    const std::lock_guard lock(mutex_);
    const auto kept = by_name_.find(name);
    entry = kept == by_name_.end() ? nullptr : kept->second;
  }
  if (entry == nullptr || entry->time_ms + options_.keep_ms <= now_ms) {
    return std::optional<IdempotentAnswer>();
  }
  if (entry->fingerprint != key.fingerprint) {
    return Status(ErrorCode::kConflict, "Idempotency-Key: was used for another request");
  }
  return std::optional(entry->answer);
}

std::size_t IdempotencyKeys::count() const {
  const std::lock_guard lock(mutex_);
  return kept_.size();
}

std::size_t IdempotencyKeys::bytes_in_memory() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

std::span<const std::uint16_t> IdempotencyKeys::record_types() const {
  return kRecordTypes;
}

void IdempotencyKeys::stage(const wal::StoredRecord& record) {
  auto entry = decode(record);
  VIBRATO_CHECK(entry.ok());  // Our own write encoded it.
  staged_.push_back(*entry);
  put(staged_by_name_, *entry);
}

void IdempotencyKeys::unstage_from(Lsn lsn) {
  std::erase_if(staged_, [lsn](const EntryPtr& entry) { return entry->lsn >= lsn; });
  staged_by_name_.clear();
  for (const EntryPtr& entry : staged_) {
    put(staged_by_name_, entry);
  }
}

Status IdempotencyKeys::apply(const wal::StoredRecord& record) {
  EntryPtr entry;
  // Records are applied in the order of their staging.
  if (!staged_.empty() && staged_.front()->lsn == record.lsn) {
    entry = staged_.front();
    staged_.pop_front();
    remove(staged_by_name_, entry);
  } else {
    VIBRATO_ASSIGN_OR_RETURN(entry, decode(record));
  }
  const std::lock_guard lock(mutex_);
  if (!kept_.empty() && entry->lsn <= kept_.back()->lsn) {
    return ok_status();  // A replay of what was saved.
  }
  remember(entry);
  return ok_status();
}

// Erases first: the name in the table must be borrowed from the entry that is there to stay.
void IdempotencyKeys::put(EntryMap& map, const EntryPtr& entry) {
  map.erase(entry->scope_and_key);
  map.emplace(entry->scope_and_key, entry);
}

void IdempotencyKeys::remove(EntryMap& map, const EntryPtr& entry) {
  if (const auto named = map.find(entry->scope_and_key); named != map.end() && named->second == entry) {
    map.erase(named);
  }
}

// How far a request had come is of no use once the next record of its key is there.
void IdempotencyKeys::remember(const EntryPtr& entry) {
  const auto before = by_name_.find(entry->scope_and_key);
  if (before != by_name_.end() && before->second->answer.status == format::kUnfinishedStatus) {
    const EntryPtr unfinished = before->second;
    bytes_ -= unfinished->bytes();
    by_name_.erase(before);
    kept_.erase(std::partition_point(kept_.begin(), kept_.end(),
                                     [&](const EntryPtr& one) { return one->lsn < unfinished->lsn; }));
  }
  kept_.push_back(entry);
  bytes_ += entry->bytes();
  put(by_name_, entry);
  while (kept_.size() > 1 && (kept_.size() > options_.keys_max || bytes_ > options_.bytes_max ||
                              kept_.front()->time_ms + options_.keep_ms <= entry->time_ms)) {
    forget_oldest();
  }
}

void IdempotencyKeys::forget_oldest() {
  const EntryPtr oldest = kept_.front();
  kept_.pop_front();
  bytes_ -= oldest->bytes();
  remove(by_name_, oldest);
}

Lsn IdempotencyKeys::durable_lsn() const {
  const std::lock_guard lock(mutex_);
  return durable_;
}

catalog::IdempotencyRow IdempotencyKeys::row_of(const Entry& entry) {
  catalog::IdempotencyRow row;
  row.lsn = entry.lsn;
  row.at_ms = entry.time_ms;
  row.scope = entry.scope_and_key.substr(0, entry.scope_bytes);
  row.key = entry.scope_and_key.substr(entry.scope_bytes + 1);
  row.fingerprint = entry.fingerprint;
  row.status = entry.answer.status;
  row.answer = entry.answer.body;
  return row;
}

Status IdempotencyKeys::save(Lsn up_to) {
  const std::lock_guard one_save(save_mutex_);
  std::vector<EntryPtr> unsaved;
  Lsn saved = up_to;
  Lsn oldest = Lsn::max();  // Nothing below is kept; all rows go when nothing is.
  {
    const std::lock_guard lock(mutex_);
    if (!kept_.empty()) {
      oldest = kept_.front()->lsn;
      saved = std::max(saved, kept_.back()->lsn);
    }
    if (saved <= durable_) {
      return ok_status();
    }
    const auto first =
        std::partition_point(kept_.begin(), kept_.end(), [this](const EntryPtr& one) { return one->lsn <= durable_; });
    unsaved.assign(first, kept_.end());
  }
  oldest = std::min(oldest, saved.next());
  VIBRATO_RETURN_IF_ERROR(catalog_.write([&](catalog::Tables& tables) -> Status {
    Status status = tables.idempotency.remove_below(oldest);
    for (auto entry = unsaved.begin(); status.ok() && entry != unsaved.end(); ++entry) {
      status = tables.idempotency.insert(row_of(**entry));
    }
    return status.ok() ? tables.applied.set(name(), CollectionNumber(), saved) : status;
  }));
  const std::lock_guard lock(mutex_);
  durable_ = saved;
  return ok_status();
}

Status IdempotencyKeys::load() {
  Lsn durable;
  std::vector<catalog::IdempotencyRow> rows;
  VIBRATO_RETURN_IF_ERROR(catalog_.read([&](const catalog::Tables& tables) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(durable, tables.applied.get(name(), CollectionNumber()));
    VIBRATO_ASSIGN_OR_RETURN(rows, tables.idempotency.all());
    return ok_status();
  }));
  const std::lock_guard lock(mutex_);
  durable_ = durable;
  for (catalog::IdempotencyRow& row : rows) {
    auto entry = std::make_shared<Entry>();
    entry->lsn = row.lsn;
    entry->time_ms = row.at_ms;
    entry->fingerprint = row.fingerprint;
    entry->scope_and_key = name_of(row.scope, row.key);
    entry->scope_bytes = row.scope.size();
    entry->answer = {static_cast<std::uint16_t>(row.status), std::move(row.answer)};
    remember(entry);
  }
  return ok_status();
}

}  // namespace vibrato::commit
