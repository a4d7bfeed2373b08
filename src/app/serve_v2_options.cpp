#include "app/serve_v2_options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>
#include <utility>

#include "app/loopback.hpp"
#include "app/planned_flags.hpp"
#include "app/switches.hpp"
#include "app/text_file.hpp"
#include "base/limits.hpp"
#include "io/real_file_system.hpp"
#include "io/safe_path.hpp"

namespace vibrato::app {
namespace {

constexpr std::uint64_t kBytesMax = std::uint64_t{1} << 50;
constexpr std::uint64_t kMiB = limits::kMiB;
constexpr std::uint32_t kHoursMax = 24 * 366 * 100;

// A number with its range and default shown.
template <typename Number>
CLI::Option* add_number(CLI::App& app, const std::string& name, Number& value, std::uint64_t min, std::uint64_t max,
                        const std::string& description) {
  return app.add_option(name, value, description)
      ->check(CLI::Range(static_cast<Number>(min), static_cast<Number>(max)))
      ->capture_default_str();
}

// Not CLI::Range, which a NaN passes.
std::string check_ratio(const std::string& text) {
  double ratio = 0;
  const bool is_good = CLI::detail::lexical_cast(text, ratio) && ratio >= 0.01 && ratio <= 1.0;
  return is_good ? std::string() : "Value " + text + " not in range 0.01 to 1";
}

void add_what_is_served(CLI::App& app, ServeV2Options& options) {
  app.add_option("--data-dir", options.data_dir, "the folder of the database; made if it is missing")
      ->type_name("FOLDER")
      ->capture_default_str();
  app.add_option(
         "--collection", options.collection,
         "the collection that /v2 speaks to (default: default); with this flag or --dim it is made at the start if "
         "it is missing, without both by the first write of /v2")
      ->type_name("NAME");
  app.add_option(
         "--dim", options.dim,
         "its dim, if it is made at the start (default: 128; the first write of /v2 makes it with the dim of its "
         "vector); another dim of one that is there is an error")
      ->check(CLI::Range(1U, limits::kDimMax));
  app.add_option("--metric", options.metric, "its metric, if it is made")
      ->check(CLI::IsMember({"cosine", "dot", "l2"}))
      ->capture_default_str();
}

void add_network(CLI::App& app, ServeV2Options& options) {
  server::HttpServerOptions& server = options.server;
  app.add_option("--host", server.host, "address to listen on")->capture_default_str();
  add_number(app, "-p,--port", server.port, 0, 65535, "port to listen on; 0 takes a free one");
  add_number(app, "--threads", server.threads, 0, 1024, "I/O threads; 0: as many as the machine has");
  app.add_option("--tls-cert", options.tls_cert,
                 "certificate chain in PEM form; with --tls-key the server speaks TLS only")
      ->type_name("FILE");
  app.add_option("--tls-key", options.tls_key, "its private key; both are read again when they change, and on SIGHUP")
      ->type_name("FILE");
  add_switch(app, "--insecure", options.insecure, "allow a --host that other machines can reach, without TLS");
  add_switch(app, "--no-auth", options.no_auth, "ask nobody for a key; on a loopback --host only");
  add_switch(app, "--bootstrap-admin-key", options.bootstrap_admin_key,
             "make a key with all roles if there is none, and print it");
  app.add_option("--cors-origin", server.cors_origins, "pages of these origins may call the server; * for all")
      ->type_name("ORIGIN,...")
      ->delimiter(',');
  add_switch(app, "--public-health-metrics", options.public_health_metrics,
             "true: metrics need no key; false: /v2 health needs one (default: metrics need one, health does not)");
  add_number(app, "--request-timeout-ms", server.request_timeout_ms, 1, 3'600'000,
             "for a request to arrive, and again to be answered");
  add_number(app, "--connections-max", server.connections_max, 1, 1'000'000, "connections at a time");
  add_number(app, "--body-bytes-max", options.api.body_bytes_max, limits::kKiB, std::uint64_t{1} << 32U,
             "of one request");
  add_number(app, "--body-bytes-in-flight-max", server.body_bytes_in_flight_max, limits::kMiB, kBytesMax,
             "of all requests together; past it 429");
  add_number(app, "--dim-max", options.api.dim_max, 1, limits::kDimMax, "of new collections");
  add_number(app, "--k-max", options.api.search_k_max, 1, limits::kSearchKMax, "hits that a search may ask for");
}

void add_log(CLI::App& app, engine::DatabaseOptions& database) {
  add_number(app, "--wal-segment-bytes", database.wal_segment_bytes, kMiB, kBytesMax,
             "of one file of the log; at most a quarter of --wal-max-bytes");
  add_number(app, "--wal-retain-bytes", database.wal_retain_bytes, 0, kBytesMax,
             "of the log that stay after all of it is in segments");
  add_number(app, "--wal-retain-hours", database.wal_retain_hours, 0, kHoursMax, "that they stay at most");
  add_number(app, "--wal-max-bytes", database.wal_max_bytes, kMiB, kBytesMax,
             "past it the collection that holds the log back is checkpointed");
  add_number(app, "--idempotency-hours", database.idempotency_hours, 1, kHoursMax,
             "that an Idempotency-Key is remembered");
}

void add_memory(CLI::App& app, ServeV2Options& options) {
  engine::DatabaseOptions& database = options.database;
  add_number(app, "--memory-budget-bytes", database.memory_budget_bytes, 0, kBytesMax,
             "of rows in memory; past it 429; 0: no bound");
  add_number(app, "--tail-budget-bytes", database.tail_budget_bytes, kMiB, kBytesMax,
             "of one collection's rows that no graph finds yet; past it 429");
  add_number(app, "--state-cache-bytes", database.state_cache_bytes, 0, kBytesMax,
             "of the state in memory: the keys that were read or saved last, with their values; 0: none");
  add_number(app, "--hot-part-bytes", database.hot_part_bytes, kMiB, kBytesMax,
             "of one collection in memory that are sealed into a segment");
  add_number(app, "--disk-reserve-bytes", database.disk_reserve_bytes, 0, kBytesMax,
             "kept for deletes and compactions on a full disk; 0: none");
  add_number(app, "--ingest-queue-capacity", database.ingest_queue_writes, 1, 1'000'000,
             "writes that may wait for the log; past it 429");
  app.add_option("--vector-madvise-mode", options.madvise_mode, "how the system reads segments ahead: normal or random")
      ->check(CLI::IsMember({"normal", "random"}, CLI::ignore_case))
      ->capture_default_str();
}

void add_background(CLI::App& app, ServeV2Options& options) {
  engine::DatabaseOptions& database = options.database;
  add_number(app, "--checkpoint-interval-secs", database.checkpoint_interval_secs, 1, 86'400,
             "between looks at what is to be sealed");
  add_number(app, "--compaction-interval-secs", database.compaction_interval_secs, 1, 86'400,
             "between looks at what is to be merged");
  app.add_option("--compaction-tombstone-ratio", database.compaction_tombstone_ratio,
                 "share of deleted rows past which a segment is rewritten")
      ->check(CLI::Validator(check_ratio, "FLOAT in [0.01 - 1]"))
      ->capture_default_str();
  add_number(app, "--compaction-bytes-per-pass", database.compaction_bytes_per_pass, kMiB, kBytesMax,
             "that one merge takes in");
  add_switch(app, "--sql", database.sql, "answer /v1/sql: statements of clients, in a database file of their own");
  add_switch(app, "--audio-colocated", database.audio_colocated,
             "background work yields to others on the machine, and keeps to --background-io-mb-per-sec");
  add_number(app, "--background-io-mb-per-sec", database.background_io_mb_per_sec, 0, 1'000'000,
             "with --audio-colocated; 0: no throttle");
  add_number(app, "--scrub-interval-secs", database.scrub_interval_secs, 0, 366 * 86'400,
             "from the end of one reading of all segments to the next; 0: none");
  add_number(app, "--scrub-mb-per-sec", database.scrub_mb_per_sec, 0, 1'000'000,
             "that such a reading takes at most; 0: no bound");
  add_number(app, "--background-threads", database.background_threads, 1, 1024, "that index, seal and merge");
  add_number(app, "--query-threads", database.query_threads, 0, 1024,
             "for searches that take longer; 0: as many as the machine has");
  add_number(app, "--query-queue-max", database.query_queue_max, 1, 1'000'000, "that wait for them; past it 429");
  add_number(app, "--orphan-ttl-hours", database.orphan_ttl_hours, 0, kHoursMax, "that quarantined files stay");
  add_number(app, "--quarantine-max-files", database.quarantine_max_files, 0, 1'000'000, "that stay at most");
  add_number(app, "--quarantine-max-bytes", database.quarantine_max_bytes, 0, kBytesMax, "of them at most");
  add_number(app, "--sqlite-wal-autocheckpoint-pages", database.catalog_wal_pages, 1, 1'000'000,
             "of the catalog's own log, that are then written into it");
  add_number(app, "--catalog-read-timeout-ms", database.catalog_read_timeout_ms, 0, 3'600'000,
             "that a request for jobs, snapshots or the audit waits for the catalog; past it 503; 0: no bound");
  add_number(app, "--audit-events-max", database.audit_events_max, 1, 100'000'000, "that are kept; the oldest go");
}

void add_others(CLI::App& app, ServeV2Options& options) {
  app.add_option("--log-level", options.log_level, "what is logged to stderr")
      ->check(CLI::IsMember({"debug", "info", "warning", "error", "off"}))
      ->capture_default_str();
  constexpr auto kAnyNumber = std::numeric_limits<std::uint32_t>::max();
  app.add_option("--hot-index-shards", options.hot_index_shards,
                 "no effect here; taken from scripts of an earlier system: all threads insert into one graph")
      ->check(CLI::Range(kAnyNumber));
  refuse_planned_flags(app, {"--flight-host", "--flight-port"});
}

bool is_origin(const std::string& text) {
  if (text == "*") return true;
  const std::size_t host = text.find("://");
  if (host == std::string::npos || host == 0 || text.size() == host + 3) return false;
  return std::none_of(text.begin(), text.end(), [](char c) { return c <= ' ' || c == 0x7f; }) &&
         text.find('/', host + 3) == std::string::npos;
}

}  // namespace

void add_serve_v2_options(CLI::App& app, ServeV2Options& options) {
  add_what_is_served(app, options);
  add_network(app, options);
  add_log(app, options.database);
  add_memory(app, options);
  add_background(app, options);
  add_others(app, options);
}

std::optional<std::string> find_misuse(const ServeV2Options& options) {
  const bool has_tls = !options.tls_cert.empty();
  if (has_tls != !options.tls_key.empty()) return "--tls-cert and --tls-key belong together";
  const std::string& host = options.server.host;
  if (!is_host_address(host)) return "--host " + host + " is neither an IP address nor localhost";
  if (!is_loopback(host)) {
    if (options.no_auth) {
      return "--no-auth with --host " + host + " would let everybody there do everything; it is for loopback only";
    }
    if (!has_tls && !options.insecure) {
      return "--host " + host +
             " can be reached from other machines, and keys would cross the network in the clear. Add --tls-cert and "
             "--tls-key, or --insecure if something in front of the server does it.";
    }
  }
  if (options.collection.has_value()) {
    if (const Status name = io::check_name(*options.collection); !name.ok()) return "--collection: " + name.message();
  }
  for (const std::string& origin : options.server.cors_origins) {
    if (!is_origin(origin)) return "--cors-origin '" + origin + "' is no origin, like https://app.example, and no *";
  }
  return std::nullopt;
}

std::optional<std::string> find_bad_path(const ServeV2Options& options, io::FileSystem& fs) {
  for (const auto& [flag, path] :
       {std::pair("--tls-cert", options.tls_cert), std::pair("--tls-key", options.tls_key)}) {
    if (path.empty()) continue;
    if (const auto text = read_text_file(fs, path); !text.ok())
      return flag + (": " + std::string(text.status().message()));
  }
  const std::string wrong = "--data-dir: ";
  const Result<std::string> folder = io::resolve_path(options.data_dir);
  if (!folder.ok()) return wrong + folder.status().message();
  const Result<io::FileInfo> found = fs.stat(*folder);
  if (found.ok()) return found->is_directory ? std::nullopt : std::optional(wrong + *folder + " is not a folder");
  if (found.status().code() != ErrorCode::kNotFound) return wrong + found.status().message();
  return std::nullopt;
}

void complete(ServeV2Options& options) {
  options.database.random_madvise = options.madvise_mode == "random";
  options.api.no_auth = options.no_auth;
  options.api.public_metrics = options.public_health_metrics.value_or(false);
  options.api.public_health = options.public_health_metrics.value_or(true);
  options.api.v2_collection = options.collection.value_or(kDefaultCollection);
  options.api.v2_dim = options.dim;
  options.api.v2_metric = parse_metric(options.metric).value_or(Metric::kDot);
}

}  // namespace vibrato::app
