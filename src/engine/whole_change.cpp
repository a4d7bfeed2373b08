#include "engine/whole_change.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <string_view>

#include "engine/database_impl.hpp"
#include "vector/segment_writer.hpp"
#include "wal/log_copy.hpp"

namespace vibrato::engine {
namespace {

constexpr std::array<std::string_view, 2> kFolders = {vector::kSegmentsFolder, kLogFolder};

// Nothing is cut off the log of what is opened here: it may be what was asked for.
constexpr std::uint64_t kNoBound = std::numeric_limits<std::uint64_t>::max();

// Of the pieces of a state. The pepper is not replaced.
constexpr std::array<std::string_view, 13> kFiles = {
    kWitnessFile, "catalog.db-wal", "catalog.db-journal", catalog::kCatalogFile, "state.db-wal", "state.db-journal",
    kStateFile,   "docs.db-wal",    "docs.db-journal",    kDocumentsFile,        "sql.db-wal",   "sql.db-journal",
    kSqlFile};

std::string inside(std::string_view folder, std::string_view name) {
  return std::string(folder) + "/" + std::string(name);
}

}  // namespace

Result<Lsn> look_at_database(const OfflineContext& context, const DatabaseOptions& options,
                             const std::function<Status(Database&)>& look) {
  DatabaseOptions quiet = options;
  quiet.background_threads = 0;
  quiet.wal_max_bytes = kNoBound;
  MetricsRegistry metrics;
  VIBRATO_ASSIGN_OR_RETURN(const auto database,
                           Database::open(context.fs, quiet, context.clock, context.logger, metrics));
  VIBRATO_RETURN_IF_ERROR(database->start());
  if (const Status& damage = database->impl().log_damage; !damage.ok()) {
    return unavailable("the database is read-only: " + damage.message());
  }
  VIBRATO_RETURN_IF_ERROR(look(*database));
  const Lsn last = database->visible_lsn();
  database->stop();
  return last;
}

Result<std::unique_ptr<WholeChange>> WholeChange::begin(const OfflineContext& context, const DatabaseOptions& options,
                                                        Lsn last) {
  VIBRATO_ASSIGN_OR_RETURN(auto data, OfflineFolder::open(context, options, false));
  VIBRATO_ASSIGN_OR_RETURN(DataFolder site, data->building_site());
  std::unique_ptr<WholeChange> change(new WholeChange(context, options, std::move(data), std::move(site)));
  VIBRATO_RETURN_IF_ERROR(change->copy_state(last));
  return change;
}

WholeChange::~WholeChange() {
  // Of a change that is finished there is nothing left. What cannot be removed, the next start of the database removes.
  if (const Status removed = remove_tree(context_.fs, site_.root()); !removed.ok()) {
    context_.logger.warning("{} was not removed: {}", site_.root(), removed.message());
  }
}

Status WholeChange::copy_state(Lsn last) {
  const DataFolder& folder = data_->folder();
  VIBRATO_ASSIGN_OR_RETURN(KeptState kept, data_->kept(""));
  kept.jobs = true;
  VIBRATO_RETURN_IF_ERROR(finish_copies(context_.fs, folder));
  VIBRATO_ASSIGN_OR_RETURN(const wal::LogExtent log, wal::log_extent(context_.fs, folder.path(kLogFolder)));
  if (log.last != last) {
    return {ErrorCode::kConflict, folder.root() + ": another process has written to it meanwhile; try again"};
  }
  StateSource source;
  source.snapshot_folder = folder.root();
  source.may_link = true;
  source.logs.push_back(folder.path(kLogFolder));
  source.log_after = log.after;  // All that is kept: later replays need it.
  source.up_to = last;
  source.high_water = std::max(last, log.high_water);
  source.is_open_already = true;
  source.data_folder = folder.root();
  VIBRATO_RETURN_IF_ERROR(build_state(context_, options_, site_, source, kept).status());
  return remember_files();
}

Status WholeChange::remember_files() {
  for (const std::string_view folder : kFolders) {
    VIBRATO_ASSIGN_OR_RETURN(const auto files, context_.fs.list_directory(site_.path(folder)));
    for (const io::FileInfo& file : files) {
      copied_.insert(inside(folder, file.name));
    }
  }
  return ok_status();
}

Result<std::unique_ptr<Database>> WholeChange::open(MetricsRegistry& metrics) const {
  DatabaseOptions beside = options_;
  beside.data_folder = site_.root();
  beside.disk_reserve_bytes = 0;
  beside.is_in_place = false;
  beside.wal_max_bytes = kNoBound;
  VIBRATO_ASSIGN_OR_RETURN(auto database,
                           Database::open(context_.fs, beside, context_.clock, context_.logger, metrics));
  VIBRATO_RETURN_IF_ERROR(database->start());
  return database;
}

Status WholeChange::finish() {
  VIBRATO_RETURN_IF_ERROR(finish_copies(context_.fs, site_));
  VIBRATO_ASSIGN_OR_RETURN(const std::string replaced, data_->take_over(site_));
  if (const Status removed = remove_replaced(replaced); !removed.ok()) {
    context_.logger.warning("the state before is in {}, and may be removed: {}", replaced, removed.message());
  }
  return ok_status();
}

// Only what is in the copy as well, or was replaced by it: files of others in the folders stay, in these folders.
Status WholeChange::remove_replaced(const std::string& pattern) const {
  const std::string prefix = pattern.substr(0, pattern.find('*'));
  for (const std::string_view file : kFiles) {
    Status removed = context_.fs.remove_file(prefix + std::string(file));
    if (!removed.ok() && removed.code() != ErrorCode::kNotFound) {
      return removed;
    }
  }
  for (const std::string_view folder : kFolders) {
    const std::string path = prefix + std::string(folder);
    VIBRATO_ASSIGN_OR_RETURN(const auto files, context_.fs.list_directory(path));
    bool is_empty = true;
    for (const io::FileInfo& file : files) {
      if (file.is_regular && copied_.contains(inside(folder, file.name))) {
        VIBRATO_RETURN_IF_ERROR(context_.fs.remove_file(inside(path, file.name)));
      } else {
        is_empty = false;
        context_.logger.warning("{} is not the database's, and stays there", inside(path, file.name));
      }
    }
    if (is_empty) {
      VIBRATO_RETURN_IF_ERROR(context_.fs.remove_directory(path));
    }
  }
  return context_.fs.sync_directory(data_->folder().root());
}

}  // namespace vibrato::engine
