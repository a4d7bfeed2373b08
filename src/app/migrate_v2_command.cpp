// `vibratod migrate-v2`: the rows of a `.vdb` file of any version, as a segment of a collection.
#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <ostream>
#include <string>

#include "app/commands.hpp"
#include "app/offline_run.hpp"
#include "app/remote_server.hpp"
#include "base/limits.hpp"
#include "io/real_file_system.hpp"
#include "store/vdb_file.hpp"

namespace vibrato::app {
namespace {

constexpr const char* kMigrateV2Examples =
    "  vibratod migrate-v2 --data-dir data --input old.vdb --collection songs\n"
    "  vibratod migrate-v2 --data-dir data --input old.vdb --dim 512";

struct MigrateV2Options {
  OfflineFlags offline;
  std::string input;
  std::string collection = "default";
  std::optional<std::uint32_t> dim;
  std::uint32_t level = 1;
};

// The database counts the rows as told when this returns.
void tell(CommandContext& context, const std::string& collection, const engine::MigrateReport& report) {
  if (report.was_there) {
    context.err << "vibratod: an interrupted run has added the rows of this file already; nothing is added now\n";
  }
  context.out << "migrated_segment=" << report.segment << "\nrows=" << report.rows << "\ncollection=" << collection
              << '\n'
              << std::flush;
}

ExitCode run_migrate_v2(const MigrateV2Options& options, CommandContext& context) {
  if (const Status name = check_collection_name(options.collection); !name.ok()) {
    return refuse_usage(context, name.message());
  }
  return run_offline(context, options.offline, FolderRule::kMayBeNew, "migrate",
                     [&](const engine::OfflineContext& offline, const engine::DatabaseOptions& database) -> Status {
                       VIBRATO_ASSIGN_OR_RETURN(const std::string input, io::resolve_path(options.input));
                       VIBRATO_ASSIGN_OR_RETURN(const auto file, store::VdbFile::open(context.fs, input));
                       const std::uint32_t dim = options.dim.value_or(file->dim());
                       return engine::migrate_vdb(
                           offline, database,
                           {input, options.collection, dim, static_cast<std::uint8_t>(options.level)},
                           [&](const engine::MigrateReport& report) { tell(context, options.collection, report); });
                     });
}

}  // namespace

Command make_migrate_v2_command() {
  Command command{"migrate-v2", CommandGroup::kOperations, "take over a .vdb file", kMigrateV2Examples, nullptr};
  command.configure = [](CLI::App& app) -> CommandBody {
    const auto options = std::make_shared<MigrateV2Options>();
    add_offline_flags(app, options->offline);
    app.add_option("-i,--input", options->input, "the file, of any version")->required()->type_name("FILE.vdb");
    app.add_option("--collection", options->collection, "the collection; made if it is missing")
        ->type_name("NAME")
        ->capture_default_str();
    app.add_option("--dim", options->dim, "what the dim must be; left out: that of the file")
        ->check(CLI::Range(1U, limits::kDimMax));
    app.add_option("--level", options->level, "the level of the segment")
        ->check(CLI::Range(0U, 2U))
        ->capture_default_str();
    return [options](CommandContext& context) { return run_migrate_v2(*options, context); };
  };
  return command;
}

}  // namespace vibrato::app
