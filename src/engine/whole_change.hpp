// Many writes to a data folder that nobody holds, as one change: they go to a copy of its state, which takes the place
// of the old one when all of them are done. Killed at any moment, the folder shows the state before or the one after.
// Files that do not change are linked, so that the copy costs little more than the end of the log.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vibrato/result.hpp>

#include "engine/database.hpp"
#include "engine/offline.hpp"
#include "engine/offline_folder.hpp"

namespace vibrato::engine {

// Opens the database where it is, which ends what a crash left, shows it to `look`, and closes it.
// Answers the end of its log. Errors: those of opening and of `look`; kUnavailable when its log is damaged.
[[nodiscard]] Result<Lsn> look_at_database(const OfflineContext& context, const DatabaseOptions& options,
                                           const std::function<Status(Database&)>& look);

// Thread-safety: one thread at a time. Holds the folder's lock.
class WholeChange {
 public:
  // Copies the state that look_at_database() closed with `last`. Both arguments outlive it. Errors: kConflict when
  // somebody else has written to the folder meanwhile; those of build_state.
  [[nodiscard]] static Result<std::unique_ptr<WholeChange>> begin(const OfflineContext& context,
                                                                  const DatabaseOptions& options, Lsn last);
  // What was not finished did not happen.
  ~WholeChange();
  WholeChange(const WholeChange&) = delete;
  WholeChange& operator=(const WholeChange&) = delete;

  [[nodiscard]] OfflineFolder& data() { return *data_; }
  // Where a state of another moment may be built meanwhile. It goes with the copy.
  [[nodiscard]] DataFolder side_site() const { return DataFolder(site_.building_site()); }
  // The database of the copy. To be gone before finish().
  [[nodiscard]] Result<std::unique_ptr<Database>> open(MetricsRegistry& metrics) const;
  // Puts the copy in the place of the state, and removes what it replaces. Ok: it is done, durably. After an error it
  // may be done; a start of the database tells.
  [[nodiscard]] Status finish();

 private:
  WholeChange(const OfflineContext& context, const DatabaseOptions& options, std::unique_ptr<OfflineFolder> data,
              DataFolder site)
      : context_(context), options_(options), data_(std::move(data)), site_(std::move(site)) {}
  [[nodiscard]] Status copy_state(Lsn last);
  [[nodiscard]] Status remember_files();
  [[nodiscard]] Status remove_replaced(const std::string& pattern) const;

  const OfflineContext& context_;
  const DatabaseOptions& options_;
  std::unique_ptr<OfflineFolder> data_;
  DataFolder site_;
  std::set<std::string> copied_;  // "segments/..." and "wal/...": what has a second name in the copy.
};

}  // namespace vibrato::engine
