// `vibratod build`: codes and a graph into a `.vdb` file, by atomic replacement.
#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>

#include "app/commands.hpp"
#include "app/progress_bar.hpp"
#include "app/stop_signals.hpp"
#include "app/text_format.hpp"
#include "base/limits.hpp"
#include "io/real_file_system.hpp"
#include "quant/code_layout.hpp"
#include "vector/graph_file.hpp"

namespace vibrato::app {
namespace {

constexpr const char* kBuildExamples =
    "  vibratod build --data vectors.vdb\n"
    "  vibratod build vectors.vdb --m 32 --ef-construction 400 --threads 8\n"
    "  vibratod build vectors.vdb --quantization none";

struct BuildOptions {
  std::string data;
  std::uint32_t m = 16;
  std::uint32_t ef_construction = 100;
  std::string quantization = "auto";
  std::uint32_t threads = 0;
  bool progress = false;
};

std::optional<quant::CodeKind> parse_codes(const std::string& name) {
  for (const quant::CodeKind kind : {quant::CodeKind::kNone, quant::CodeKind::kSq8, quant::CodeKind::kSq4}) {
    if (quant::to_string(kind) == name) return kind;
  }
  return std::nullopt;
}

Result<std::string> build(const BuildOptions& options, CommandContext& context) {
  VIBRATO_ASSIGN_OR_RETURN(const std::string path, io::resolve_path(options.data));
  vector::GraphBuildOptions build;
  build.m = options.m;
  build.ef_construction = options.ef_construction;
  build.codes = parse_codes(options.quantization);
  build.threads = options.threads;
  ProgressBar bar(context.err, context.clock, progress_mode(context.err_is_terminal, options.progress),
                  "building the graph", "rows");
  const auto show = [&bar](std::uint64_t done, std::uint64_t total) { bar.update(done, total); };
  // An interrupt ends a build at once. Once the file is being written, which takes seconds, it is let finish: the
  // process would leave an unfinished file behind.
  std::optional<StopSignals> signals;
  const auto hold_signals = [&signals]() -> Status {
    VIBRATO_ASSIGN_OR_RETURN(StopSignals installed, StopSignals::install());
    signals.emplace(std::move(installed));
    return ok_status();
  };
  VIBRATO_ASSIGN_OR_RETURN(const vector::GraphBuildReport report,
                           vector::build_graph_file(context.fs, path, build, show, hold_signals));
  bar.finish(report.rows);
  return fmt::format("{}: graph over {} rows, {} levels, m {}, ef_construction {}, codes {}\n", path,
                     with_thousands(report.rows), report.layers, report.info.m, report.info.ef_construction,
                     quant::to_string(report.info.codes));
}

ExitCode run_build(const BuildOptions& options, CommandContext& context) {
  const Result<std::string> report = build(options, context);
  if (!report.ok()) return fail(context, report.status());
  context.out << *report;
  return ExitCode::kDone;
}

// Earlier systems wrote the graph to a file of its own.
void refuse_output(CLI::App& app) {
  const auto refuse = [](const std::string&) {
    throw CLI::ValidationError("--output", "the graph is stored in the .vdb file itself; leave this flag out");
  };
  app.add_option_function<std::string>("-o,--output", refuse)->group("");
}

}  // namespace

Command make_build_command() {
  Command command{"build", CommandGroup::kFiles, "add codes and a graph to a .vdb file", kBuildExamples, nullptr};
  command.configure = [](CLI::App& app) -> CommandBody {
    const auto options = std::make_shared<BuildOptions>();
    app.add_option("-d,--data,data", options->data, "the file; it is replaced as a whole once the graph is complete")
        ->required()
        ->type_name("FILE.vdb");
    app.add_option("-m,--m", options->m, "links of a row")
        ->check(CLI::Range(limits::kGraphMMin, limits::kGraphMMax))
        ->capture_default_str();
    app.add_option("-e,--ef-construction", options->ef_construction, "effort: more gives a better graph, slower")
        ->check(CLI::Range(1U, limits::kEfConstructionMax))
        ->capture_default_str();
    app.add_option("--quantization", options->quantization, "codes that the search goes by; auto measures what suits")
        ->check(CLI::IsMember({"auto", "sq8", "sq4", "none"}))
        ->capture_default_str();
    app.add_option("--threads", options->threads, "threads; 0: as many as the machine has, 1: the same graph each time")
        ->check(CLI::Range(0U, 1024U))
        ->capture_default_str();
    app.add_flag("--progress", options->progress, "show progress even if stderr is no terminal");
    refuse_output(app);
    return [options](CommandContext& context) { return run_build(*options, context); };
  };
  return command;
}

}  // namespace vibrato::app
