// The idempotency keys of requests that are being carried out by several writes, so that of two with one key only one
// acts at a time. For delete_groups_call.hpp.
#pragma once

#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "commit/idempotency_keys.hpp"

namespace vibrato::api {

// Thread-safety: all methods may be called from many threads at once.
class RunningKeys {
 public:
  // False while the key of the same caller runs.
  [[nodiscard]] bool begin(const commit::IdempotencyKey& key) {
    const std::lock_guard lock(mutex_);
    return running_.emplace(key.scope, key.key).second;
  }
  void end(const commit::IdempotencyKey& key) {
    const std::lock_guard lock(mutex_);
    running_.erase({key.scope, key.key});
  }

 private:
  std::mutex mutex_;  // Guards the member below.
  std::set<std::pair<std::string, std::string>> running_;
};

}  // namespace vibrato::api
