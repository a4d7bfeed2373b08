// A KeyStore in memory that counts what it is asked and fails when it is told to.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "auth/key_store.hpp"

namespace vibrato::test {

// Thread-safety: all methods may be called from many threads at once, except those that set up failures.
class MemoryKeyStore final : public auth::KeyStore {
 public:
  [[nodiscard]] Result<std::optional<auth::KeyRecord>> find(std::string_view id) override {
    ++find_count_;
    std::optional<auth::KeyRecord> found;
    std::function<void()> after;
    {
      const std::lock_guard lock(mutex_);
      VIBRATO_RETURN_IF_ERROR(failure_);
      if (const auto at = records_.find(id); at != records_.end()) {
        found = at->second;
      }
      after.swap(after_find_);
    }
    if (after) {
      after();
    }
    return found;
  }

  [[nodiscard]] Status insert(const auth::KeyRecord& record) override {
    const std::lock_guard lock(mutex_);
    VIBRATO_RETURN_IF_ERROR(failure_);
    return records_.emplace(record.id, record).second ? ok_status()
                                                      : Status(ErrorCode::kAlreadyExists, "the key exists already");
  }

  [[nodiscard]] Status revoke(std::string_view id, std::int64_t revoked_at_ms) override {
    if (before_revoke_) {
      before_revoke_();
    }
    const std::lock_guard lock(mutex_);
    if (failure_.ok() || revokes_before_failing_) {
      const auto at = records_.find(id);
      if (at == records_.end()) {
        return not_found("there is no such key");
      }
      at->second.revoked_at_ms = at->second.revoked_at_ms.value_or(revoked_at_ms);
    }
    return failure_;
  }

  [[nodiscard]] Result<std::vector<auth::KeyRecord>> list() override {
    const std::lock_guard lock(mutex_);
    VIBRATO_RETURN_IF_ERROR(failure_);
    std::vector<auth::KeyRecord> keys;
    for (const auto& [id, record] : records_) {
      keys.push_back(record);
    }
    std::stable_sort(keys.begin(), keys.end(), [](const auth::KeyRecord& a, const auth::KeyRecord& b) {
      return a.created_at_ms < b.created_at_ms;
    });
    return keys;
  }

  // Calls of find so far.
  [[nodiscard]] int find_count() const { return find_count_; }
  // From now on every call fails with it; ok ends that. With `revokes_before_failing`, revoke does its work first.
  void fail_with(Status failure, bool revokes_before_failing = false) {
    failure_ = std::move(failure);
    revokes_before_failing_ = revokes_before_failing;
  }
  // Runs once, inside the next find, when its answer is already fixed.
  void set_after_find(std::function<void()> action) { after_find_ = std::move(action); }
  // Runs in each revoke, before anything is done.
  void set_before_revoke(std::function<void()> action) { before_revoke_ = std::move(action); }

 private:
  std::mutex mutex_;
  std::map<std::string, auth::KeyRecord, std::less<>> records_;
  Status failure_;
  bool revokes_before_failing_ = false;
  std::function<void()> after_find_;
  std::function<void()> before_revoke_;
  std::atomic<int> find_count_{0};
};

}  // namespace vibrato::test
