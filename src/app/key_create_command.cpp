// `vibratod key-create`: a new API key, shown once.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "app/commands.hpp"
#include "app/data_folder.hpp"
#include "app/key_place.hpp"
#include "app/time_text.hpp"
#include "auth/key_manager.hpp"
#include "io/safe_path.hpp"

namespace vibrato::app {
namespace {

constexpr const char* kKeyCreateExamples =
    "  vibratod key-create --name operator                          # all roles, in ./vibrato_data\n"
    "  vibratod key-create --data-dir data --name reader --roles query --collections docs,images\n"
    "  vibratod key-create --data-dir data --name guest --roles query --expires-at 2027-01-31\n"
    "  vibratod key-create --server http://127.0.0.1:8080 --key ADMIN_KEY --name writer --roles query,ingest";

struct KeyCreateOptions {
  KeyPlace place;
  std::string name;
  std::string roles = "admin,query,ingest";
  std::vector<std::string> collections;
  std::string expires_at;
};

// What a key manager would refuse too: here it is wrong usage.
Result<auth::KeyRequest> request_of(const KeyCreateOptions& options, const Clock& clock) {
  auth::KeyRequest request;
  VIBRATO_RETURN_IF_ERROR(io::check_name(options.name).with_context("--name"));
  request.name = options.name;
  VIBRATO_ASSIGN_OR_RETURN(request.roles, auth::parse_role_list(options.roles));
  if (!options.collections.empty()) {
    VIBRATO_ASSIGN_OR_RETURN(request.scope, auth::Scope::only(options.collections));
  }
  if (!options.expires_at.empty()) {
    VIBRATO_ASSIGN_OR_RETURN(request.expires_at_ms, parse_time(options.expires_at));
    if (*request.expires_at_ms <= clock.now_ms()) {
      return invalid_argument("--expires-at: " + options.expires_at + " is over; a key ends at a moment to come");
    }
  }
  return request;
}

void print_key(CommandContext& context, std::string_view id, std::string_view token) {
  context.out << "id=" << id << "\ntoken=" << token << '\n';
}

Status create_key_in_folder(const KeyCreateOptions& options, const auth::KeyRequest& request, CommandContext& context) {
  const std::string& folder = options.place.data_dir;
  const auto present = folder_options(context, folder, FolderRule::kMustExist);
  const bool is_new = present.status().code() == ErrorCode::kNotFound;
  return with_database(context, folder, FolderRule::kMayBeNew, [&](engine::Database& database) -> Status {
    if (is_new) context.err << "vibratod: made a new database in " << folder << ", as there was none\n";
    VIBRATO_ASSIGN_OR_RETURN(const auth::CreatedKey created, database.keys().create({.actor = "cli"}, request));
    print_key(context, created.record.id, created.token.view());
    return ok_status();
  });
}

Status create_key_at_server(const KeyCreateOptions& options, const auth::KeyRequest& request, CommandContext& context) {
  nlohmann::json body = {{"name", request.name}, {"roles", nlohmann::json::array()}};
  for (const auth::Role role : auth::kAllRoles) {
    if (request.roles.contains(role)) body["roles"].push_back(auth::to_string(role));
  }
  if (!request.scope.is_everything()) body["collections"] = request.scope.collections();
  if (request.expires_at_ms) body["expires_at_ms"] = *request.expires_at_ms;
  VIBRATO_ASSIGN_OR_RETURN(RemoteServer server, RemoteServer::open(context, options.place.remote));
  const std::string text = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  VIBRATO_ASSIGN_OR_RETURN(const std::string answer, server.call(api::Method::kPost, "/v1/admin/keys", text));
  const nlohmann::json key = nlohmann::json::parse(answer, nullptr, false);
  if (!key.is_object() || !key.contains("id") || !key["id"].is_string() || !key.contains("key") ||
      !key["key"].is_string()) {
    return io_error("the server's answer is no key; is --server a vibratod?");
  }
  print_key(context, key["id"].get<std::string>(), key["key"].get<std::string>());
  return ok_status();
}

ExitCode run_key_create(const KeyCreateOptions& options, CommandContext& context) {
  if (const Status remote = check_remote_flags(options.place.remote); !remote.ok()) {
    return refuse_usage(context, remote.message());
  }
  const Result<auth::KeyRequest> request = request_of(options, context.clock);
  if (!request.ok()) return refuse_usage(context, request.status().message());
  const Status status = options.place.is_remote() ? create_key_at_server(options, *request, context)
                                                  : create_key_in_folder(options, *request, context);
  return status.ok() ? ExitCode::kDone : fail(context, status);
}

}  // namespace

Command make_key_create_command() {
  Command command{"key-create", CommandGroup::kOperations,
                  "make an API key; in a folder without a database one is made", kKeyCreateExamples, nullptr};
  command.configure = [](CLI::App& app) -> CommandBody {
    const auto options = std::make_shared<KeyCreateOptions>();
    add_key_place(app, options->place);
    app.add_option("--name", options->name, "what the key is called in lists and in the audit")->required();
    app.add_option("--roles", options->roles, "of query, ingest and admin, which implies the others")
        ->type_name("ROLE,...")
        ->capture_default_str();
    app.add_option("--collections", options->collections, "the only ones it reaches; left out: everything")
        ->type_name("NAME,...")
        ->delimiter(',');
    app.add_option("--expires-at", options->expires_at, "when it ends, in UTC: 2027-01-31 or 2027-01-31T18:30:00Z")
        ->type_name("TIME");
    return [options](CommandContext& context) { return run_key_create(*options, context); };
  };
  return command;
}

}  // namespace vibrato::app
