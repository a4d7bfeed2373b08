#include "auth/catalog_audit_log.hpp"

#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace vibrato::auth {
namespace {

catalog::AuditEvent to_row(const AuditEvent& event) {
  catalog::AuditEvent row;
  row.at_ms = event.time_ms;
  row.request_id = event.request_id;
  row.key_id = event.actor;
  row.client = event.client;
  row.action = event.action;
  row.status = http_status(event.outcome);
  nlohmann::json details = {{"outcome", json_code(event.outcome)}};
  if (!event.target.empty()) {
    details["target"] = event.target;
  }
  if (!event.detail.empty()) {
    details["detail"] = event.detail;
  }
  // A text that is no UTF-8 must not cost the event.
  row.details = details.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return row;
}

}  // namespace

void CatalogAuditLog::record(const AuditEvent& event) {
  catalog::AuditEvent row = to_row(event);
  const std::lock_guard lock(mutex_);
  if (queued_.size() >= kQueuedMax) {
    ++dropped_;
    return;
  }
  queued_.push_back(std::move(row));
}

Status CatalogAuditLog::flush() {
  const std::lock_guard flushing(flush_mutex_);
  std::vector<catalog::AuditEvent> events;
  std::uint64_t dropped = 0;
  std::uint64_t reported = 0;
  {
    const std::lock_guard lock(mutex_);
    events = queued_;
    dropped = dropped_;
    reported = dropped_reported_;
  }
  const std::size_t taken = events.size();
  if (dropped > reported) {
    catalog::AuditEvent event;
    event.at_ms = clock_.now_ms();
    event.action = "audit";
    event.details = "{\"dropped\":" + std::to_string(dropped - reported) + "}";
    events.push_back(std::move(event));
  }
  if (events.empty()) {
    return ok_status();
  }
  const Status written = catalog_.write([&](catalog::Tables& tables) -> Status {
    VIBRATO_RETURN_IF_ERROR(tables.audit.append(events));
    return tables.audit.trim(events_max_).status();
  });
  VIBRATO_RETURN_IF_ERROR(written);
  const std::lock_guard lock(mutex_);
  // Others may have appended meanwhile, but only flush() takes away.
  queued_.erase(queued_.begin(), std::next(queued_.begin(), static_cast<std::ptrdiff_t>(taken)));
  dropped_reported_ = dropped;
  return ok_status();
}

std::uint64_t CatalogAuditLog::dropped_count() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

}  // namespace vibrato::auth
