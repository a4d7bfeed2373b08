// `vibratod serve-v2`: the database over a data folder, until SIGTERM or SIGINT.
#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "app/commands.hpp"
#include "app/database_server.hpp"
#include "app/serve_v2_options.hpp"
#include "base/logging.hpp"

namespace vibrato::app {
namespace {

constexpr const char* kServeV2Examples =
    "  vibratod serve-v2 --data-dir data --bootstrap-admin-key\n"
    "  vibratod serve-v2 --data-dir data --collection docs --dim 384 --metric cosine --port 9000\n"
    "  vibratod serve-v2 --data-dir data --host 0.0.0.0 --tls-cert chain.pem --tls-key key.pem\n"
    "  curl -s 127.0.0.1:8080/v1/vector -H \"Authorization: Bearer $KEY\"";

ExitCode run_serve_v2(ServeV2Options options, CommandContext& context) {
  if (const auto misuse = find_misuse(options)) return refuse_usage(context, *misuse);
  if (const auto bad_path = find_bad_path(options, context.fs)) return refuse_usage(context, *bad_path);
  complete(options);
  const Logger logger(parse_log_level(options.log_level).value_or(LogLevel::kInfo));
  if (options.hot_index_shards) logger.warning("--hot-index-shards has no effect");
  const Status status = DatabaseServer(options, context, logger).run();
  return status.ok() ? ExitCode::kDone : fail(context, status);
}

}  // namespace

Command make_serve_v2_command() {
  Command command{"serve-v2", CommandGroup::kServers, "the whole database over HTTP", kServeV2Examples, nullptr};
  command.configure = [](CLI::App& app) -> CommandBody {
    const auto options = std::make_shared<ServeV2Options>();
    add_serve_v2_options(app, *options);
    return [options](CommandContext& context) { return run_serve_v2(*options, context); };
  };
  return command;
}

}  // namespace vibrato::app
