// `vibratod key-list`: the API keys of a database, without their secrets.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "app/commands.hpp"
#include "app/data_folder.hpp"
#include "app/key_place.hpp"
#include "app/time_text.hpp"
#include "auth/key_manager.hpp"

namespace vibrato::app {
namespace {

constexpr const char* kKeyListExamples =
    "  vibratod key-list --data-dir data\n"
    "  vibratod key-list --server http://127.0.0.1:8080 --key ADMIN_KEY --json";

struct KeyListOptions {
  KeyPlace place;
  bool as_json = false;
};

// As the server writes it.
nlohmann::json to_json(const auth::KeyRecord& key) {
  const auto or_null = [](const std::optional<std::int64_t>& time_ms) {
    return time_ms ? nlohmann::json(*time_ms) : nlohmann::json();
  };
  nlohmann::json roles = nlohmann::json::array();
  for (const auth::Role role : auth::kAllRoles) {
    if (key.roles.contains(role)) roles.push_back(auth::to_string(role));
  }
  return {{"id", key.id},
          {"name", key.name},
          {"roles", roles},
          {"collections", key.scope.is_everything() ? nlohmann::json() : nlohmann::json(key.scope.collections())},
          {"created_at_ms", key.created_at_ms},
          {"expires_at_ms", or_null(key.expires_at_ms)},
          {"revoked_at_ms", or_null(key.revoked_at_ms)}};
}

Result<nlohmann::json> keys_of_folder(const KeyListOptions& options, CommandContext& context) {
  nlohmann::json keys = nlohmann::json::array();
  const Status listed =
      with_database(context, options.place.data_dir, FolderRule::kMustExist, [&](engine::Database& database) -> Status {
        VIBRATO_ASSIGN_OR_RETURN(const std::vector<auth::KeyRecord> records, database.keys().list({.actor = "cli"}));
        for (const auth::KeyRecord& record : records) keys.push_back(to_json(record));
        return ok_status();
      });
  if (listed.code() == ErrorCode::kIoError) {
    return Status(ErrorCode::kIoError,
                  listed.message() +
                      "; key-list opens the database and notes in its audit that it did: where the "
                      "folder cannot be written to, list a copy of it, or ask a server (--server)");
  }
  VIBRATO_RETURN_IF_ERROR(listed);
  return keys;
}

Result<nlohmann::json> keys_of_server(const KeyListOptions& options, CommandContext& context) {
  VIBRATO_ASSIGN_OR_RETURN(RemoteServer server, RemoteServer::open(context, options.place.remote));
  VIBRATO_ASSIGN_OR_RETURN(const std::string text, server.call(api::Method::kGet, "/v1/admin/keys"));
  nlohmann::json answer = nlohmann::json::parse(text, nullptr, false);
  if (!answer.is_object() || !answer.contains("keys") || !answer["keys"].is_array()) {
    return io_error("the server's answer is no list of keys; is --server a vibratod?");
  }
  return answer["keys"];
}

std::string joined(const nlohmann::json& words) {
  std::string text;
  for (const nlohmann::json& word : words)
    text += (text.empty() ? "" : ",") + (word.is_string() ? word.get<std::string>() : "?");
  return text;
}

// "id=vbk_... name=reader roles=query collections=docs expires=never state=active"
std::string line_of(const nlohmann::json& key, std::int64_t now_ms) {
  const auto time = [&](const char* field) {
    return key.contains(field) && key[field].is_number_integer() ? std::optional(key[field].get<std::int64_t>())
                                                                 : std::nullopt;
  };
  const auto expires = time("expires_at_ms");
  std::string state = expires && now_ms >= *expires ? "expired" : "active";
  if (time("revoked_at_ms")) state = "revoked";
  const bool is_limited = key.contains("collections") && key["collections"].is_array();
  return "id=" + key.value("id", "") + " name=" + key.value("name", "") +
         " roles=" + joined(key.value("roles", nlohmann::json::array())) +
         " collections=" + (is_limited ? joined(key["collections"]) : "*") +
         " expires=" + (expires ? time_text(*expires) : "never") + " state=" + state;
}

ExitCode run_key_list(const KeyListOptions& options, CommandContext& context) {
  if (const Status remote = check_remote_flags(options.place.remote); !remote.ok()) {
    return refuse_usage(context, remote.message());
  }
  const Result<nlohmann::json> keys =
      options.place.is_remote() ? keys_of_server(options, context) : keys_of_folder(options, context);
  if (!keys.ok()) return fail(context, keys.status());
  for (const nlohmann::json& key : *keys) {
    context.out << (options.as_json ? key.dump() : line_of(key, context.clock.now_ms())) << '\n';
  }
  return ExitCode::kDone;
}

}  // namespace

Command make_key_list_command() {
  Command command{"key-list", CommandGroup::kOperations, "list the API keys", kKeyListExamples, nullptr};
  command.configure = [](CLI::App& app) -> CommandBody {
    const auto options = std::make_shared<KeyListOptions>();
    add_key_place(app, options->place);
    app.add_flag("--json", options->as_json, "print a JSON object a line");
    return [options](CommandContext& context) { return run_key_list(*options, context); };
  };
  return command;
}

}  // namespace vibrato::app
