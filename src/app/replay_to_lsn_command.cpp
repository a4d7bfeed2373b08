// `vibratod replay-to-lsn`: a database, or one collection of it, as of a position of the log.
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>
#include <string>

#include "app/commands.hpp"
#include "app/offline_run.hpp"
#include "app/remote_server.hpp"

namespace vibrato::app {
namespace {

constexpr const char* kReplayToLsnExamples =
    "  vibratod replay-to-lsn --data-dir data --target-lsn 120000            # everything; the old state moves aside\n"
    "  vibratod replay-to-lsn --data-dir data --target-lsn 120000 --collection docs   # that one only";

struct ReplayToLsnOptions {
  OfflineFlags offline;
  std::uint64_t target_lsn = 0;
  std::string collection;
};

void print_report(const ReplayToLsnOptions& options, const engine::RestoreReport& report, CommandContext& context) {
  if (report.lsn.value() < options.target_lsn) {
    context.err << "vibratod: LSN " << options.target_lsn << " is inside a write of several records, which comes whole "
                << "or not at all; the state is that of LSN " << report.lsn.value() << ", in front of it\n";
  }
  context.out << "asked_lsn=" << options.target_lsn << "\nreplayed_to_lsn=" << report.lsn.value()
              << "\nlog_end_lsn=" << report.end.value() << '\n';
  if (!options.collection.empty()) context.out << "collection=" << options.collection << '\n';
  if (!report.old_state.empty()) context.out << "old_state=" << report.old_state << '\n';
}

ExitCode run_replay_to_lsn(const ReplayToLsnOptions& options, CommandContext& context) {
  if (!options.collection.empty()) {
    if (const Status name = check_collection_name(options.collection); !name.ok()) {
      return refuse_usage(context, name.message());
    }
  }
  return run_offline(context, options.offline, FolderRule::kMustExist, "replay",
                     [&](const engine::OfflineContext& offline, const engine::DatabaseOptions& database) -> Status {
                       VIBRATO_ASSIGN_OR_RETURN(
                           const engine::RestoreReport report,
                           engine::replay_to_lsn(offline, database, Lsn(options.target_lsn), options.collection));
                       print_report(options, report, context);
                       return ok_status();
                     });
}

}  // namespace

Command make_replay_to_lsn_command() {
  Command command{"replay-to-lsn", CommandGroup::kOperations, "bring a database back to a point of its log",
                  kReplayToLsnExamples, nullptr};
  command.configure = [](CLI::App& app) -> CommandBody {
    const auto options = std::make_shared<ReplayToLsnOptions>();
    add_offline_flags(app, options->offline);
    app.add_option(
           "--target-lsn", options->target_lsn,
           "the last position whose effects are kept; inside a write of several records: what was in front of it")
        ->required()
        ->check(CLI::Range(std::uint64_t{1}, UINT64_MAX));
    app.add_option("--collection", options->collection, "bring this one back by new writes; left out: everything")
        ->type_name("NAME");
    return [options](CommandContext& context) { return run_replay_to_lsn(*options, context); };
  };
  return command;
}

}  // namespace vibrato::app
