#include "overlay/row_cache.hpp"

#include <algorithm>
#include <functional>
#include <new>
#include <optional>
#include <string>

namespace vibrato::overlay {
namespace {

// A row that takes more of its shard than one part in so many would cost too many others their place.
constexpr std::size_t kRowsPerShardMin = 64;
// Of an entry in its set, and what an allocation takes beside its bytes.
constexpr std::size_t kPlaceBytes = 40;
constexpr std::size_t kAllocationBytes = 8;
constexpr std::size_t kAllocationStep = 16;

}  // namespace

std::size_t RowCache::Entry::bytes_for(std::size_t text_bytes) {
  const std::size_t whole = sizeof(Head) + text_bytes + kAllocationBytes;
  return (whole + kAllocationStep - 1) / kAllocationStep * kAllocationStep + kPlaceBytes;
}

RowCache::Entry::Entry(std::string_view key, const Row& row)
    : bytes_(std::make_unique_for_overwrite<std::byte[]>(sizeof(Head) + key.size() + row.value.size())) {
  ::new (bytes_.get()) Head{.lsn = row.lsn,
                            .expires_at_ms = row.expires_at_ms.value_or(0),
                            .key_bytes = static_cast<std::uint32_t>(key.size()),
                            .value_bytes = static_cast<std::uint32_t>(row.value.size()),
                            .expires = row.expires_at_ms.has_value(),
                            .was_asked_for = false};
  std::copy(row.value.begin(), row.value.end(), std::copy(key.begin(), key.end(), text()));
}

RowPtr RowCache::Entry::row() const {
  auto row = std::make_shared<Row>();
  row->lsn = head().lsn;
  if (head().expires) {
    row->expires_at_ms = head().expires_at_ms;
  }
  row->value.assign(text() + head().key_bytes, head().value_bytes);
  return row;
}

void RowCache::Shard::put(std::string_view key, const Row& row, std::size_t bytes_max) {
  erase(key);
  bytes += entries.emplace(key, row).first->bytes();
  make_room(bytes_max);
}

void RowCache::Shard::erase(std::string_view key) {
  if (const auto found = entries.find(key); found != entries.end()) {
    bytes -= found->bytes();
    entries.erase(found);
  }
}

// Ends: after one turn nobody has been asked for.
void RowCache::Shard::make_room(std::size_t bytes_max) {
  while (bytes > bytes_max) {
    hand = (hand + 1) % entries.bucket_count();
    const auto goes = std::find_if(entries.begin(hand), entries.end(hand), [](const Entry& entry) {
      const bool stays = entry.was_asked_for();
      entry.set_asked_for(false);
      return !stays;
    });
    if (goes != entries.end(hand)) {
      erase(goes->key());
    }
  }
}

RowCache::Shard& RowCache::shard_of(std::string_view key) {
  // Its sets use the low bits.
  return shards_[(HashOfKey()(key) >> 48) % kShards];
}

bool RowCache::is_worth_keeping(std::string_view key, const Row& row) const {
  return Entry::bytes_for(key.size() + row.value.size()) <= shard_bytes_max_ / kRowsPerShardMin;
}

RowPtr RowCache::find(std::string_view key) {
  if (shard_bytes_max_ == 0) {
    return nullptr;
  }
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.entries.find(key);
  if (found == shard.entries.end()) {
    return nullptr;
  }
  found->set_asked_for(true);
  return found->row();
}

void RowCache::keep(std::string_view key, const Row& row, std::uint64_t begun) {
  if (!is_worth_keeping(key, row)) {
    return;
  }
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  // With the lock: a save that begins now tells its rows to this shard afterwards.
  if (begun % 2 == 0 && saves_.load() == begun) {
    shard.put(key, row, shard_bytes_max_);
  }
}

void RowCache::save(std::string_view key, const Row& row) {
  if (shard_bytes_max_ == 0) {
    return;
  }
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  if (row.is_deleted || !is_worth_keeping(key, row)) {
    shard.erase(key);
  } else {
    shard.put(key, row, shard_bytes_max_);
  }
}

std::size_t RowCache::bytes() const {
  std::size_t bytes = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    bytes += shard.bytes;
  }
  return bytes;
}

}  // namespace vibrato::overlay
