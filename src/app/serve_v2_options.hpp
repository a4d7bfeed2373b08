// The options of `vibratod serve-v2`: flags, their defaults, and the uses of them that make no sense.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>
#include <vibrato/metric.hpp>

#include "api/database_api.hpp"
#include "engine/database_options.hpp"
#include "server/http_server.hpp"

namespace CLI {
class App;
}

namespace vibrato::app {

struct ServeV2Options {
  std::string data_dir = "vibrato_data";
  std::optional<std::string> collection;
  std::optional<std::uint32_t> dim;
  std::string metric = "dot";
  bool bootstrap_admin_key = false;
  bool no_auth = false;
  bool insecure = false;
  std::string tls_cert;
  std::string tls_key;
  std::optional<bool> public_health_metrics;
  std::string log_level = "info";
  std::string madvise_mode = "normal";
  // Taken for the sake of scripts that set it; nothing here goes by it.
  std::optional<std::uint32_t> hot_index_shards;

  engine::DatabaseOptions database;
  server::HttpServerOptions server;
  api::DatabaseApiOptions api;
};

inline constexpr const char* kDefaultCollection = "default";
inline constexpr std::uint32_t kDefaultDim = 128;

// `options` outlives `app`.
void add_serve_v2_options(CLI::App& app, ServeV2Options& options);

// Why these options cannot be meant together; nothing if they can.
[[nodiscard]] std::optional<std::string> find_misuse(const ServeV2Options& options);

// Which path cannot be what its flag says: files of TLS that cannot be read, a data folder that is none and cannot be
// made. Nothing if all can.
[[nodiscard]] std::optional<std::string> find_bad_path(const ServeV2Options& options, io::FileSystem& fs);

// Carries what stands for several parts over to them: metric, collection, switches. Requires: no misuse.
void complete(ServeV2Options& options);

}  // namespace vibrato::app
