#include "auth/verified_keys.hpp"

#include <utility>

namespace vibrato::auth {

PrincipalPtr VerifiedKeys::find(const Digest& token_digest) {
  Shard& shard = shard_of(token_digest);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.by_digest.find(token_digest);
  if (found == shard.by_digest.end()) {
    return nullptr;
  }
  shard.by_use.splice(shard.by_use.begin(), shard.by_use, found->second);
  return found->second->principal;
}

void VerifiedKeys::insert(const Digest& token_digest, PrincipalPtr principal, std::uint64_t epoch) {
  Shard& shard = shard_of(token_digest);
  const std::lock_guard lock(shard.mutex);
  if (epoch_.load() != epoch || shard_entries_max_ == 0 || shard.by_digest.contains(token_digest)) {
    return;
  }
  if (shard.by_use.size() == shard_entries_max_) {
    shard.by_digest.erase(shard.by_use.back().token_digest);
    shard.by_use.pop_back();
  }
  shard.by_use.push_front({token_digest, std::move(principal)});
  shard.by_digest.emplace(token_digest, shard.by_use.begin());
}

void VerifiedKeys::evict(std::string_view key_id) {
  ++epoch_;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (auto entry = shard.by_use.begin(); entry != shard.by_use.end();) {
      if (entry->principal->key_id == key_id) {
        shard.by_digest.erase(entry->token_digest);
        entry = shard.by_use.erase(entry);
      } else {
        ++entry;
      }
    }
  }
}

std::size_t VerifiedKeys::size() const {
  std::size_t entries = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    entries += shard.by_use.size();
  }
  return entries;
}

}  // namespace vibrato::auth
