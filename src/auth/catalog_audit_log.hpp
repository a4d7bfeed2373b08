// The audit on its way to the catalog. Events are queued and written together, so that whoever knocks with bad keys
// cannot make the disk sync for each knock. Who must know that an event is on disk before it answers calls flush().
// Invariant: at most kQueuedMax events wait; what comes on top is counted, and the count becomes an event itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>
#include <vibrato/status.hpp>

#include "auth/audit.hpp"
#include "base/clock.hpp"
#include "catalog/catalog.hpp"

namespace vibrato::auth {

// Thread-safety: all methods may be called from many threads at once.
class CatalogAuditLog final : public AuditLog {
 public:
  static constexpr std::size_t kQueuedMax = 1024;

  // Keeps the newest `events_max` events. `catalog` and `clock` outlive it.
  CatalogAuditLog(catalog::Catalog& catalog, const Clock& clock, std::uint64_t events_max)
      : catalog_(catalog), clock_(clock), events_max_(events_max) {}

  void record(const AuditEvent& event) override;
  // Writes what is queued, durably and in one commit, and drops the oldest events past the limit. Called once a second
  // or so, and when the process stops. After an error the events wait for the next call.
  [[nodiscard]] Status flush();
  // Events that found the queue full, ever.
  [[nodiscard]] std::uint64_t dropped_count() const;

 private:
  catalog::Catalog& catalog_;
  const Clock& clock_;
  const std::uint64_t events_max_;
  std::mutex flush_mutex_;    // One flush at a time: taken first.
  mutable std::mutex mutex_;  // Guards the members below.
  std::vector<catalog::AuditEvent> queued_;
  std::uint64_t dropped_ = 0;
  std::uint64_t dropped_reported_ = 0;
};

}  // namespace vibrato::auth
