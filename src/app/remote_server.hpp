// What the commands that speak to a running server share: the flags that name it, and calls whose failures are told in
// the server's own words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

#include "api/request.hpp"
#include "app/command.hpp"
#include "base/limits.hpp"
#include "server/http_client.hpp"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace vibrato::app {

// Deeper than any answer: a body nests limits::kJsonDepthMax levels, and an answer puts it into a few more. What
// follows may call itself once a level.
inline constexpr std::size_t kAnswerDepthMax = 64;

struct RemoteFlags {
  std::string server;  // Empty: none is meant.
  std::string key;
  std::string ca_cert;  // A file.
  // An answer may wait for long admin work, up to the server's own deadline.
  std::uint32_t timeout_ms = 2 * limits::kRequestTimeoutMs;
};

// Adds --server, --key, --ca-cert and --timeout-ms. `flags` outlives `app`; what it holds are the defaults. Returns
// --server.
CLI::Option* add_remote_flags(CLI::App& app, RemoteFlags& flags, const std::string& server_description);

// Ok if no server is meant, or its address is one. Errors: kInvalidArgument.
[[nodiscard]] Status check_remote_flags(const RemoteFlags& flags);

// Thread-safety: one thread at a time.
class RemoteServer {
 public:
  // `options` are those of the client that no flag gives. Errors: kInvalidArgument (the address, the file of the CA
  // certificate), those of the file system.
  [[nodiscard]] static Result<RemoteServer> open(CommandContext& context, const RemoteFlags& flags,
                                                 server::HttpClientOptions options = {});

  // The body of a 2xx answer. Errors: those of HttpClient, kTimeout naming --timeout-ms; for any other answer what the
  // server says, with kUnauthenticated, kForbidden, kNotFound, kAlreadyExists, kOverloaded and kUnavailable told apart.
  [[nodiscard]] Result<std::string> call(api::Method method, std::string_view path, std::string_view json = {});
  // The same, with the headers that a reply keeps.
  [[nodiscard]] Result<server::HttpReply> ask(api::Method method, std::string_view path, std::string_view json = {});
  // The same with a body of any size either way, as HttpClient::stream.
  [[nodiscard]] Status stream(api::Method method, std::string_view path, const server::HttpUpload* upload,
                              const server::TakePiece& take);

 private:
  RemoteServer(server::HttpClient client, std::uint32_t timeout_ms)
      : client_(std::move(client)), timeout_ms_(timeout_ms) {}

  // What a call makes of an answer.
  [[nodiscard]] Result<server::HttpReply> accepted(Result<server::HttpReply> answer) const;

  server::HttpClient client_;
  std::uint32_t timeout_ms_;
};

// Errors: kInvalidArgument unless it is the name of a collection, as it stands in paths.
[[nodiscard]] Status check_collection_name(const std::string& name);

}  // namespace vibrato::app
