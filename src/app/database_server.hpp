// `serve-v2` while it runs: the database over its folder, the HTTP server over the database, from start to drain.
//
//   1. open: the folder is locked, catalog and keys are read; damage makes it degraded, not absent.
//   2. the bootstrap key is made and printed, before any socket is open.
//   3. listen: from here on requests are answered, those that need the data with 503 and the progress.
//   4. recover, on a thread of its own; then the collection of the flags is made.
//   5. serve until a stop signal; SIGHUP and changed files change the certificate.
//   6. drain: no new connections, running requests finish; then the database commits what it has and closes.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vibrato/result.hpp>

#include "api/api_metrics.hpp"
#include "app/command.hpp"
#include "app/serve_v2_options.hpp"
#include "app/stop_signals.hpp"
#include "app/tls_files.hpp"
#include "base/logging.hpp"
#include "base/metrics.hpp"
#include "engine/database.hpp"
#include "server/http_server.hpp"

namespace vibrato::app {

class DatabaseServer {
 public:
  // All of it outlives the server. Requires: complete(options).
  DatabaseServer(const ServeV2Options& options, CommandContext& context, const Logger& logger)
      : options_(options),
        context_(context),
        logger_(logger),
        tls_files_(context.fs, options.tls_cert, options.tls_key) {}
  ~DatabaseServer() = default;
  DatabaseServer(const DatabaseServer&) = delete;
  DatabaseServer& operator=(const DatabaseServer&) = delete;

  // Returns after the drain. Errors: what kept it from starting, or ended it.
  [[nodiscard]] Status run();

 private:
  Status open();
  Status print_bootstrap_key();
  void warn_if_nobody_has_a_key();
  Status listen();
  void recover();
  Status make_collection();
  Status create(const std::string& name);
  void wait_for_stop(StopSignals& signals);
  void drain();

  const ServeV2Options& options_;
  CommandContext& context_;
  const Logger& logger_;
  TlsFiles tls_files_;
  MetricsRegistry metrics_;
  std::unique_ptr<api::RouteMetrics> route_metrics_;
  std::unique_ptr<engine::Database> database_;
  std::unique_ptr<server::HttpServer> server_;
  std::atomic<bool> is_stopping_ = false;
  std::thread recovery_;
  Status recovered_;  // Of the recovery thread; read after it was joined.
};

}  // namespace vibrato::app
