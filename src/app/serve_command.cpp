// `vibratod serve`: one `.vdb` file over HTTP until SIGTERM or SIGINT.
#include <CLI/CLI.hpp>
#include <limits>
#include <memory>
#include <ostream>
#include <string>
#include <utility>

#include "api/serve_api.hpp"
#include "app/commands.hpp"
#include "app/loopback.hpp"
#include "app/open_files.hpp"
#include "app/planned_flags.hpp"
#include "app/progress_bar.hpp"
#include "app/stop_signals.hpp"
#include "base/limits.hpp"
#include "base/logging.hpp"
#include "io/real_file_system.hpp"
#include "server/http_server.hpp"
#include "vector/single_file.hpp"

namespace vibrato::app {
namespace {

constexpr const char* kServeExamples =
    "  vibratod serve --data vectors.vdb\n"
    "  vibratod serve --data vectors.vdb --port 9000 --m 32 --ef-construction 200\n"
    "  curl -s localhost:8080/search -H 'content-type: application/json' -d '{\"vector\": [0.1, 0.2], \"k\": 5}'";

struct ServeOptions {
  std::string data;
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;
  vector::SingleFileOptions file;
  std::uint32_t threads = 0;
  std::string log_level = "info";
  bool insecure = false;
  bool progress = false;
};

Result<std::unique_ptr<vector::SingleFile>> open_file(const ServeOptions& options, CommandContext& context) {
  VIBRATO_ASSIGN_OR_RETURN(const std::string path, io::resolve_path(options.data));
  ProgressBar bar(context.err, context.clock, progress_mode(context.err_is_terminal, options.progress),
                  "building the graph", "rows");
  std::uint64_t rows_built = 0;
  vector::SingleFileOptions file_options = options.file;
  file_options.build_threads = options.threads;
  Result<std::unique_ptr<vector::SingleFile>> file =
      vector::SingleFile::open(context.fs, path, file_options, [&](std::uint64_t done, std::uint64_t total) {
        bar.update(done, total);
        rows_built = total;
      });
  if (file.ok() && rows_built != 0) bar.finish(rows_built);
  return file;
}

server::HttpServerOptions server_options(const ServeOptions& options, const CommandContext& context,
                                         const Logger& logger) {
  server::HttpServerOptions server;
  server.host = options.host;
  server.port = options.port;
  server.threads = options.threads;
  server.request_id_seed = static_cast<std::uint64_t>(context.clock.now_ms());
  if (logger.enabled(LogLevel::kDebug)) {
    server.on_request = [&logger](const server::RequestRecord& record) {
      logger.debug("{} {} {} {} us, request {}", api::to_string(record.method),
                   record.pattern.empty() ? "(no route)" : record.pattern, record.status, record.duration_ns / 1000,
                   record.request_id);
    };
  }
  return server;
}

// Each connection is an open file, and the usual soft limit of 1,024 files is as low as the cap on connections. What is
// left over is for the file, for flushes, for the loops, and for connections that are being refused.
void allow_connections(const server::HttpServerOptions& options, const Logger& logger) {
  const std::uint64_t wanted = 2 * std::uint64_t{options.connections_max} + 64;
  if (const std::uint64_t allowed = allow_open_files(wanted); allowed < wanted) {
    logger.warning("the system lets this process open {} files only: it may not reach its {} connections", allowed,
                   options.connections_max);
  }
}

std::string url_of(const ServeOptions& options, std::uint16_t port) {
  const bool is_ipv6 = options.host.find(':') != std::string::npos;
  return "http://" + (is_ipv6 ? '[' + options.host + ']' : options.host) + ':' + std::to_string(port);
}

Status serve(const ServeOptions& options, CommandContext& context, const Logger& logger) {
  VIBRATO_ASSIGN_OR_RETURN(const std::unique_ptr<vector::SingleFile> file, open_file(options, context));
  const vector::SingleFileInfo info = file->info();
  if (!info.graph_not_stored.empty()) {
    logger.warning("the graph is kept in memory and built again at the next start: {}", info.graph_not_stored);
  }
  VIBRATO_ASSIGN_OR_RETURN(StopSignals signals, StopSignals::install());
  const server::HttpServerOptions server_settings = server_options(options, context, logger);
  allow_connections(server_settings, logger);
  VIBRATO_ASSIGN_OR_RETURN(
      const std::unique_ptr<server::HttpServer> server,
      server::HttpServer::start(server_settings, api::make_serve_routes(*file, context.clock, api::ServeApiOptions{}),
                                context.clock, logger));
  logger.info("serving {}: {} rows, dim {}, metric {}", options.data, info.persisted_vectors, info.dim,
              to_string(info.metric));
  context.out << "listening on " << url_of(options, server->port()) << std::endl;
  signals.wait();
  logger.info("stopping");
  if (!server->stop()) logger.warning("some requests did not end in time and were cut off");
  if (file->flush_status().state == vector::FlushState::kRunning) logger.info("waiting for the flush that runs");
  file->wait_for_flush();
  const vector::FlushStatus flushed = file->flush_status();
  if (flushed.state == vector::FlushState::kFailed) logger.error("the last flush failed: {}", *flushed.error);
  if (const std::uint64_t lost = flushed.dynamic_vectors; lost != 0) {
    logger.warning("{} vectors were ingested and not flushed to {}", lost, options.data);
  }
  return ok_status();
}

ExitCode run_serve(const ServeOptions& options, CommandContext& context) {
  if (!is_loopback(options.host) && !options.insecure) {
    return refuse_usage(context, "--host " + options.host +
                                     " can be reached from other machines, and serve knows no keys: everybody there "
                                     "could read and add vectors. Add --insecure if that is what you want.");
  }
  const Logger logger(parse_log_level(options.log_level).value_or(LogLevel::kInfo));
  const Status status = serve(options, context, logger);
  return status.ok() ? ExitCode::kDone : fail(context, status);
}

}  // namespace

Command make_serve_command() {
  Command command{"serve", CommandGroup::kServers, "answer searches over one .vdb file", kServeExamples, nullptr};
  command.configure = [](CLI::App& app) -> CommandBody {
    const auto options = std::make_shared<ServeOptions>();
    app.add_option("-d,--data", options->data, "the file; its graph is built and stored if it has none")
        ->required()
        ->type_name("FILE.vdb");
    app.add_option("--host", options->host, "address to listen on")->capture_default_str();
    app.add_option("-p,--port", options->port, "port to listen on; 0 takes a free one")
        ->check(CLI::Range(std::uint16_t{0}, std::numeric_limits<std::uint16_t>::max()))
        ->capture_default_str();
    app.add_option("--m", options->file.m, "links of a row, if the graph is built")
        ->check(CLI::Range(limits::kGraphMMin, limits::kGraphMMax))
        ->capture_default_str();
    app.add_option("--ef-construction", options->file.ef_construction, "effort of building the graph")
        ->check(CLI::Range(1U, limits::kEfConstructionMax))
        ->capture_default_str();
    app.add_option("--max-ram-buffer-vectors", options->file.max_ram_buffer_vectors,
                   "new vectors that may wait for a flush; more are refused")
        ->check(CLI::Range(0U, limits::kHotRowsMax))
        ->capture_default_str();
    app.add_option("--threads", options->threads, "threads; 0: as many as the machine has")
        ->check(CLI::Range(0U, 1024U))
        ->capture_default_str();
    app.add_option("--log-level", options->log_level, "what is logged to stderr")
        ->check(CLI::IsMember({"debug", "info", "warning", "error", "off"}))
        ->capture_default_str();
    app.add_flag("--insecure", options->insecure, "allow a --host that other machines can reach, without any keys");
    app.add_flag("--progress", options->progress, "show progress even if stderr is no terminal");
    refuse_planned_flags(app, {"-i,--index"});
    return [options](CommandContext& context) { return run_serve(*options, context); };
  };
  return command;
}

}  // namespace vibrato::app
