// An AuditLog that keeps its events for a test to look at.
#pragma once

#include <mutex>
#include <utility>
#include <vector>

#include "auth/audit.hpp"

namespace vibrato::test {

// Thread-safety: all methods may be called from many threads at once.
class RecordedAudit final : public auth::AuditLog {
 public:
  void record(const auth::AuditEvent& event) override {
    const std::lock_guard lock(mutex_);
    events_.push_back(event);
  }

  // The events since the last call.
  [[nodiscard]] std::vector<auth::AuditEvent> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(events_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<auth::AuditEvent> events_;
};

}  // namespace vibrato::test
