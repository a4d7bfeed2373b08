// `vibratod ingest`: vectors of a file into a new `.vdb` file.
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>
#include <string>

#include "app/commands.hpp"
#include "app/ingest_rows.hpp"
#include "app/planned_flags.hpp"
#include "app/progress_bar.hpp"
#include "app/stop_signals.hpp"
#include "app/text_format.hpp"
#include "io/real_file_system.hpp"

namespace vibrato::app {
namespace {

constexpr const char* kExamples =
    "  vibratod ingest --input vectors.npy --output vectors.vdb --metric cosine\n"
    "  vibratod ingest --input vectors.npy --meta meta.jsonl --output vectors.vdb --metric cosine\n"
    "  vibratod ingest --input rows.jsonl --output rows.vdb      # lines {\"vector\": [...], \"meta\": {...}}\n"
    "  vibratod ingest --input base.fvecs --output base.vdb --metric l2";

struct Options {
  std::string input;
  std::string output;
  std::string metric = "dot";
  std::string format = "auto";
  std::string meta;
  bool progress = false;
};

// Links in the paths that were typed are followed here: below, nothing is opened through a link.
Result<IngestOptions> resolve(const Options& options) {
  IngestOptions ingest;
  ingest.metric = parse_metric(options.metric).value_or(Metric::kDot);
  ingest.format = parse_input_format(options.format);
  VIBRATO_ASSIGN_OR_RETURN(ingest.input, io::resolve_path(options.input));
  VIBRATO_ASSIGN_OR_RETURN(ingest.output, io::resolve_path(options.output));
  if (options.meta.empty()) return ingest;
  VIBRATO_ASSIGN_OR_RETURN(ingest.meta, io::resolve_path(options.meta));
  return ingest;
}

ExitCode run(const Options& options, CommandContext& context) {
  const Result<IngestOptions> ingest = resolve(options);
  if (!ingest.ok()) return fail(context, ingest.status());
  // An interrupt ends the ingest as an error does, so that the unfinished file is removed.
  const Result<StopSignals> signals = StopSignals::install();
  if (!signals.ok()) return fail(context, signals.status());
  ProgressBar bar(context.err, context.clock, progress_mode(context.err_is_terminal, options.progress), "ingest",
                  "rows");
  const Result<IngestReport> report =
      ingest_file(context.fs, *ingest, [&](std::uint64_t rows, std::uint64_t total, double share) {
        total != 0 ? bar.update(rows, total) : bar.update_share(rows, share);
        return !signals->arrived();
      });
  if (!report.ok()) {
    bar.interrupt();
    return fail(context, report.status());
  }
  bar.finish(report->rows);
  if (report->ids_were_ignored) {
    context.err << "vibratod: note: ids in the input are ignored, rows are numbered from 0\n";
  }
  context.out << options.output << ": " << with_thousands(report->rows) << " rows, dim " << report->dim << ", metric "
              << options.metric << '\n';
  return ExitCode::kDone;
}

}  // namespace

Command make_ingest_command() {
  Command command{"ingest", CommandGroup::kFiles, "turn a file of vectors into a .vdb file", kExamples, nullptr};
  command.configure = [](CLI::App& app) -> CommandBody {
    const auto options = std::make_shared<Options>();
    app.add_option("-i,--input", options->input, "file to read: json, jsonl, npy (f2, f4, f8), fvecs or bvecs")
        ->required()
        ->type_name("FILE");
    app.add_option("-o,--output", options->output, ".vdb file to write; replaced as a whole if it exists")
        ->required()
        ->type_name("FILE.vdb");
    app.add_option("--metric", options->metric, "how vectors are compared")
        ->check(CLI::IsMember({"cosine", "dot", "l2"}))
        ->capture_default_str();
    app.add_option("--format", options->format, "format of the input")
        ->check(CLI::IsMember({"auto", "json", "jsonl", "npy", "fvecs", "bvecs"}))
        ->capture_default_str();
    app.add_option("--meta", options->meta, "JSON Lines file with the meta of each row")->type_name("FILE");
    app.add_flag("--progress", options->progress, "show progress even if stderr is no terminal");
    refuse_planned_flags(app, {"--server", "--key", "--collection"});
    return [options](CommandContext& context) { return run(*options, context); };
  };
  return command;
}

}  // namespace vibrato::app
