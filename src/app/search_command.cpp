// `vibratod search`: the nearest rows of a vector, asked of a running server.
#include <CLI/CLI.hpp>
#include <istream>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "app/commands.hpp"
#include "app/file_cursor.hpp"
#include "app/remote_server.hpp"
#include "app/search_client.hpp"
#include "io/real_file_system.hpp"
#include "server/http_client.hpp"

namespace vibrato::app {
namespace {

constexpr const char* kExamples =
    "  vibratod search --query \"0.1,0.2,0.3\" -k 5\n"
    "  vibratod search --query-file query.json --server http://127.0.0.1:9000 --json\n"
    "  echo '[0.1, 0.2, 0.3]' | vibratod search -k 3 --ef 200\n"
    "  vibratod search --collection docs --key KEY --query \"0.1,0.2,0.3\" --server https://127.0.0.1:8080";

constexpr std::uint32_t kServeEf = 50;
constexpr std::uint32_t kSearchTimeoutMs = 10'000;  // Somebody waits for it.

struct Options {
  RemoteFlags remote{"http://127.0.0.1:8080", "", "", kSearchTimeoutMs};
  std::string collection;  // Empty: the one file of a `serve`.
  std::string query;
  bool has_query = false;  // An empty one is wrong, not absent.
  std::string query_file;
  std::uint32_t k = 10;
  std::optional<std::uint32_t> ef;
  bool json = false;
};

Result<std::string> read_query_file(CommandContext& context, const std::string& path) {
  VIBRATO_ASSIGN_OR_RETURN(const std::string resolved, io::resolve_path(path));
  VIBRATO_ASSIGN_OR_RETURN(FileCursor cursor, FileCursor::open(context.fs, resolved));
  std::string text;
  for (;;) {
    VIBRATO_RETURN_IF_ERROR(cursor.fill());
    if (cursor.at_end()) return text;
    if (text.size() + cursor.buffered().size() > kQueryTextBytesMax) {
      return invalid_argument(path + ": a query has at most " + std::to_string(kQueryTextBytesMax) + " bytes");
    }
    text += cursor.buffered();
    cursor.consume(cursor.buffered().size());
  }
}

Result<std::string> read_query_stream(std::istream& in) {
  std::string text;
  char c = 0;
  while (in.get(c)) {
    if (text.size() == kQueryTextBytesMax) {
      return invalid_argument("stdin: a query has at most " + std::to_string(kQueryTextBytesMax) + " bytes");
    }
    text += c;
  }
  return text;
}

Result<std::string> query_text(const Options& options, CommandContext& context) {
  if (options.has_query) return options.query;
  if (!options.query_file.empty()) return read_query_file(context, options.query_file);
  return read_query_stream(context.in);
}

Result<std::string> search(const Options& options, CommandContext& context, const std::vector<double>& query) {
  VIBRATO_ASSIGN_OR_RETURN(RemoteServer server, RemoteServer::open(context, options.remote));
  const bool is_database = !options.collection.empty();
  const std::string path = is_database ? "/v1/vector/" + options.collection + "/search" : "/search";
  std::optional<std::uint32_t> ef = options.ef;
  if (!ef.has_value() && !is_database) ef = kServeEf;
  VIBRATO_ASSIGN_OR_RETURN(const std::string answer,
                           server.call(api::Method::kPost, path, search_body(query, options.k, ef)));
  if (options.json) return answer + '\n';
  return is_database ? format_collection_reply(answer) : format_search_reply(answer);
}

ExitCode run(const Options& options, CommandContext& context) {
  if (const auto address = server::parse_http_address(options.remote.server); !address.ok()) {
    return refuse_usage(context, address.status().message());
  }
  if (!options.collection.empty()) {
    const Status name = check_collection_name(options.collection);
    if (!name.ok()) return refuse_usage(context, name.message());
  }
  const Result<std::string> text = query_text(options, context);
  if (!text.ok()) return fail(context, text.status());
  const Result<std::vector<double>> query = parse_query(*text);
  if (!query.ok()) return refuse_usage(context, query.status().message());
  const Result<std::string> result = search(options, context, *query);
  if (!result.ok()) return fail(context, result.status());
  context.out << *result;
  return ExitCode::kDone;
}

}  // namespace

Command make_search_command() {
  Command command{"search", CommandGroup::kClients, "find the nearest vectors through a running server", kExamples,
                  nullptr};
  command.configure = [](CLI::App& app) -> CommandBody {
    const auto options = std::make_shared<Options>();
    add_remote_flags(app, options->remote, "address of the server");
    app.add_option("--collection", options->collection, "the collection, on a serve-v2")->type_name("NAME");
    CLI::Option* query = app.add_option("-q,--query", options->query, "the vector: numbers separated by commas");
    query->type_name("NUMBERS");
    app.add_option("--query-file", options->query_file, "file that holds the vector; without either: stdin")
        ->type_name("FILE")
        ->excludes(query);
    app.add_option("-k,--k", options->k, "how many neighbours")->capture_default_str();
    app.add_option("--ef", options->ef,
                   "search effort: more finds more of the true neighbours, slower; left out: 50, with --collection "
                   "what the server takes");
    app.add_flag("--json", options->json, "print the server's answer as it is");
    return [options, query](CommandContext& context) {
      options->has_query = query->count() != 0;
      return run(*options, context);
    };
  };
  return command;
}

}  // namespace vibrato::app
