#include "engine/replay_plan.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "engine/snapshot_check.hpp"
#include "wal/log_copy.hpp"

namespace vibrato::engine {
namespace {

std::string text_of(const std::vector<LsnRange>& ranges) {
  std::string text;
  for (const LsnRange& range : ranges) {
    text += text.empty() ? "" : ", ";
    text += range.first == range.last ? fmt::format("{}", range.first.value())
                                      : fmt::format("{} to {}", range.first.value(), range.last.value());
  }
  return text.empty() ? "none" : text;
}

// The newest first.
std::vector<ReplayBase> bases_of(const OfflineContext& context, const OfflineFolder& data, const KeptState& kept,
                                 bool has_log) {
  std::vector<ReplayBase> bases;
  for (const catalog::Snapshot& snapshot : kept.snapshots) {
    ReplayBase base{snapshot, false};
    if (has_log) {
      const auto goes_on = wal::goes_on_from(context.fs, data.folder().path(kLogFolder),
                                             data.folder().path(snapshot.folder) + "/" + std::string(kLogFolder));
      base.log_goes_on = goes_on.ok() && *goes_on;
    }
    bases.push_back(std::move(base));
  }
  std::sort(bases.begin(), bases.end(), [](const auto& a, const auto& b) { return a.snapshot.lsn > b.snapshot.lsn; });
  return bases;
}

}  // namespace

std::vector<LsnRange> reachable_ranges(const std::vector<ReplayBase>& bases, Lsn log_after, Lsn log_last) {
  std::vector<LsnRange> ranges;
  if (log_after == Lsn()) {
    ranges.push_back({Lsn(), log_last});
  }
  for (const ReplayBase& base : bases) {
    ranges.push_back({base.snapshot.lsn, base.log_goes_on ? log_last : base.snapshot.lsn});
  }
  std::sort(ranges.begin(), ranges.end(), [](const LsnRange& a, const LsnRange& b) {
    return a.first != b.first ? a.first < b.first : a.last > b.last;
  });
  std::vector<LsnRange> merged;
  for (const LsnRange& range : ranges) {
    if (!merged.empty() && range.first <= merged.back().last) {
      merged.back().last = std::max(merged.back().last, range.last);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

Result<BuiltState> build_at(const OfflineContext& context, const DatabaseOptions& options, const OfflineFolder& data,
                            const DataFolder& site, const KeptState& kept, Lsn target) {
  const std::string log_folder = data.folder().path(kLogFolder);
  const auto extent = wal::log_extent(context.fs, log_folder);
  if (!extent.ok() && extent.status().code() != ErrorCode::kNotFound) {
    return extent.status();
  }
  const wal::LogExtent log = extent.ok() ? *extent : wal::LogExtent{Lsn::max(), Lsn(), Lsn()};
  StateSource source;
  source.up_to = target;
  source.high_water = std::max({target, log.high_water, log.last, highest_lsn(kept.snapshots)});
  source.may_link = true;
  source.data_folder = data.folder().root();
  const std::vector<ReplayBase> bases = bases_of(context, data, kept, extent.ok());
  const std::vector<LsnRange> ranges = reachable_ranges(bases, log.after, log.last);
  const bool is_reachable = std::any_of(ranges.begin(), ranges.end(), [target](const LsnRange& range) {
    return range.first <= target && target <= range.last;
  });
  for (const ReplayBase& base : bases) {
    const bool leads_there = base.snapshot.lsn == target || (base.snapshot.lsn < target && base.log_goes_on);
    if (!is_reachable || !leads_there) {
      continue;
    }
    source.snapshot_folder = data.folder().path(base.snapshot.folder);
    if (const auto checked = check_snapshot(context.fs, source.snapshot_folder, context.progress); !checked.ok()) {
      context.logger.warning("the snapshot {} is not used: {}", base.snapshot.name, checked.status().message());
      continue;
    }
    // The log first: of the segment that the snapshot's log ends in, the log has all.
    source.logs = {log_folder, source.snapshot_folder + "/" + std::string(kLogFolder)};
    if (!base.log_goes_on) {
      source.logs.erase(source.logs.begin());
    }
    auto built = build_state(context, options, site, source, kept);
    if (built.status().code() != ErrorCode::kGone) {
      return built;
    }
  }
  if (is_reachable && log.after == Lsn() && extent.ok()) {
    source.snapshot_folder.clear();
    source.logs = {log_folder};
    return build_state(context, options, site, source, kept);
  }
  return invalid_argument(
      fmt::format("LSN {} cannot be reached; what can be reached: {}", target.value(), text_of(ranges)));
}

}  // namespace vibrato::engine
