// `vibratod key-revoke`: an API key that no request is accepted with any more.
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>
#include <string>

#include "app/commands.hpp"
#include "app/data_folder.hpp"
#include "app/key_place.hpp"
#include "auth/api_token.hpp"
#include "auth/key_manager.hpp"

namespace vibrato::app {
namespace {

constexpr const char* kKeyRevokeExamples =
    "  vibratod key-revoke --data-dir data --key-id vbk_0123456789abcdef0123456789abcdef\n"
    "  vibratod key-revoke --server http://127.0.0.1:8080 --key ADMIN_KEY --key-id "
    "vbk_0123456789abcdef0123456789abcdef";

struct KeyRevokeOptions {
  KeyPlace place;
  std::string key_id;
};

Status revoke_in_folder(const KeyRevokeOptions& options, CommandContext& context) {
  return with_database(context, options.place.data_dir, FolderRule::kMustExist, [&](engine::Database& database) {
    return database.keys().revoke({.actor = "cli"}, options.key_id);
  });
}

Status revoke_at_server(const KeyRevokeOptions& options, CommandContext& context) {
  VIBRATO_ASSIGN_OR_RETURN(RemoteServer server, RemoteServer::open(context, options.place.remote));
  return server.call(api::Method::kDelete, "/v1/admin/keys/" + options.key_id).status();
}

ExitCode run_key_revoke(const KeyRevokeOptions& options, CommandContext& context) {
  if (const Status remote = check_remote_flags(options.place.remote); !remote.ok()) {
    return refuse_usage(context, remote.message());
  }
  if (!auth::is_key_id(options.key_id)) {
    return refuse_usage(context, "--key-id is no id of a key: the part of a key before the dot, as key-list shows it");
  }
  const Status status =
      options.place.is_remote() ? revoke_at_server(options, context) : revoke_in_folder(options, context);
  if (!status.ok()) return fail(context, status);
  context.out << "revoked=" << options.key_id << '\n';
  return ExitCode::kDone;
}

}  // namespace

Command make_key_revoke_command() {
  Command command{"key-revoke", CommandGroup::kOperations, "revoke an API key", kKeyRevokeExamples, nullptr};
  command.configure = [](CLI::App& app) -> CommandBody {
    const auto options = std::make_shared<KeyRevokeOptions>();
    add_key_place(app, options->place);
    app.add_option("--key-id", options->key_id, "the part of the key before the dot")->required()->type_name("ID");
    return [options](CommandContext& context) { return run_key_revoke(*options, context); };
  };
  return command;
}

}  // namespace vibrato::app
