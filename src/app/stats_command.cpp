// `vibratod stats`: what a `.vdb` file holds.
#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "app/commands.hpp"
#include "app/file_stats.hpp"
#include "app/pack_stats.hpp"
#include "io/real_file_system.hpp"
#include "store/vdb_file.hpp"

namespace vibrato::app {
namespace {

constexpr const char* kStatsExamples =
    "  vibratod stats --file vectors.vdb\n"
    "  vibratod stats --file vectors.vdb --json";

struct StatsOptions {
  std::string file;
  bool json = false;
  std::optional<std::uint32_t> part;
};

Result<std::string> describe(const StatsOptions& options, CommandContext& context) {
  VIBRATO_ASSIGN_OR_RETURN(const std::string path, io::resolve_path(options.file));
  VIBRATO_ASSIGN_OR_RETURN(const auto pack, open_pack(context.fs, path));
  if (pack != nullptr && !options.part) {
    VIBRATO_ASSIGN_OR_RETURN(const std::vector<PackPartStats> parts, gather_pack_stats(*pack));
    return options.json ? pack_json(path, parts) : pack_table(path, parts);
  }
  store::PackMaps maps;
  VIBRATO_ASSIGN_OR_RETURN(const std::unique_ptr<store::VdbFile> file,
                           maps.open(context.fs, path, options.part.value_or(0)));
  VIBRATO_ASSIGN_OR_RETURN(const FileStats stats, gather_stats(*file));
  return options.json ? stats_json(stats) : stats_table(stats);
}

ExitCode run_stats(const StatsOptions& options, CommandContext& context) {
  const Result<std::string> text = describe(options, context);
  if (!text.ok()) return fail(context, text.status());
  context.out << *text;
  return ExitCode::kDone;
}

}  // namespace

Command make_stats_command() {
  Command command{"stats", CommandGroup::kFiles, "show what a .vdb file holds", kStatsExamples, nullptr};
  command.configure = [](CLI::App& app) -> CommandBody {
    const auto options = std::make_shared<StatsOptions>();
    app.add_option("-f,--file,file", options->file, "the file")->required()->type_name("FILE.vdb");
    app.add_option("--part", options->part, "one part of a pack of small collections")->type_name("N");
    app.add_flag("--json", options->json, "print JSON instead of a table");
    return [options](CommandContext& context) { return run_stats(*options, context); };
  };
  return command;
}

}  // namespace vibrato::app
