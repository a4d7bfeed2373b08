// Tokens that were verified a while ago, so that a request with one needs no catalog and no HMAC. Only the
// authenticator uses it. Keyed by the SHA-256 of the whole token: memory never holds a token in use.
//
// Invariant: once evict(id) has returned, no token of that key is found here, whatever ran beside it. An insert that
// lost its race is refused by the epoch:
//   1. the authenticator reads the epoch, then the store, then inserts with that epoch;
//   2. a revocation commits to the store, then evict raises the epoch, then it empties shard after shard;
//   3. insert compares the epoch while it holds its shard's lock. Had it read the store before the commit, it either
//      sees the raised epoch and does nothing, or is done before evict takes that lock, and is removed.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <list>
#include <mutex>
#include <string_view>
#include <unordered_map>

#include "auth/crypto.hpp"
#include "auth/principal.hpp"

namespace vibrato::auth {

// Thread-safety: all methods may be called from many threads at once.
class VerifiedKeys {
 public:
  static constexpr std::size_t kShards = 16;

  // Holds at most `entries_max`, rounded up to a multiple of kShards; the one used longest ago makes room.
  explicit VerifiedKeys(std::size_t entries_max) : shard_entries_max_((entries_max + kShards - 1) / kShards) {}

  // To be read before the store is, and given to insert.
  [[nodiscard]] std::uint64_t epoch() const { return epoch_.load(); }
  // Null if it is not here.
  [[nodiscard]] PrincipalPtr find(const Digest& token_digest);
  // Does nothing if any key was evicted since `epoch` was read.
  void insert(const Digest& token_digest, PrincipalPtr principal, std::uint64_t epoch);
  void evict(std::string_view key_id);
  [[nodiscard]] std::size_t size() const;

 private:
  struct Entry {
    Digest token_digest;
    PrincipalPtr principal;
  };
  struct DigestHash {
    std::size_t operator()(const Digest& digest) const {
      std::size_t hash = 0;
      std::memcpy(&hash, digest.data(), sizeof(hash));
      return hash;
    }
  };
  struct Shard {
    mutable std::mutex mutex;  // Guards the members below.
    std::list<Entry> by_use;   // The one used last in front.
    std::unordered_map<Digest, std::list<Entry>::iterator, DigestHash> by_digest;
  };

  // By another byte than those that choose the bucket.
  Shard& shard_of(const Digest& token_digest) {
    return shards_[std::to_integer<std::size_t>(token_digest.back()) % kShards];
  }

  std::size_t shard_entries_max_;
  std::atomic<std::uint64_t> epoch_{0};
  std::array<Shard, kShards> shards_;
};

}  // namespace vibrato::auth
