#include "app/remote_server.hpp"

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <utility>

#include "app/text_file.hpp"
#include "io/safe_path.hpp"

namespace vibrato::app {
namespace {

constexpr std::uint32_t kTimeoutMsMax = 86'400'000;  // A day.

ErrorCode code_of(int http_status) {
  switch (http_status) {
    case 400:
      return ErrorCode::kInvalidArgument;
    case 401:
      return ErrorCode::kUnauthenticated;
    case 403:
      return ErrorCode::kForbidden;
    case 404:
      return ErrorCode::kNotFound;
    case 409:
      return ErrorCode::kAlreadyExists;
    case 429:
      return ErrorCode::kOverloaded;
    default:
      return ErrorCode::kUnavailable;
  }
}

Status refusal(const server::HttpReply& reply) {
  const nlohmann::json body = nlohmann::json::parse(reply.body, nullptr, false);
  const auto message = body.is_object() ? body.find("message") : body.end();
  const bool has_message = body.is_object() && message != body.end() && message->is_string();
  return {code_of(reply.status), fmt::format("the server answered {}: {}", reply.status,
                                             has_message ? message->get<std::string>() : reply.body)};
}

}  // namespace

CLI::Option* add_remote_flags(CLI::App& app, RemoteFlags& flags, const std::string& server_description) {
  CLI::Option* const server = app.add_option("--server", flags.server, server_description)->type_name("URL");
  if (!flags.server.empty()) server->capture_default_str();
  app.add_option("--key", flags.key,
                 "API key for that server; better given as VIBRATO_KEY, which no process list shows")
      ->type_name("KEY");
  app.add_option("--ca-cert", flags.ca_cert,
                 "whom to trust under https, in PEM form; without it whom the system trusts")
      ->type_name("FILE");
  app.add_option("--timeout-ms", flags.timeout_ms,
                 "give up when the server does not connect, or does not answer, within it")
      ->check(CLI::Range(1U, kTimeoutMsMax))
      ->capture_default_str();
  return server;
}

Status check_remote_flags(const RemoteFlags& flags) {
  return flags.server.empty() ? ok_status() : server::parse_http_address(flags.server).status();
}

Result<RemoteServer> RemoteServer::open(CommandContext& context, const RemoteFlags& flags,
                                        server::HttpClientOptions options) {
  VIBRATO_ASSIGN_OR_RETURN(const server::HttpAddress address, server::parse_http_address(flags.server));
  options.key = flags.key;
  options.timeout_ms = flags.timeout_ms;
  if (!flags.ca_cert.empty()) {
    VIBRATO_ASSIGN_OR_RETURN(options.ca_cert_pem, read_text_file(context.fs, flags.ca_cert));
  }
  return RemoteServer(server::HttpClient(address, std::move(options)), flags.timeout_ms);
}

Result<std::string> RemoteServer::call(api::Method method, std::string_view path, std::string_view json) {
  VIBRATO_ASSIGN_OR_RETURN(server::HttpReply reply, ask(method, path, json));
  return std::move(reply.body);
}

Result<server::HttpReply> RemoteServer::ask(api::Method method, std::string_view path, std::string_view json) {
  return accepted(client_.request(method, path, json));
}

Status RemoteServer::stream(api::Method method, std::string_view path, const server::HttpUpload* upload,
                            const server::TakePiece& take) {
  return accepted(client_.stream(method, path, upload, take)).status();
}

Result<server::HttpReply> RemoteServer::accepted(Result<server::HttpReply> answer) const {
  if (answer.status().code() == ErrorCode::kTimeout) {
    return Status(ErrorCode::kTimeout, fmt::format("{} (gave up after {} ms; --timeout-ms waits longer)",
                                                   answer.status().message(), timeout_ms_));
  }
  if (answer.ok() && (answer->status < 200 || answer->status > 299)) return refusal(*answer);
  return answer;
}

Status check_collection_name(const std::string& name) {
  return io::check_name(name).with_context("--collection");
}

}  // namespace vibrato::app
