// `vibratod stats`: what a `.vdb` file holds.
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>
#include <string>

#include "app/commands.hpp"
#include "app/file_stats.hpp"
#include "io/real_file_system.hpp"
#include "store/vdb_file.hpp"

namespace vibrato::app {
namespace {

constexpr const char* kExamples =
    "  vibratod stats --file vectors.vdb\n"
    "  vibratod stats --file vectors.vdb --json";

struct Options {
  std::string file;
  bool json = false;
};

Result<FileStats> read_stats(const Options& options, CommandContext& context) {
  VIBRATO_ASSIGN_OR_RETURN(const std::string path, io::resolve_path(options.file));
  VIBRATO_ASSIGN_OR_RETURN(const std::unique_ptr<store::VdbFile> file, store::VdbFile::open(context.fs, path));
  return gather_stats(*file);
}

ExitCode run(const Options& options, CommandContext& context) {
  const Result<FileStats> stats = read_stats(options, context);
  if (!stats.ok()) return fail(context, stats.status());
  context.out << (options.json ? stats_json(*stats) : stats_table(*stats));
  return ExitCode::kDone;
}

}  // namespace

Command make_stats_command() {
  Command command{"stats", CommandGroup::kFiles, "show what a .vdb file holds", kExamples, nullptr};
  command.configure = [](CLI::App& app) -> CommandBody {
    const auto options = std::make_shared<Options>();
    app.add_option("-f,--file,file", options->file, "the file")->required()->type_name("FILE.vdb");
    app.add_flag("--json", options->json, "print JSON instead of a table");
    return [options](CommandContext& context) { return run(*options, context); };
  };
  return command;
}

}  // namespace vibrato::app
