#include "engine/replay_relief.hpp"

#include <algorithm>

#include "base/limits.hpp"

namespace vibrato::engine {
namespace {

constexpr std::uint64_t kFirstShare = 16;     // Of a hot part.
constexpr std::uint64_t kUnwrittenShare = 8;  // Of what refuses puts.

}  // namespace

ReplayRelief::ReplayRelief(const Parts& parts, const DatabaseOptions& options)
    : parts_(parts),
      memory_budget_bytes_(options.memory_budget_bytes),
      portion_bytes_max_(options.hot_part_bytes),
      first_portion_bytes_(options.hot_part_bytes / kFirstShare),
      file_bytes_max_(std::min<std::uint64_t>(limits::kUnwrittenBytesMax / kUnwrittenShare, options.hot_part_bytes)),
      portion_bytes_(first_portion_bytes_),
      may_shrink_log_(parts.may_shrink_log) {}

Status ReplayRelief::look(Lsn visible) {
  if (parts_.files.unsaved_bytes() >= file_bytes_max_) {
    VIBRATO_RETURN_IF_ERROR(save_files(visible));
  }
  parts_.budgets.refresh();
  if (may_shrink_log_ && parts_.retention.is_too_large()) {
    // What the last process saved of the vectors may be enough.
    VIBRATO_RETURN_IF_ERROR(save_files(visible));
    VIBRATO_RETURN_IF_ERROR(parts_.retention.trim(parts_.disk.is_full()));
  }
  if (parts_.budgets.used_bytes() < held_bytes_ + portion_bytes_) {
    return ok_status();
  }
  const bool shrinks_log = may_shrink_log_ && parts_.retention.is_too_large();
  return shrinks_log || is_memory_short() ? save(visible) : ok_status();
}

// A full disk is no error: what is not saved stays in memory, and in the log.
Status ReplayRelief::save_files(Lsn visible) {
  Status saved = parts_.files.save(visible);
  if (saved.code() == ErrorCode::kDiskFull) {
    parts_.disk.report_full();
    return ok_status();
  }
  return saved;
}

// Half of the budget, so that a start never begins with refusals.
bool ReplayRelief::is_memory_short() const {
  return memory_budget_bytes_ != 0 && parts_.budgets.used_bytes() >= memory_budget_bytes_ / 2;
}

Status ReplayRelief::save(Lsn visible) {
  const Lsn durable = parts_.models.durable_lsn();
  parts_.throttle.set_urgent(true);  // Somebody waits for the start.
  const auto saved = parts_.maintenance.checkpoint(visible, parts_.keep_going);
  parts_.throttle.set_urgent(false);
  const bool is_full = saved.status().code() == ErrorCode::kDiskFull;
  if (is_full) {
    parts_.disk.report_full();
  } else {
    VIBRATO_RETURN_IF_ERROR(saved.status());
  }
  VIBRATO_RETURN_IF_ERROR(save_files(visible));
  // Of a collection that is damaged nothing is saved, and its records stay in the log.
  may_shrink_log_ = may_shrink_log_ && !is_full && parts_.models.durable_lsn() > durable;
  parts_.budgets.refresh();
  held_bytes_ = parts_.budgets.used_bytes();
  portion_bytes_ = std::min(2 * portion_bytes_, portion_bytes_max_);
  return ok_status();
}

}  // namespace vibrato::engine
