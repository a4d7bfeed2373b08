#include "engine/log_retention.hpp"

#include <algorithm>

#include "wal/retention.hpp"

namespace vibrato::engine {
namespace {

constexpr std::string_view kVectorModel = "vector";

// An applied LSN never goes back in the catalog.
Status raise_applied(catalog::Tables& tables, Lsn lsn) {
  VIBRATO_ASSIGN_OR_RETURN(const Lsn saved, tables.applied.get(kVectorModel, CollectionNumber()));
  return lsn > saved ? tables.applied.set(kVectorModel, CollectionNumber(), lsn) : ok_status();
}

}  // namespace

LogRetention::LogRetention(wal::LocalLog& log, const commit::ModelSet& models, catalog::Catalog& catalog,
                           const Clock& clock, const Options& options)
    : log_(log), models_(models), catalog_(catalog), clock_(clock), options_(options) {}

Status LogRetention::trim(bool disk_is_full) {
  const std::lock_guard one_at_a_time(trim_mutex_);
  const Lsn up_to = trimmable_lsn(models_.durable_lsn(), disk_is_full);
  if (up_to == Lsn()) {
    return ok_status();
  }
  const Status committed = catalog_.write([&](catalog::Tables& tables) -> Status {
    VIBRATO_RETURN_IF_ERROR(raise_applied(tables, up_to));
    VIBRATO_ASSIGN_OR_RETURN(const catalog::StoreInfo info, tables.store.read());
    // What an earlier trim was to take is gone, and with it all records of what was dropped there.
    VIBRATO_RETURN_IF_ERROR(tables.collections.forget_names(info.trim_lsn));
    return up_to > info.trim_lsn ? tables.store.set_trim_lsn(up_to) : ok_status();
  });
  VIBRATO_RETURN_IF_ERROR(committed);
  return log_.trim(up_to);
}

Lsn LogRetention::trimmable_lsn(Lsn durable, bool disk_is_full) const {
  Lsn covered = durable;
  {
    const std::lock_guard lock(mutex_);
    if (!holds_.empty()) {
      covered = std::min(covered, holds_.begin()->first);
    }
  }
  const wal::Retention retention = {disk_is_full ? 0 : options_.retain_bytes, options_.retain_ms};
  return wal::trimmable_lsn(log_.segments(), retention, covered, clock_.now_ms());
}

bool LogRetention::is_too_large() const {
  return options_.max_bytes != 0 && log_.stats().bytes > options_.max_bytes;
}

bool LogRetention::can_shrink(Lsn durable, bool disk_is_full) const {
  return is_too_large() && trimmable_lsn(durable, disk_is_full) != Lsn();
}

Status LogRetention::save_applied() {
  const Lsn durable = models_.durable_lsn();  // Of all models, so at most that of the vectors.
  return catalog_.write([&](catalog::Tables& tables) { return raise_applied(tables, durable); });
}

LogRetention::Hold::Hold(LogRetention& retention, Lsn lsn) : retention_(retention) {
  const std::lock_guard no_trim(retention.trim_mutex_);
  const std::lock_guard lock(retention.mutex_);
  place_ = retention.holds_.emplace(lsn, this);
}

LogRetention::Hold::~Hold() {
  const std::lock_guard lock(retention_.mutex_);
  retention_.holds_.erase(place_);
}

}  // namespace vibrato::engine
