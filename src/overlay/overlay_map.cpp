#include "overlay/overlay_map.hpp"

#include <algorithm>
#include <iterator>
#include <mutex>

namespace vibrato::overlay {
namespace {

constexpr std::uint64_t kEntryBytes = 160;  // Of a row and its place in the map, beside key and value.
constexpr std::uint64_t kExpiryBytes = 96;

std::uint64_t bytes_of(const std::string& key, const Row& row) {
  const std::uint64_t expiry = row.expires_at_ms.has_value() ? kExpiryBytes + key.size() : 0;
  return kEntryBytes + key.size() + row.value.size() + expiry;
}

}  // namespace

std::vector<RowPtr>::const_iterator OverlayMap::Versions::above(Lsn lsn) const {
  return std::ranges::upper_bound(older, lsn, {}, [](const RowPtr& row) { return row->lsn; });
}

RowPtr OverlayMap::Versions::as_of(Lsn lsn) const {
  if (newest->lsn <= lsn) {
    return newest;
  }
  const auto next = above(lsn);
  return next == older.begin() ? nullptr : *std::prev(next);
}

void OverlayMap::set_saved(Lsn saved, std::optional<std::int64_t> file_expiry_ms) {
  const std::lock_guard lock(mutex_);
  saved_ = saved;
  floor_ = saved;
  file_expiry_ms_ = file_expiry_ms;
}

void OverlayMap::put(std::string_view key, RowPtr row, Lsn visible) {
  const std::lock_guard lock(mutex_);
  if (row->lsn <= saved_) {
    return;
  }
  floor_ = std::max(floor_, visible);
  auto found = map_.find(key);
  if (found == map_.end()) {
    found = map_.emplace(std::string(key), Versions{}).first;
  } else if (row->lsn <= found->second.newest->lsn) {
    return;
  }
  Versions& versions = found->second;
  add(found->first, *row);
  if (versions.newest) {
    versions.older.push_back(std::move(versions.newest));
  }
  versions.newest = std::move(row);
  if (!versions.older.empty()) {
    prune(found->first, versions);
  }
}

// Lets go of what nobody asks for any more: what lies below the row that is seen from the floor, but for the one that
// is saved. Most calls within a round find nothing.
void OverlayMap::prune(const std::string& key, Versions& versions) {
  auto needed = versions.older.cend();
  if (versions.newest->lsn > floor_) {
    needed = versions.above(floor_);
    needed -= needed == versions.older.cbegin() ? 0 : 1;
  }
  const RowPtr saved = saving_.has_value() ? versions.as_of(*saving_) : nullptr;
  if (needed == versions.older.cbegin() || (needed - versions.older.cbegin() == 1 && versions.older.front() == saved)) {
    return;
  }
  std::vector<RowPtr> dropped(versions.older.cbegin(), needed);
  versions.older.erase(versions.older.cbegin(), needed);
  if (const auto kept = std::ranges::find(dropped, saved); kept != dropped.end()) {
    versions.older.insert(versions.older.begin(), saved);
    dropped.erase(kept);
  }
  for (const RowPtr& row : dropped) {
    drop(key, versions, *row);
  }
}

void OverlayMap::add(const std::string& key, const Row& row) {
  bytes_ += bytes_of(key, row);
  if (row.expires_at_ms.has_value()) {
    expiries_.emplace(*row.expires_at_ms, key);
  }
}

// Another row of the key, one of those that are left, may end at the same time.
void OverlayMap::drop(const std::string& key, const Versions& left, const Row& row) {
  bytes_ -= bytes_of(key, row);
  if (!row.expires_at_ms.has_value()) {
    return;
  }
  const auto ends_with_it = [&row](const RowPtr& other) { return other && other->expires_at_ms == row.expires_at_ms; };
  if (!ends_with_it(left.newest) && std::ranges::none_of(left.older, ends_with_it)) {
    expiries_.erase({*row.expires_at_ms, key});
  }
}

std::optional<RowPtr> OverlayMap::find(std::string_view key, Lsn as_of) const {
  const std::shared_lock lock(mutex_);
  const auto found = map_.find(key);
  if (found == map_.end()) {
    return std::nullopt;
  }
  RowPtr row = found->second.as_of(std::max(as_of, floor_));
  return row ? std::optional(std::move(row)) : std::nullopt;
}

std::optional<RowPtr> OverlayMap::find_newest(std::string_view key) const {
  const std::shared_lock lock(mutex_);
  const auto found = map_.find(key);
  return found == map_.end() ? std::nullopt : std::optional(found->second.newest);
}

std::optional<std::string> OverlayMap::copy(const KeyRange& range, Lsn as_of, std::size_t max, RowMap& out) const {
  std::size_t rows = 0;
  for (auto at = map_.lower_bound(range.from); at != map_.end() && (!range.to || at->first < *range.to); ++at) {
    RowPtr row = at->second.as_of(as_of);
    if (!row) {
      continue;
    }
    rows += row->is_deleted ? 0 : 1;
    out.emplace_hint(out.end(), at->first, std::move(row));
    if (rows == max) {
      return at->first;
    }
  }
  return std::nullopt;
}

std::optional<std::int64_t> OverlayMap::next_expiry_ms() const {
  const std::shared_lock lock(mutex_);
  if (expiries_.empty()) {
    return file_expiry_ms_;
  }
  const std::int64_t first = expiries_.begin()->first;
  return std::min(first, file_expiry_ms_.value_or(first));
}

std::vector<RowEntry> OverlayMap::expired(std::int64_t now_ms, std::size_t count, Lsn as_of) const {
  const std::shared_lock lock(mutex_);
  const Lsn seen = std::max(as_of, floor_);
  std::vector<RowEntry> rows;
  for (const auto& [time_ms, key] : expiries_) {
    if (time_ms > now_ms || rows.size() == count) {
      break;
    }
    RowPtr row = map_.find(key)->second.as_of(seen);
    if (row && row->expires_at_ms == time_ms) {
      rows.push_back({key, std::move(row)});
    }
  }
  return rows;
}

std::uint64_t OverlayMap::generation() const {
  const std::shared_lock lock(mutex_);
  return generation_;
}

void OverlayMap::set_file_expiry(std::uint64_t generation, std::optional<std::int64_t> time_ms) {
  const std::lock_guard lock(mutex_);
  if (generation == generation_) {
    file_expiry_ms_ = time_ms;
  }
}

Lsn OverlayMap::begin_save(Lsn up_to) {
  const std::lock_guard lock(mutex_);
  saving_ = std::max(up_to, floor_);
  return *saving_;
}

OverlayMap::Map::const_iterator OverlayMap::after_key(const Map& map, const std::optional<std::string>& key) {
  return key.has_value() ? map.upper_bound(*key) : map.begin();
}

std::optional<std::string> OverlayMap::collect(const std::optional<std::string>& after, Lsn up_to, std::size_t count,
                                               std::vector<RowEntry>& out) const {
  const std::shared_lock lock(mutex_);
  for (auto at = after_key(map_, after); at != map_.end(); ++at) {
    if (RowPtr row = at->second.as_of(up_to); row) {
      out.push_back({at->first, std::move(row)});
    }
    if (--count == 0) {
      return at->first;
    }
  }
  return std::nullopt;
}

void OverlayMap::give_up() {
  const std::lock_guard lock(mutex_);
  saving_.reset();
}

void OverlayMap::end_save(Lsn saved, std::optional<std::int64_t> file_expiry_ms) {
  const std::lock_guard lock(mutex_);
  saving_.reset();
  saved_ = saved;
  floor_ = std::max(floor_, saved);
  file_expiry_ms_ = file_expiry_ms;
  ++generation_;
}

std::optional<std::string> OverlayMap::let_go(const std::optional<std::string>& from, Lsn saved, std::size_t count) {
  std::vector<RowPtr> rows;  // Freed without the lock.
  const std::lock_guard lock(mutex_);
  auto at = map_.lower_bound(from.value_or(std::string()));
  while (at != map_.end()) {
    if (count-- == 0) {
      return at->first;
    }
    Versions& versions = at->second;
    const auto left = versions.above(saved);
    std::vector<RowPtr> gone(versions.older.cbegin(), left);
    versions.older.erase(versions.older.cbegin(), left);
    if (versions.newest->lsn <= saved) {
      gone.push_back(std::move(versions.newest));
    }
    for (const RowPtr& row : gone) {
      drop(at->first, versions, *row);
    }
    std::ranges::move(gone, std::back_inserter(rows));
    at = versions.newest ? std::next(at) : map_.erase(at);
  }
  return std::nullopt;
}

std::uint64_t OverlayMap::bytes() const {
  const std::shared_lock lock(mutex_);
  return bytes_;
}

}  // namespace vibrato::overlay
