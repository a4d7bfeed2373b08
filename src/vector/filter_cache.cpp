#include "vector/filter_cache.hpp"

#include <functional>
#include <utility>

namespace vibrato::vector {
namespace {

// Of an entry besides its key and its set: list and table nodes, and what the allocator adds to them.
constexpr std::size_t kEntryBytes = 320;

std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 32)) * 0x9E3779B97F4A7C15U;
  return x ^ (x >> 29);
}

}  // namespace

std::size_t FilterCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

std::size_t FilterCache::bytes_of(std::string_view key, const filter::RowSet& rows) {
  return kEntryBytes + key.size() + rows.bytes_in_memory();
}

FilterCache::Part::Part(std::shared_ptr<FilterCache> cache) : cache_(std::move(cache)) {}

FilterCache::Part::~Part() {
  Entries gone;  // Freed without the lock.
  const std::lock_guard lock(cache_->mutex_);
  for (const auto& [key, entry] : index_) {
    cache_->bytes_ -= entry->bytes;
    gone.splice(gone.end(), cache_->entries_, entry);
  }
}

// Parts differ in their hashes, so that a filter is seen on each by itself.
FilterCache::Key FilterCache::Part::key_of(std::string_view text) const {
  const auto of_part = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(this));
  const std::uint64_t hash = mix(std::hash<std::string_view>()(text) ^ mix(of_part));
  return {text, static_cast<std::size_t>(hash)};
}

FilterCache::Part::Known FilterCache::Part::find(std::string_view key_text) {
  const Key key = key_of(key_text);
  const std::lock_guard lock(cache_->mutex_);
  if (const auto found = index_.find(key); found != index_.end()) {
    cache_->entries_.splice(cache_->entries_.begin(), cache_->entries_, found->second);
    return {found->second->rows, false};
  }
  const bool was_seen = std::exchange(cache_->seen_[key.hash % kSeen], key.hash) == key.hash;
  return {nullptr, was_seen};
}

void FilterCache::Part::keep(std::string_view key_text, const filter::RowSetPtr& rows) {
  const std::size_t bytes = bytes_of(key_text, *rows);
  if (bytes > cache_->bytes_max_) {
    return;
  }
  const Key key = key_of(key_text);
  Entries fresh;
  fresh.push_back({std::string(key_text), key.hash, rows, bytes, &index_});
  Entries gone;  // Freed without the lock.
  const std::lock_guard lock(cache_->mutex_);
  const auto [at, is_new] = index_.try_emplace(Key{fresh.front().key, key.hash}, fresh.begin());
  if (!is_new) {
    return;  // Another thread was faster.
  }
  cache_->entries_.splice(cache_->entries_.begin(), fresh);
  cache_->bytes_ += bytes;
  while (cache_->bytes_ > cache_->bytes_max_) {
    const Entry& last = cache_->entries_.back();
    cache_->bytes_ -= last.bytes;
    last.of_part->erase(Key{last.key, last.hash});
    gone.splice(gone.end(), cache_->entries_, std::prev(cache_->entries_.end()));
  }
}

}  // namespace vibrato::vector
