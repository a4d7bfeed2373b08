// `vibratod export`: all points of a collection of a running server, one JSON object a line.
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>

#include "app/commands.hpp"
#include "app/progress_bar.hpp"
#include "app/remote_server.hpp"
#include "app/stop_signals.hpp"
#include "io/atomic_file.hpp"
#include "io/real_file_system.hpp"

namespace vibrato::app {
namespace {

constexpr const char* kExportExamples =
    "  vibratod export --server http://127.0.0.1:8080 --key KEY --collection docs --output docs.ndjson\n"
    "  vibratod export --server http://127.0.0.1:8080 --key KEY --collection docs | gzip > docs.ndjson.gz";

struct ExportOptions {
  std::string output;  // Empty: stdout.
  std::string collection;
  bool progress = false;
  RemoteFlags remote;
};

Status receive(const ExportOptions& options, CommandContext& context, ProgressBar& bar, const StopSignals& signals,
               const server::TakePiece& put) {
  VIBRATO_RETURN_IF_ERROR(check_collection_name(options.collection));
  VIBRATO_ASSIGN_OR_RETURN(RemoteServer server, RemoteServer::open(context, options.remote));
  std::uint64_t bytes = 0;
  const auto take = [&](std::string_view piece) -> Status {
    if (signals.arrived()) return {ErrorCode::kConflict, "stopped; the export is not whole"};
    bytes += piece.size();
    bar.update(bytes, 0);
    return put(piece);
  };
  VIBRATO_RETURN_IF_ERROR(
      server.stream(api::Method::kGet, "/v1/vector/" + options.collection + "/export", nullptr, take));
  bar.finish(bytes);
  return ok_status();
}

Status to_stdout(const ExportOptions& options, CommandContext& context, ProgressBar& bar, const StopSignals& signals) {
  const auto put = [&context](std::string_view piece) -> Status {
    context.out.write(piece.data(), static_cast<std::streamsize>(piece.size()));
    return context.out.good() ? ok_status() : io_error("stdout takes no more");
  };
  VIBRATO_RETURN_IF_ERROR(receive(options, context, bar, signals, put));
  context.out.flush();
  return context.out.good() ? ok_status() : io_error("stdout takes no more");
}

// Beside the file, and under its name once it is whole.
Status to_file(const ExportOptions& options, CommandContext& context, ProgressBar& bar, const StopSignals& signals) {
  VIBRATO_ASSIGN_OR_RETURN(const std::string path, io::resolve_path(options.output));
  VIBRATO_ASSIGN_OR_RETURN(io::AtomicFile file, io::AtomicFile::create(context.fs, path));
  const auto put = [&](std::string_view piece) {
    return file.append(std::as_bytes(std::span(piece.data(), piece.size())));
  };
  VIBRATO_RETURN_IF_ERROR(receive(options, context, bar, signals, put));
  return file.commit();
}

ExitCode run_export(const ExportOptions& options, CommandContext& context) {
  if (const Status remote = check_remote_flags(options.remote); !remote.ok()) {
    return refuse_usage(context, remote.message());
  }
  const Result<StopSignals> signals = StopSignals::install();
  if (!signals.ok()) return fail(context, signals.status());
  ProgressBar bar(context.err, context.clock, progress_mode(context.err_is_terminal, options.progress), "export",
                  "bytes");
  const Status status =
      options.output.empty() ? to_stdout(options, context, bar, *signals) : to_file(options, context, bar, *signals);
  if (status.ok()) return ExitCode::kDone;
  bar.interrupt();
  return fail(context, status);
}

}  // namespace

Command make_export_command() {
  Command command{"export", CommandGroup::kClients, "all points of a collection of a running server, a line each",
                  kExportExamples, nullptr};
  command.configure = [](CLI::App& app) -> CommandBody {
    const auto options = std::make_shared<ExportOptions>();
    add_remote_flags(app, options->remote, "server to export from")->required();
    app.add_option("--collection", options->collection, "collection of the server")->required()->type_name("NAME");
    app.add_option("-o,--output", options->output, "file to write; replaced once the export is whole. Else stdout")
        ->type_name("FILE");
    app.add_flag("--progress", options->progress, "show progress even if stderr is no terminal");
    return [options](CommandContext& context) { return run_export(*options, context); };
  };
  return command;
}

}  // namespace vibrato::app
