// `vibratod state`: values by key, of a running server.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "app/commands.hpp"
#include "app/model_client.hpp"
#include "app/remote_server.hpp"

namespace vibrato::app {
namespace {

constexpr const char* kStateExamples =
    "  vibratod state put config/theme '{\"dark\": true}' --key KEY\n"
    "  vibratod state put lock '\"me\"' --if-revision 0 --ttl-ms 30000 --key KEY\n"
    "  vibratod state put report @report.json --server https://127.0.0.1:8080 --key KEY\n"
    "  vibratod state get config/theme --key KEY | jq .dark\n"
    "  vibratod state list --prefix config/ --json --key KEY\n"
    "  vibratod state delete config/theme --if-revision 12 --key KEY\n"
    "  vibratod state delete --prefix config/ --key KEY";

constexpr const char* kDefaultServer = "http://127.0.0.1:8080";

struct StateOptions {
  RemoteFlags remote{.server = kDefaultServer, .key = "", .ca_cert = ""};
  std::string action;
  std::string key;
  std::string value;
  std::string prefix;
  std::optional<std::uint64_t> ttl_ms;
  std::optional<std::uint64_t> if_revision;
  std::uint64_t limit = 0;
  bool json = false;
};

std::string path_of_key(const StateOptions& options) {
  return "/v1/state/" + percent_encoded(options.key);
}

Status get_key(const StateOptions& options, CommandContext& context, RemoteServer& server) {
  VIBRATO_ASSIGN_OR_RETURN(const std::string text, server.call(api::Method::kGet, path_of_key(options)));
  if (options.json) return put_line(context, text);
  VIBRATO_ASSIGN_OR_RETURN(const AnswerJson answer, parse_answer(text));
  return put_line(context, answer.contains("value") ? answer["value"].dump() : text);
}

Status put_key(const StateOptions& options, CommandContext& context, RemoteServer& server, const std::string& value) {
  std::string body = "{\"value\":" + value;
  if (options.ttl_ms.has_value()) body += fmt::format(",\"ttl_ms\":{}", *options.ttl_ms);
  if (options.if_revision.has_value()) body += fmt::format(",\"if_revision\":{}", *options.if_revision);
  VIBRATO_ASSIGN_OR_RETURN(const std::string text, server.call(api::Method::kPut, path_of_key(options), body + "}"));
  if (options.json) return put_line(context, text);
  VIBRATO_ASSIGN_OR_RETURN(const AnswerJson answer, parse_answer(text));
  return put_line(context, fmt::format("revision {}", answer.value("revision", std::uint64_t{0})));
}

Status remove(const StateOptions& options, CommandContext& context, RemoteServer& server) {
  std::string path = path_of_key(options);
  if (options.key.empty()) {
    path = "/v1/state?prefix=" + percent_encoded(options.prefix);
  } else if (options.if_revision.has_value()) {
    path += fmt::format("?if_revision={}", *options.if_revision);
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::string text, server.call(api::Method::kDelete, path));
  if (options.json) return put_line(context, text);
  VIBRATO_ASSIGN_OR_RETURN(const AnswerJson answer, parse_answer(text));
  const AnswerJson deleted = answer.value("deleted", AnswerJson(false));
  if (deleted.is_boolean()) return put_line(context, deleted.get<bool>() ? "deleted" : "not there");
  return put_line(context, "deleted " + deleted.dump());
}

// Page by page; a line an item.
Status list(const StateOptions& options, CommandContext& context, RemoteServer& server) {
  constexpr std::uint64_t kPage = 1000;
  std::uint64_t left = options.limit == 0 ? std::numeric_limits<std::uint64_t>::max() : options.limit;
  std::string cursor;
  do {
    std::string path =
        fmt::format("/v1/state?prefix={}&limit={}", percent_encoded(options.prefix), std::min(left, kPage));
    if (!cursor.empty()) path += "&cursor=" + percent_encoded(cursor);
    VIBRATO_ASSIGN_OR_RETURN(const server::HttpReply reply, server.ask(api::Method::kGet, path));
    VIBRATO_ASSIGN_OR_RETURN(const AnswerJson items, parse_answer(reply.body));
    if (!items.is_array()) return io_error("the server's answer is no list of state; is --server a vibratod?");
    for (const AnswerJson& item : items) {
      const std::string line =
          options.json ? item.dump()
                       : fmt::format("{}\t{}\t{}", item.value("key", ""), item.value("revision", std::uint64_t{0}),
                                     item.value("value", AnswerJson()).dump());
      VIBRATO_RETURN_IF_ERROR(put_line(context, line));
    }
    left -= std::min<std::uint64_t>(left, items.size());
    cursor = reply.next_cursor;
  } while (!cursor.empty() && left > 0);
  return ok_status();
}

Status check_state_use(const StateOptions& options) {
  const bool is_list = options.action == "list";
  const bool is_prefix_delete = options.action == "delete" && !options.prefix.empty();
  if (is_list || is_prefix_delete) {
    if (!options.key.empty()) return invalid_argument("give a KEY or --prefix, not both");
  } else if (options.key.empty()) {
    return invalid_argument("state " + options.action + " needs a KEY" +
                            (options.action == "delete" ? ", or --prefix" : ""));
  }
  if (!is_list && !is_prefix_delete && !options.prefix.empty()) {
    return invalid_argument("--prefix is for state list and state delete");
  }
  if ((options.action == "put") == options.value.empty()) {
    return invalid_argument(options.action == "put" ? "state put needs a VALUE: JSON, @FILE, or - for stdin"
                                                    : "a VALUE is for state put");
  }
  if (options.ttl_ms.has_value() && options.action != "put") return invalid_argument("--ttl-ms is for state put");
  if (options.if_revision.has_value() && (options.action == "get" || is_list || is_prefix_delete)) {
    return invalid_argument("--if-revision is for state put, and for state delete of one KEY");
  }
  if (options.limit != 0 && !is_list) return invalid_argument("--limit is for state list");
  return check_remote_flags(options.remote);
}

Outcome run_state(const StateOptions& options, CommandContext& context) {
  if (Status use = check_state_use(options); !use.ok()) return misuse(std::move(use));
  std::string value;
  if (options.action == "put") {
    Result<std::string> read = json_of_argument(context, "VALUE", options.value);
    if (read.status().code() == ErrorCode::kInvalidArgument) return misuse(read.status());
    if (!read.ok()) return {read.status()};
    value = *std::move(read);
  }
  Result<RemoteServer> server = RemoteServer::open(context, options.remote);
  if (!server.ok()) return {server.status()};
  if (options.action == "get") return {get_key(options, context, *server)};
  if (options.action == "put") return {put_key(options, context, *server, value)};
  return {options.action == "list" ? list(options, context, *server) : remove(options, context, *server)};
}

}  // namespace

Command make_state_command() {
  Command command{"state", CommandGroup::kClients, "get, put, delete and list values by key on a running server",
                  kStateExamples, nullptr};
  command.configure = [](CLI::App& app) -> CommandBody {
    const auto options = std::make_shared<StateOptions>();
    app.add_option("ACTION", options->action, "get, put, delete or list")
        ->required()
        ->check(CLI::IsMember({"get", "put", "delete", "list"}));
    app.add_option("KEY", options->key, "the key of the value");
    app.add_option("VALUE", options->value, "for put: JSON; @FILE reads it from a file, - from stdin");
    add_remote_flags(app, options->remote, "address of the server");
    app.add_option("--prefix", options->prefix, "of the keys to list, or to delete")->type_name("TEXT");
    app.add_option("--ttl-ms", options->ttl_ms, "for put: the value goes after so long")
        ->check(CLI::Range(std::uint64_t{1}, std::numeric_limits<std::uint64_t>::max()));
    app.add_option("--if-revision", options->if_revision,
                   "only if the key has this revision; for put 0: only if it is not there");
    app.add_option("--limit", options->limit, "for list: at most so many; left out: all")
        ->check(CLI::Range(std::uint64_t{1}, std::numeric_limits<std::uint64_t>::max()));
    app.add_flag("--json", options->json, "print the server's answer; for list an item a line");
    return [options](CommandContext& context) { return finish(context, run_state(*options, context)); };
  };
  return command;
}

}  // namespace vibrato::app
