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
#include "app/text_file.hpp"
#include "io/real_file_system.hpp"
#include "server/http_client.hpp"

namespace vibrato::app {
namespace {

constexpr const char* kSearchExamples =
    "  vibratod search --query \"0.1,0.2,0.3\" -k 5\n"
    "  vibratod search --query-file query.json --server http://127.0.0.1:9000 --json\n"
    "  echo '[0.1, 0.2, 0.3]' | vibratod search -k 3 --ef 200\n"
    "  vibratod search --collection docs --key KEY --query \"0.1,0.2,0.3\" --server https://127.0.0.1:8080\n"
    "  vibratod search --collection docs --key KEY --id first --include-meta \\\n"
    "      --filter '{\"key\": \"year\", \"range\": {\"gte\": 2020}}'\n"
    "  vibratod search --collection docs --key KEY --query-file query.json --filter @filter.json --explain\n"
    "  vibratod search --collection docs --key KEY --id 7 --format json | jq '.hits[].id'";

constexpr std::uint32_t kServeEf = 50;
constexpr std::uint32_t kSearchTimeoutMs = 10'000;  // Somebody waits for it.

struct SearchOptions {
  RemoteFlags remote{"http://127.0.0.1:8080", "", "", kSearchTimeoutMs};
  std::string collection;  // Empty: the one file of a `serve`.
  std::string query;
  bool has_query = false;  // An empty one is wrong, not absent.
  std::string query_file;
  std::string filter;  // JSON, or @ and the name of a file that has it.
  SearchWish wish;
  std::string format = "table";
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

Result<std::string> query_text(const SearchOptions& options, CommandContext& context) {
  if (options.has_query) return options.query;
  if (!options.query_file.empty()) return read_query_file(context, options.query_file);
  return read_query_stream(context.in);
}

Result<std::string> search(const SearchOptions& options, CommandContext& context, const std::string& body) {
  VIBRATO_ASSIGN_OR_RETURN(RemoteServer server, RemoteServer::open(context, options.remote));
  const bool is_database = !options.collection.empty();
  const std::string path = is_database ? "/v1/vector/" + options.collection + "/search" : "/search";
  VIBRATO_ASSIGN_OR_RETURN(const std::string answer, server.call(api::Method::kPost, path, body));
  if (options.json || options.format == "json") return answer + '\n';
  return is_database ? format_collection_reply(answer) : format_search_reply(answer);
}

Status check_flags(const SearchOptions& options) {
  if (!options.collection.empty()) {
    return check_collection_name(options.collection);
  }
  const SearchWish& wish = options.wish;
  const bool is_plain = options.filter.empty() && wish.id.empty() && wish.group_by.empty() && wish.offset == 0 &&
                        !wish.include_meta && !wish.exact && !wish.explain;
  return is_plain ? ok_status()
                  : invalid_argument(
                        "--filter, --id, --group-by, --offset, --include-meta, --exact and --explain are "
                        "for the collections of a serve-v2: give --collection");
}

// Errors: those of the file; kInvalidArgument past its maximum.
Result<std::string> filter_text(const SearchOptions& options, CommandContext& context) {
  return options.filter.starts_with('@') ? read_text_file(context.fs, options.filter.substr(1))
                                         : Result<std::string>(options.filter);
}

ExitCode run_search(const SearchOptions& options, CommandContext& context) {
  if (const auto address = server::parse_http_address(options.remote.server); !address.ok()) {
    return refuse_usage(context, address.status().message());
  }
  if (const Status flags = check_flags(options); !flags.ok()) return refuse_usage(context, flags.message());
  SearchWish wish = options.wish;
  const Result<std::string> filter = filter_text(options, context);
  if (!filter.ok()) return fail(context, filter.status());
  wish.filter = *filter;
  if (options.collection.empty() && !wish.ef.has_value()) wish.ef = kServeEf;
  if (wish.id.empty()) {
    const Result<std::string> text = query_text(options, context);
    if (!text.ok()) return fail(context, text.status());
    Result<std::vector<double>> query = parse_query(*text);
    if (!query.ok()) return refuse_usage(context, query.status().message());
    wish.vector = *std::move(query);
  }
  const Result<std::string> body = search_body(wish);
  if (!body.ok()) return refuse_usage(context, body.status().message());
  const Result<std::string> result = search(options, context, *body);
  if (!result.ok()) return fail(context, result.status());
  context.out << *result;
  return ExitCode::kDone;
}

}  // namespace

Command make_search_command() {
  Command command{"search", CommandGroup::kClients, "find the nearest vectors through a running server",
                  kSearchExamples, nullptr};
  command.configure = [](CLI::App& app) -> CommandBody {
    const auto options = std::make_shared<SearchOptions>();
    add_remote_flags(app, options->remote, "address of the server");
    app.add_option("--collection", options->collection, "the collection, on a serve-v2")->type_name("NAME");
    CLI::Option* query = app.add_option("-q,--query", options->query, "the vector: numbers separated by commas");
    query->type_name("NUMBERS");
    CLI::Option* file =
        app.add_option("--query-file", options->query_file, "file that holds the vector; without any of them: stdin");
    file->type_name("FILE")->excludes(query);
    SearchWish& wish = options->wish;
    app.add_option("--id", wish.id, "search for what is near this point: 7 is the number, '\"7\"' the string")
        ->type_name("ID")
        ->excludes(query)
        ->excludes(file);
    app.add_option("-k,--k", wish.k, "how many neighbours")->capture_default_str();
    app.add_option("--ef", wish.ef,
                   "search effort: more finds more of the true neighbours, slower; left out: 50, with --collection "
                   "what the server takes");
    app.add_option("--filter", options->filter, "only points whose meta is like this; @FILE reads it from a file")
        ->type_name("JSON");
    app.add_option("--group-by", wish.group_by, "only the best point of each value of this field of meta")
        ->type_name("PATH");
    app.add_option("--offset", wish.offset, "leave out so many of the first hits");
    app.add_flag("--include-meta", wish.include_meta, "the meta of each hit");
    app.add_flag("--exact", wish.exact, "compare with every point");
    app.add_flag("--explain", wish.explain, "how each segment was searched");
    CLI::Option* format = app.add_option("--format", options->format, "what to print; json is the server's answer");
    format->check(CLI::IsMember({"table", "json"}))->capture_default_str();
    app.add_flag("--json", options->json, "the same as --format json")->excludes(format);
    return [options, query](CommandContext& context) {
      options->has_query = query->count() != 0;
      return run_search(*options, context);
    };
  };
  return command;
}

}  // namespace vibrato::app
