#include "engine/recovery.hpp"

#include <algorithm>
#include <vector>

namespace vibrato::engine {
namespace {

constexpr std::uint64_t kLookRecords = 4096;  // Between two looks at the clock of others: progress and stops.

class Replay {
 public:
  Replay(const commit::ModelSet& models, commit::VisibleLsn& visible, const RecoveryHooks& hooks, Lsn from, Lsn last)
      : models_(models),
        visible_(visible),
        hooks_(hooks),
        from_(from),
        last_(last),
        next_relief_bytes_(hooks.relieve_every_bytes) {}

  // The record, once its group has been read to its end: of a group that damage cuts, nothing is applied. False when a
  // record cannot be applied for damage, which the report then names.
  Result<bool> take(const wal::StoredRecord& record) {
    if (!record.last_of_group) {
      group_.emplace_back(record);
      return true;
    }
    for (const HeldRecord& held : group_) {
      VIBRATO_ASSIGN_OR_RETURN(const bool applied, apply(held.record()));
      if (!applied) {
        return false;
      }
    }
    group_.clear();
    VIBRATO_ASSIGN_OR_RETURN(const bool applied, apply(record));
    if (applied) {
      report_.last_group_end = record.lsn;
      VIBRATO_RETURN_IF_ERROR(at_group_end());
    }
    return applied;
  }

  [[nodiscard]] RecoveryReport& report() { return report_; }

 private:
  // Owns its body: the cursor's goes with the next one.
  class HeldRecord {
   public:
    explicit HeldRecord(const wal::StoredRecord& record)
        : record_(record), body_(record.body.begin(), record.body.end()) {}
    [[nodiscard]] wal::StoredRecord record() const {
      wal::StoredRecord record = record_;
      record.body = body_;
      return record;
    }

   private:
    wal::StoredRecord record_;
    std::vector<std::byte> body_;
  };

  Result<bool> apply(const wal::StoredRecord& record) {
    const Status applied = models_.replay_record(record);
    if (applied.code() == ErrorCode::kCorruption) {
      report_.damage = applied;
      return false;
    }
    VIBRATO_RETURN_IF_ERROR(applied);
    ++report_.records;
    report_.bytes += record.body.size();
    return true;
  }

  Status at_group_end() {
    if (report_.records >= next_look_) {
      next_look_ = report_.records + kLookRecords;
      if (hooks_.progress != nullptr) {
        const auto done = static_cast<double>(report_.last_group_end.value() - from_.value() + 1);
        const auto all = static_cast<double>(last_.value() - from_.value() + 1);
        *hooks_.progress = std::min(done / all, 1.0);
      }
      if (hooks_.keep_going) {
        VIBRATO_RETURN_IF_ERROR(hooks_.keep_going());
      }
    }
    if (hooks_.relieve && report_.bytes >= next_relief_bytes_) {
      next_relief_bytes_ = report_.bytes + hooks_.relieve_every_bytes;
      visible_.publish(report_.last_group_end);
      return hooks_.relieve(report_.last_group_end);
    }
    return ok_status();
  }

  const commit::ModelSet& models_;
  commit::VisibleLsn& visible_;
  const RecoveryHooks& hooks_;
  const Lsn from_;
  const Lsn last_;
  std::uint64_t next_look_ = kLookRecords;
  std::uint64_t next_relief_bytes_;
  std::vector<HeldRecord> group_;  // That has not ended yet.
  RecoveryReport report_;
};

}  // namespace

Result<RecoveryReport> replay(wal::Log& log, const commit::ModelSet& models, commit::VisibleLsn& visible,
                              const RecoveryHooks& hooks) {
  const Lsn durable = models.durable_lsn();
  const Lsn last = log.end().last_lsn;
  if (durable >= last) {
    return RecoveryReport{};
  }
  VIBRATO_ASSIGN_OR_RETURN(const auto cursor, log.read_from(durable.next()));
  Replay replay(models, visible, hooks, durable.next(), last);
  while (true) {
    const auto record = cursor->next();
    if (record.status().code() == ErrorCode::kCorruption) {
      replay.report().damage = record.status();
      return replay.report();
    }
    VIBRATO_RETURN_IF_ERROR(record.status());
    if (!record->has_value()) {
      return replay.report();
    }
    VIBRATO_ASSIGN_OR_RETURN(const bool applied, replay.take(**record));
    if (!applied) {
      return replay.report();
    }
  }
}

}  // namespace vibrato::engine
