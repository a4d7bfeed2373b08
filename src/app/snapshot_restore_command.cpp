// `vibratod snapshot-restore`: a data folder as it was when a snapshot was made.
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>
#include <string>

#include "app/commands.hpp"
#include "app/offline_run.hpp"
#include "io/real_file_system.hpp"

namespace vibrato::app {
namespace {

constexpr const char* kSnapshotRestoreExamples =
    "  vibratod snapshot-restore --data-dir data --snapshot-dir data/snapshots/before-upgrade\n"
    "  vibratod snapshot-restore --data-dir new-data --snapshot-dir /backup/before-upgrade";

struct SnapshotRestoreOptions {
  OfflineFlags offline;
  std::string snapshot_dir;
};

ExitCode run_snapshot_restore(const SnapshotRestoreOptions& options, CommandContext& context) {
  return run_offline(context, options.offline, FolderRule::kMayBeNew, "restore",
                     [&](const engine::OfflineContext& offline, const engine::DatabaseOptions& database) -> Status {
                       VIBRATO_ASSIGN_OR_RETURN(const std::string snapshot, io::resolve_path(options.snapshot_dir));
                       VIBRATO_ASSIGN_OR_RETURN(const engine::RestoreReport report,
                                                engine::restore_snapshot(offline, database, snapshot));
                       context.out << "restored_snapshot=" << snapshot << "\nlsn=" << report.lsn.value()
                                   << "\ncollections=" << report.collections << '\n';
                       if (!report.old_state.empty()) context.out << "old_state=" << report.old_state << '\n';
                       return ok_status();
                     });
}

}  // namespace

Command make_snapshot_restore_command() {
  Command command{"snapshot-restore", CommandGroup::kOperations, "bring a snapshot back", kSnapshotRestoreExamples,
                  nullptr};
  command.configure = [](CLI::App& app) -> CommandBody {
    const auto options = std::make_shared<SnapshotRestoreOptions>();
    add_offline_flags(app, options->offline);
    app.add_option("--snapshot-dir", options->snapshot_dir,
                   "the folder of the snapshot; checked before anything changes")
        ->required()
        ->type_name("FOLDER");
    return [options](CommandContext& context) { return run_snapshot_restore(*options, context); };
  };
  return command;
}

}  // namespace vibrato::app
