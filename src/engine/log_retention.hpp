// Which part of the log is kept, and cutting off the rest: catalog commit naming the covered LSN -> unlink -> fsync.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vibrato/result.hpp>

#include "base/clock.hpp"
#include "catalog/catalog.hpp"
#include "commit/model_set.hpp"
#include "wal/local_log.hpp"

namespace vibrato::engine {

// Thread-safety: all methods may be called from many threads at once.
class LogRetention {
 public:
  struct Options {
    std::uint64_t retain_bytes = 0;
    std::int64_t retain_ms = 0;
    std::uint64_t max_bytes = 0;  // 0: no bound.
  };

  // All outlive it.
  LogRetention(wal::LocalLog& log, const commit::ModelSet& models, catalog::Catalog& catalog, const Clock& clock,
               const Options& options);

  // Cuts off what every model has made durable and neither bound nor a hold keeps. A no-op when that is nothing. With
  // `disk_is_full` the bounds keep nothing: the space is needed.
  [[nodiscard]] Status trim(bool disk_is_full);
  // Whether the log is larger than it may be.
  [[nodiscard]] bool is_too_large() const;
  // Whether it is, and a trim would cut something off once the models are durable up to `durable`. Not while a bound or
  // a hold keeps all that there is; `disk_is_full` as for trim().
  [[nodiscard]] bool can_shrink(Lsn durable, bool disk_is_full) const;
  // Commits how far the models are, so that the next start does not read what they have already. Part of trim().
  [[nodiscard]] Status save_applied();

  // While it lives, records above `lsn` stay. Ends before the LogRetention.
  class Hold {
   public:
    Hold(LogRetention& retention, Lsn lsn);
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    LogRetention& retention_;
    std::multimap<Lsn, const Hold*>::iterator place_;
  };

 private:
  [[nodiscard]] Lsn trimmable_lsn(Lsn durable, bool disk_is_full) const;

  wal::LocalLog& log_;
  const commit::ModelSet& models_;
  catalog::Catalog& catalog_;
  const Clock& clock_;
  const Options options_;
  std::mutex trim_mutex_;     // One trim at a time. Taken before mutex_; a hold is not given while a trim runs.
  mutable std::mutex mutex_;  // Guards holds_.
  std::multimap<Lsn, const Hold*> holds_;
};

}  // namespace vibrato::engine
