// `vibratod stream`: the events of a running server, as they happen.
#include <CLI/CLI.hpp>
#include <chrono>
#include <fmt/format.h>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "app/commands.hpp"
#include "app/event_lines.hpp"
#include "app/model_client.hpp"
#include "app/remote_server.hpp"
#include "app/stop_signals.hpp"

namespace vibrato::app {
namespace {

constexpr const char* kStreamExamples =
    "  vibratod stream --key KEY\n"
    "  vibratod stream --since 120 --types state_updated,state_deleted --key-prefix config/ --key KEY\n"
    "  vibratod stream --collection docs --json --server https://127.0.0.1:8080 --key KEY | jq .data.id\n"
    "  vibratod stream --limit 10 --key KEY";

constexpr std::chrono::milliseconds kAgainAfter{1000};

struct StreamOptions {
  RemoteFlags remote{.server = "http://127.0.0.1:8080", .key = "", .ca_cert = ""};
  std::uint64_t since = 0;
  std::string types;
  std::string key_prefix;
  std::string collection;
  std::uint64_t limit = 0;
  bool json = false;
};

// What goes on from connection to connection.
struct Follow {
  const StreamOptions& options;
  CommandContext& context;
  StopSignals& signals;
  std::string last_id = std::to_string(options.since);
  std::uint64_t count = 0;
  bool out_failed = false;

  [[nodiscard]] bool is_done() const { return options.limit != 0 && count >= options.limit; }
};

std::string path_of_stream(const Follow& follow) {
  std::string path = "/v1/stream?since=" + follow.last_id;
  const auto add = [&path](const char* name, const std::string& value) {
    if (!value.empty()) path += fmt::format("&{}={}", name, percent_encoded(value));
  };
  add("types", follow.options.types);
  add("key_prefix", follow.options.key_prefix);
  add("collection", follow.options.collection);
  return path;
}

Status put_event(Follow& follow, const StreamEvent& event) {
  if (follow.is_done()) return ok_status();
  if (!event.id.empty()) follow.last_id = event.id;
  ++follow.count;
  const Status put = put_line(follow.context, follow.options.json ? event.data : event_line(event));
  follow.context.out.flush();
  follow.out_failed = !put.ok() || !follow.context.out.good();
  if (follow.out_failed) return io_error("stdout takes no more");
  return follow.is_done() ? Status(ErrorCode::kConflict, "that were all that were asked for") : ok_status();
}

// What the server refuses will be refused again; a connection that is lost or cannot be made may come back.
bool may_come_back(const Follow& follow, const Status& status) {
  switch (status.code()) {
    case ErrorCode::kOk:
    case ErrorCode::kIoError:
    case ErrorCode::kTimeout:
    case ErrorCode::kUnavailable:
    case ErrorCode::kOverloaded:
      return !follow.out_failed;
    default:
      return false;
  }
}

Status follow_once(Follow& follow, RemoteServer& server, bool& was_connected) {
  EventReader reader([&follow](const StreamEvent& event) { return put_event(follow, event); });
  return server.stream(api::Method::kGet, path_of_stream(follow), nullptr, [&](std::string_view piece) {
    was_connected = true;
    return reader.read(piece);
  });
}

// Until a signal. A server that could never be reached is a failure, one that was is waited for.
Status follow_events(Follow& follow) {
  server::HttpClientOptions client;
  client.headers.emplace_back("Accept", "text/event-stream");
  client.is_cancelled = [&follow] { return follow.signals.arrived(); };
  VIBRATO_ASSIGN_OR_RETURN(RemoteServer server,
                           RemoteServer::open(follow.context, follow.options.remote, std::move(client)));
  bool was_connected = false;
  for (;;) {
    Status status = follow_once(follow, server, was_connected);
    if (follow.signals.arrived() || follow.is_done()) return ok_status();
    if (!may_come_back(follow, status) || !was_connected) return status;
    follow.context.err << "vibratod: the stream ended" << (status.ok() ? "" : ": " + std::string(status.message()))
                       << "; going on behind " << follow.last_id << '\n';
    if (follow.signals.wait_for(kAgainAfter) == StopSignals::Event::kStop) return ok_status();
  }
}

Outcome run_stream(const StreamOptions& options, CommandContext& context) {
  if (Status remote = check_remote_flags(options.remote); !remote.ok()) return misuse(std::move(remote));
  if (!options.collection.empty()) {
    if (Status name = check_collection_name(options.collection); !name.ok()) return misuse(std::move(name));
  }
  Result<StopSignals> signals = StopSignals::install();
  if (!signals.ok()) return {signals.status()};
  Follow follow{options, context, *signals};
  return {follow_events(follow)};
}

}  // namespace

Command make_stream_command() {
  Command command{"stream", CommandGroup::kClients, "follow the events of a running server", kStreamExamples, nullptr};
  command.configure = [](CLI::App& app) -> CommandBody {
    const auto options = std::make_shared<StreamOptions>();
    add_remote_flags(app, options->remote, "address of the server");
    app.add_option("--since", options->since, "events behind this LSN; 0: from the oldest that is kept")
        ->capture_default_str();
    app.add_option("--types", options->types, "only events of these types")->type_name("TYPE,...");
    app.add_option("--key-prefix", options->key_prefix, "only events of keys that begin so")->type_name("TEXT");
    app.add_option("--collection", options->collection, "only events of this collection")->type_name("NAME");
    app.add_option("--limit", options->limit, "end after so many; 0: at Ctrl-C")->capture_default_str();
    app.add_flag("--json", options->json, "an object a line, as the server sends it");
    return [options](CommandContext& context) { return finish(context, run_stream(*options, context)); };
  };
  return command;
}

}  // namespace vibrato::app
