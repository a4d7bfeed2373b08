#include "app/database_server.hpp"

#include <algorithm>
#include <chrono>
#include <ostream>
#include <utility>

#include "api/database_api.hpp"
#include "app/data_folder.hpp"
#include "app/open_files.hpp"
#include "io/real_file_system.hpp"
#include "vector/point_writes.hpp"

namespace vibrato::app {
namespace {

constexpr std::chrono::seconds kCertificateLook{10};

// Of the 30 s that a stop may take: the rest is for closing the database.
constexpr std::uint32_t kDrainMs = 20'000;

// For segments, the log, the catalog, and connections that are being refused.
constexpr std::uint64_t kOtherOpenFiles = 4096;

std::string url_of(const server::HttpServerOptions& options, std::uint16_t port) {
  const bool is_ipv6 = options.host.find(':') != std::string::npos;
  return (options.tls.has_value() ? "https://" : "http://") + (is_ipv6 ? '[' + options.host + ']' : options.host) +
         ':' + std::to_string(port);
}

}  // namespace

Status DatabaseServer::run() {
  VIBRATO_ASSIGN_OR_RETURN(StopSignals signals, StopSignals::install(StopSignals::Hangup::kReload));
  VIBRATO_RETURN_IF_ERROR(open());
  if (options_.bootstrap_admin_key) VIBRATO_RETURN_IF_ERROR(print_bootstrap_key());
  warn_if_nobody_has_a_key();
  VIBRATO_RETURN_IF_ERROR(listen());
  database_->hold_readiness(true);
  recovery_ = std::thread([this] { recover(); });
  wait_for_stop(signals);
  drain();
  return recovered_;
}

Status DatabaseServer::open() {
  engine::DatabaseOptions database = options_.database;
  VIBRATO_ASSIGN_OR_RETURN(database.data_folder, io::resolve_path(options_.data_dir));
  database.pepper = pepper_of_environment();
  const std::uint64_t wanted = 2 * std::uint64_t{options_.server.connections_max} + kOtherOpenFiles;
  if (const std::uint64_t allowed = allow_open_files(wanted); allowed < wanted) {
    logger_.warning("the system lets this process open {} files only, {} would be better", allowed, wanted);
  }
  VIBRATO_ASSIGN_OR_RETURN(database_, engine::Database::open(context_.fs, database, context_.clock, logger_, metrics_));
  return ok_status();
}

Status DatabaseServer::print_bootstrap_key() {
  VIBRATO_ASSIGN_OR_RETURN(const std::optional<auth::CreatedKey> key, database_->keys().bootstrap_admin_key());
  if (!key.has_value()) {
    logger_.info("--bootstrap-admin-key: there are keys already, none is made");
    return ok_status();
  }
  context_.out << "BOOTSTRAP_ADMIN_KEY=" << key->token.view() << std::endl;
  return ok_status();
}

void DatabaseServer::warn_if_nobody_has_a_key() {
  if (options_.no_auth) return;
  const auto keys = database_->keys().list({.actor = "cli"});
  if (keys.ok() && std::all_of(keys->begin(), keys->end(), [](const auto& key) { return key.is_revoked(); })) {
    logger_.warning("nobody has a key yet: start with --bootstrap-admin-key, or stop and make one with key-create");
  }
}

Status DatabaseServer::listen() {
  server::HttpServerOptions server = options_.server;
  server.request_id_seed = static_cast<std::uint64_t>(context_.clock.now_ms());
  server.stop_timeout_ms = kDrainMs;
  if (!options_.tls_cert.empty()) {
    VIBRATO_ASSIGN_OR_RETURN(server.tls, tls_files_.load());
  }
  api::RouteTable routes = api::make_database_routes(*database_, metrics_, context_.clock, options_.api);
  route_metrics_ = std::make_unique<api::RouteMetrics>(metrics_, routes);
  server.on_request = [this](const server::RequestRecord& record) {
    route_metrics_->observe(record.method, record.pattern, record.status, record.duration_ns);
    if (logger_.enabled(LogLevel::kDebug)) {
      logger_.debug("{} {} {} {} us, request {}", api::to_string(record.method),
                    record.pattern.empty() ? "(no route)" : record.pattern, record.status, record.duration_ns / 1000,
                    record.request_id);
    }
  };
  VIBRATO_ASSIGN_OR_RETURN(server_, server::HttpServer::start(server, std::move(routes), context_.clock, logger_));
  context_.out << "listening on " << url_of(server, server_->port()) << std::endl;
  return ok_status();
}

// On its own thread. A failure ends the server.
void DatabaseServer::recover() {
  recovered_ = database_->start();
  if (recovered_.ok()) recovered_ = make_collection();
  database_->hold_readiness(false);
  if (recovered_.ok()) {
    logger_.info("ready");
  } else if (is_stopping_) {
    recovered_ = ok_status();  // The stop ended the recovery.
  } else {
    StopSignals::stop_now();
  }
}

Status DatabaseServer::make_collection() {
  if (!options_.collection.has_value() && !options_.dim.has_value()) return ok_status();
  const std::string name = options_.collection.value_or(kDefaultCollection);
  const Result<vector::CollectionPtr> found = database_->vectors().find(name);
  if (!found.ok()) return create(name);
  const std::uint32_t dim = (*found)->settings().dim;
  if (options_.dim.has_value() && *options_.dim != dim) {
    return {ErrorCode::kDimMismatch, "the collection '" + name + "' has dim " + std::to_string(dim) + ", --dim says " +
                                         std::to_string(*options_.dim)};
  }
  return ok_status();
}

Status DatabaseServer::create(const std::string& name) {
  vector::CollectionSettings settings;
  settings.dim = options_.dim.value_or(kDefaultDim);
  settings.metric = options_.api.v2_metric;
  if (const Status status = vector::check_settings(settings, options_.api.dim_max); !status.ok()) {
    return status.with_context("--dim");
  }
  const auto outcome = std::make_shared<vector::CreateOutcome>();
  Status status = database_
                      ->commit(vector::make_create_collection(database_->vectors(), name, settings, outcome),
                               engine::Database::Kind::kAdmin)
                      .status();
  // A damaged log makes the database read-only, and what there is must still be served.
  if (status.code() == ErrorCode::kUnavailable) {
    logger_.error("the collection '{}' is not made: {}", name, status.message());
    return ok_status();
  }
  return status;
}

void DatabaseServer::wait_for_stop(StopSignals& signals) {
  for (;;) {
    const StopSignals::Event event = signals.wait_for(kCertificateLook);
    if (event == StopSignals::Event::kStop) return;
    if (!options_.tls_cert.empty()) tls_files_.refresh(*server_, logger_);
  }
}

void DatabaseServer::drain() {
  logger_.info("stopping");
  is_stopping_ = true;
  database_->request_stop();
  recovery_.join();
  if (!server_->stop()) logger_.warning("some requests did not end in time and were cut off");
  database_->stop();
  logger_.info("stopped");
}

}  // namespace vibrato::app
