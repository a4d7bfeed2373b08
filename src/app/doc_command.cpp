// `vibratod doc`: documents of a running server.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/commands.hpp"
#include "app/model_client.hpp"
#include "app/remote_server.hpp"
#include "io/safe_path.hpp"

namespace vibrato::app {
namespace {

constexpr const char* kDocExamples =
    "  vibratod doc put books dune '{\"title\": \"Dune\", \"year\": 1965}' --key KEY\n"
    "  vibratod doc put books dune @dune.json --if-revision 12 --key KEY\n"
    "  vibratod doc get books dune --key KEY | jq .title\n"
    "  vibratod doc find books --filter '{\"key\": \"year\", \"range\": {\"lt\": 1970}}' --sort year:desc,title --key "
    "KEY\n"
    "  vibratod doc find books --limit 5 --json --server https://127.0.0.1:8080 --key KEY";

struct DocOptions {
  RemoteFlags remote{.server = "http://127.0.0.1:8080", .key = "", .ca_cert = ""};
  std::string action;
  std::string collection;
  std::string id;
  std::string document;
  std::string filter;
  std::vector<std::string> sort;
  std::optional<std::uint64_t> if_revision;
  std::uint64_t limit = 0;
  bool json = false;
};

std::string path_of_document(const DocOptions& options) {
  return "/v1/doc/" + options.collection + "/" + percent_encoded(options.id);
}

Status get_document(const DocOptions& options, CommandContext& context, RemoteServer& server) {
  VIBRATO_ASSIGN_OR_RETURN(const std::string text, server.call(api::Method::kGet, path_of_document(options)));
  if (options.json) return put_line(context, text);
  VIBRATO_ASSIGN_OR_RETURN(const AnswerJson answer, parse_answer(text));
  return put_line(context, answer.contains("doc") ? answer["doc"].dump() : text);
}

Status put_document(const DocOptions& options, CommandContext& context, RemoteServer& server,
                    const std::string& document) {
  VIBRATO_ASSIGN_OR_RETURN(const std::string text, server.call(api::Method::kPut, path_of_document(options), document));
  if (options.json) return put_line(context, text);
  VIBRATO_ASSIGN_OR_RETURN(const AnswerJson answer, parse_answer(text));
  return put_line(context, fmt::format("revision {}", answer.value("revision", std::uint64_t{0})));
}

AnswerJson sort_of(const std::vector<std::string>& words) {
  AnswerJson sort = AnswerJson::array();
  for (const std::string& word : words) {
    const bool descends = word.ends_with(":desc");
    const std::size_t end = descends || word.ends_with(":asc") ? word.rfind(':') : word.size();
    sort.push_back({{"key", word.substr(0, end)}, {"order", descends ? "desc" : "asc"}});
  }
  return sort;
}

// Page by page; a line a document.
Status find(const DocOptions& options, CommandContext& context, RemoteServer& server, const std::string& filter) {
  constexpr std::uint64_t kPage = 1000;
  std::uint64_t left = options.limit == 0 ? std::numeric_limits<std::uint64_t>::max() : options.limit;
  AnswerJson cursor;
  do {
    std::string body = fmt::format("{{\"limit\":{}", std::min(left, kPage));
    if (!filter.empty()) body += ",\"filter\":" + filter;
    if (!options.sort.empty()) body += ",\"sort\":" + sort_of(options.sort).dump();
    if (cursor.is_string()) body += ",\"cursor\":" + cursor.dump();
    VIBRATO_ASSIGN_OR_RETURN(const std::string text,
                             server.call(api::Method::kPost, "/v1/doc/" + options.collection + "/find", body + "}"));
    VIBRATO_ASSIGN_OR_RETURN(const AnswerJson page, parse_answer(text));
    const auto documents = page.find("documents");
    if (documents == page.end() || !documents->is_array()) {
      return io_error("the server's answer is no list of documents; is --server a vibratod?");
    }
    for (const AnswerJson& found : *documents) {
      const std::string line =
          options.json ? found.dump()
                       : fmt::format("{}\t{}", found.value("id", ""), found.value("doc", AnswerJson()).dump());
      VIBRATO_RETURN_IF_ERROR(put_line(context, line));
    }
    left -= std::min<std::uint64_t>(left, documents->size());
    cursor = page.value("next_cursor", AnswerJson());
  } while (cursor.is_string() && left > 0);
  return ok_status();
}

// "year:dsc" is no key by which somebody means to sort.
Status check_sort(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word.find(':') != std::string::npos && !word.ends_with(":asc") && !word.ends_with(":desc")) {
      return invalid_argument(
          fmt::format("--sort: '{}' ends with neither :asc nor :desc; a key with a colon needs one of them", word));
    }
  }
  return ok_status();
}

Status check_doc_use(const DocOptions& options) {
  VIBRATO_RETURN_IF_ERROR(io::check_name(options.collection).with_context("COLLECTION"));
  const bool is_find = options.action == "find";
  if (is_find != options.id.empty()) {
    return invalid_argument(is_find ? "an ID is for doc get and doc put" : "doc " + options.action + " needs an ID");
  }
  if ((options.action == "put") == options.document.empty()) {
    return invalid_argument(options.action == "put" ? "doc put needs a DOCUMENT: JSON, @FILE, or - for stdin"
                                                    : "a DOCUMENT is for doc put");
  }
  if (options.if_revision.has_value() && options.action != "put") {
    return invalid_argument("--if-revision is for doc put");
  }
  if (!is_find && (!options.filter.empty() || !options.sort.empty() || options.limit != 0)) {
    return invalid_argument("--filter, --sort and --limit are for doc find");
  }
  VIBRATO_RETURN_IF_ERROR(check_sort(options.sort));
  return check_remote_flags(options.remote);
}

Outcome run_doc(const DocOptions& options, CommandContext& context) {
  if (Status use = check_doc_use(options); !use.ok()) return misuse(std::move(use));
  const std::string& given = options.action == "put" ? options.document : options.filter;
  std::string body;
  if (!given.empty()) {
    Result<std::string> read = json_of_argument(context, options.action == "put" ? "DOCUMENT" : "--filter", given);
    if (read.status().code() == ErrorCode::kInvalidArgument) return misuse(read.status());
    if (!read.ok()) return {read.status()};
    body = *std::move(read);
  }
  server::HttpClientOptions client;
  if (options.if_revision.has_value()) client.headers.emplace_back("If-Match", std::to_string(*options.if_revision));
  Result<RemoteServer> server = RemoteServer::open(context, options.remote, std::move(client));
  if (!server.ok()) return {server.status()};
  if (options.action == "get") return {get_document(options, context, *server)};
  return {options.action == "put" ? put_document(options, context, *server, body)
                                  : find(options, context, *server, body)};
}

}  // namespace

Command make_doc_command() {
  Command command{"doc", CommandGroup::kClients, "get, put and find documents on a running server", kDocExamples,
                  nullptr};
  command.configure = [](CLI::App& app) -> CommandBody {
    const auto options = std::make_shared<DocOptions>();
    app.add_option("ACTION", options->action, "get, put or find")
        ->required()
        ->check(CLI::IsMember({"get", "put", "find"}));
    app.add_option("COLLECTION", options->collection, "the collection of the documents")->required();
    app.add_option("ID", options->id, "for get and put: which document");
    app.add_option("DOCUMENT", options->document, "for put: JSON; @FILE reads it from a file, - from stdin");
    add_remote_flags(app, options->remote, "address of the server");
    app.add_option("--if-revision", options->if_revision,
                   "for put: only if the document has this revision; 0: only if it is not there");
    app.add_option("--filter", options->filter, "for find: what documents must be like; @FILE reads it from a file")
        ->type_name("JSON");
    app.add_option("--sort", options->sort, "for find: by these keys; :desc behind one turns it around")
        ->type_name("KEY,...")
        ->delimiter(',');
    app.add_option("--limit", options->limit, "for find: at most so many; left out: all")
        ->check(CLI::Range(std::uint64_t{1}, std::numeric_limits<std::uint64_t>::max()));
    app.add_flag("--json", options->json, "print the server's answer; for find a document with its revision a line");
    return [options](CommandContext& context) { return finish(context, run_doc(*options, context)); };
  };
  return command;
}

}  // namespace vibrato::app
