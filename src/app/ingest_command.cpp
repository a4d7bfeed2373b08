// `vibratod ingest`: vectors of a file into a new `.vdb` file, or into a collection of a running server.
#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <thread>

#include "app/commands.hpp"
#include "app/ingest_rows.hpp"
#include "app/ingest_to_server.hpp"
#include "app/progress_bar.hpp"
#include "app/remote_server.hpp"
#include "app/stop_signals.hpp"
#include "app/text_format.hpp"
#include "base/limits.hpp"
#include "io/real_file_system.hpp"

namespace vibrato::app {
namespace {

constexpr const char* kIngestExamples =
    "  vibratod ingest --input vectors.npy --output vectors.vdb --metric cosine\n"
    "  vibratod ingest --input vectors.npy --meta meta.jsonl --output vectors.vdb --metric cosine\n"
    "  vibratod ingest --input rows.jsonl --output rows.vdb      # lines {\"vector\": [...], \"meta\": {...}}\n"
    "  vibratod ingest --input base.fvecs --output base.vdb --metric l2\n"
    "  vibratod ingest --input rows.jsonl --server http://127.0.0.1:8080 --key KEY --collection docs --create \\\n"
    "    --metric cosine                                         # lines {\"id\": ..., \"vector\": [...], \"meta\": "
    "...}";

// Between two attempts at a batch that the server refuses for now.
constexpr std::chrono::milliseconds kPause{500};

struct IngestFlags {
  std::string input;
  std::string output;
  std::string metric = "dot";
  std::string format = "auto";
  std::string meta;
  bool progress = false;
  RemoteFlags remote;
  ServerIngestOptions server;
};

// Links in the paths that were typed are followed here: below, nothing is opened through a link.
Result<RowFiles> resolve_files(const IngestFlags& options) {
  RowFiles files;
  files.format = parse_input_format(options.format);
  VIBRATO_ASSIGN_OR_RETURN(files.input, io::resolve_path(options.input));
  if (options.meta.empty()) return files;
  VIBRATO_ASSIGN_OR_RETURN(files.meta, io::resolve_path(options.meta));
  return files;
}

// The progress of an ingest, ended by an interrupt as by an error.
IngestProgress watch(ProgressBar& bar, const StopSignals& signals) {
  return [&](std::uint64_t rows, std::uint64_t total, double share) {
    total != 0 ? bar.update(rows, total) : bar.update_share(rows, share);
    return !signals.arrived();
  };
}

Status into_file(const IngestFlags& options, CommandContext& context, ProgressBar& bar, const StopSignals& signals) {
  IngestOptions ingest;
  ingest.metric = parse_metric(options.metric).value_or(Metric::kDot);
  VIBRATO_ASSIGN_OR_RETURN(ingest.files, resolve_files(options));
  VIBRATO_ASSIGN_OR_RETURN(ingest.output, io::resolve_path(options.output));
  VIBRATO_ASSIGN_OR_RETURN(const IngestReport report, ingest_file(context.fs, ingest, watch(bar, signals)));
  bar.finish(report.rows);
  if (report.ids_were_ignored) {
    context.err << "vibratod: note: ids in the input are ignored, rows are numbered from 0\n";
  }
  context.out << options.output << ": " << with_thousands(report.rows) << " rows, dim " << report.dim << ", metric "
              << options.metric << '\n';
  return ok_status();
}

Status into_server(const IngestFlags& options, CommandContext& context, ProgressBar& bar, const StopSignals& signals) {
  ServerIngestOptions ingest = options.server;
  ingest.metric = parse_metric(options.metric).value_or(Metric::kDot);
  VIBRATO_RETURN_IF_ERROR(check_collection_name(ingest.collection));
  VIBRATO_ASSIGN_OR_RETURN(ingest.files, resolve_files(options));
  VIBRATO_ASSIGN_OR_RETURN(RemoteServer server, RemoteServer::open(context, options.remote));
  const auto post = [&](std::string_view path, std::string_view json) {
    return server.call(api::Method::kPost, path, json);
  };
  const auto pause = [] { std::this_thread::sleep_for(kPause); };
  VIBRATO_ASSIGN_OR_RETURN(const ServerIngestReport report,
                           ingest_to_server(context.fs, ingest, post, pause, watch(bar, signals)));
  bar.finish(report.rows);
  context.out << ingest.collection << ": " << with_thousands(report.rows) << " rows, dim " << report.dim << ", lsn "
              << report.lsn << '\n';
  return ok_status();
}

ExitCode run_ingest(const IngestFlags& options, CommandContext& context) {
  const bool to_server = !options.remote.server.empty();
  if (to_server == !options.output.empty()) {
    return refuse_usage(context, "either --output or --server with --collection says where the rows go");
  }
  if (to_server == options.server.collection.empty()) {
    return refuse_usage(context, "--server and --collection belong together");
  }
  if (const Status remote = check_remote_flags(options.remote); !remote.ok()) {
    return refuse_usage(context, remote.message());
  }
  const Result<StopSignals> signals = StopSignals::install();
  if (!signals.ok()) return fail(context, signals.status());
  ProgressBar bar(context.err, context.clock, progress_mode(context.err_is_terminal, options.progress), "ingest",
                  "rows");
  const Status status =
      to_server ? into_server(options, context, bar, *signals) : into_file(options, context, bar, *signals);
  if (status.ok()) return ExitCode::kDone;
  bar.interrupt();
  return fail(context, status);
}

}  // namespace

Command make_ingest_command() {
  Command command{"ingest", CommandGroup::kFiles, "put a file of vectors into a .vdb file or a running server",
                  kIngestExamples, nullptr};
  command.configure = [](CLI::App& app) -> CommandBody {
    const auto options = std::make_shared<IngestFlags>();
    app.add_option("-i,--input", options->input, "file to read: json, jsonl, npy (f2, f4, f8), fvecs or bvecs")
        ->required()
        ->type_name("FILE");
    app.add_option("-o,--output", options->output, ".vdb file to write; replaced as a whole if it exists")
        ->type_name("FILE.vdb");
    app.add_option("--metric", options->metric, "how vectors are compared")
        ->check(CLI::IsMember({"cosine", "dot", "l2"}))
        ->capture_default_str();
    app.add_option("--format", options->format, "format of the input")
        ->check(CLI::IsMember({"auto", "json", "jsonl", "npy", "fvecs", "bvecs"}))
        ->capture_default_str();
    app.add_option("--meta", options->meta, "JSON Lines file with the meta of each row")->type_name("FILE");
    app.add_flag("--progress", options->progress, "show progress even if stderr is no terminal");
    add_remote_flags(app, options->remote, "send the rows to this server, in place of --output");
    app.add_option("--collection", options->server.collection, "collection of the server")->type_name("NAME");
    app.add_flag("--create", options->server.create,
                 "make the collection if it is missing, with --metric and the dim of the first row");
    app.add_option("--first-id", options->server.first_id, "id of the first row, if rows bring none")
        ->capture_default_str();
    app.add_option("--batch-rows", options->server.batch_rows, "rows that are sent together")
        ->check(CLI::Range(1U, limits::kBatchItemsMax))
        ->capture_default_str();
    return [options](CommandContext& context) { return run_ingest(*options, context); };
  };
  return command;
}

}  // namespace vibrato::app
