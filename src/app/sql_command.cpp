// `vibratod sql`: a statement of SQL for a running server.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "app/commands.hpp"
#include "app/model_client.hpp"
#include "app/remote_server.hpp"
#include "app/text_table.hpp"
#include "base/plain_text.hpp"

namespace vibrato::app {
namespace {

constexpr const char* kSqlExamples =
    "  vibratod sql --exec 'CREATE TABLE plays (track TEXT, at INTEGER)' --key KEY\n"
    "  vibratod sql --exec 'INSERT INTO plays VALUES (?, ?)' --params '[\"song\", 5]' --key KEY\n"
    "  vibratod sql 'SELECT track, count(*) AS plays FROM plays GROUP BY track' --key KEY\n"
    "  vibratod sql @report.sql --json --server https://127.0.0.1:8080 --key KEY | jq '.rows[].track'";

struct SqlOptions {
  RemoteFlags remote{.server = "http://127.0.0.1:8080", .key = "", .ca_cert = ""};
  std::string statement;
  std::string params;
  bool exec = false;
  bool json = false;
};

std::string cell_of(const AnswerJson& value) {
  if (value.is_null()) return "NULL";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

Status put_rows(const AnswerJson& answer, CommandContext& context) {
  const auto names = answer.find("columns");
  const auto found = answer.find("rows");
  if (names == answer.end() || !names->is_array() || found == answer.end() || !found->is_array()) {
    return io_error("the server's answer is not that of a query; is --server a vibratod?");
  }
  std::vector<TableColumn> columns;
  for (const AnswerJson& name : *names) {
    const std::string text = cell_of(name);
    const bool is_number = !found->empty() && found->front().is_object() && found->front().contains(text) &&
                           found->front()[text].is_number();
    columns.push_back({text, is_number});
  }
  std::vector<std::vector<std::string>> rows;
  for (const AnswerJson& row : *found) {
    rows.emplace_back();
    for (const TableColumn& column : columns) {
      rows.back().push_back(row.is_object() && row.contains(column.name) ? cell_of(row[column.name]) : "NULL");
    }
  }
  context.out << format_table(columns, rows);
  if (answer.value("truncated", false)) context.err << "vibratod: there are more rows; the server's cap cut them off\n";
  return context.out.good() ? ok_status() : io_error("stdout takes no more");
}

Status put_outcome(const AnswerJson& answer, CommandContext& context) {
  const auto rows = answer.value("rows_affected", std::uint64_t{0});
  std::string line = fmt::format("{} row{} affected", rows, rows == 1 ? "" : "s");
  if (const auto lsn = answer.find("lsn"); lsn != answer.end()) line += ", lsn " + lsn->dump();
  return put_line(context, line);
}

Outcome run_sql(const SqlOptions& options, CommandContext& context) {
  if (Status remote = check_remote_flags(options.remote); !remote.ok()) return misuse(std::move(remote));
  const Result<std::string> statement = text_of_argument(context, options.statement);
  if (!statement.ok()) return {statement.status()};
  if (!is_utf8(*statement)) return {invalid_argument("STATEMENT is not UTF-8; convert it, or give bytes as x'...'")};
  std::string body = "{\"sql\":" + AnswerJson(*statement).dump();
  if (!options.params.empty()) {
    const Result<std::string> params = json_of_argument(context, "--params", options.params);
    if (params.status().code() == ErrorCode::kInvalidArgument) return misuse(params.status());
    if (!params.ok()) return {params.status()};
    body += ",\"params\":" + *params;
  }
  Result<RemoteServer> server = RemoteServer::open(context, options.remote);
  if (!server.ok()) return {server.status()};
  const Result<std::string> text =
      server->call(api::Method::kPost, options.exec ? "/v1/sql/exec" : "/v1/sql/query", body + "}");
  if (!text.ok()) return {text.status()};
  if (options.json) return {put_line(context, *text)};
  const Result<AnswerJson> answer = parse_answer(*text);
  if (!answer.ok()) return {answer.status()};
  return {options.exec ? put_outcome(*answer, context) : put_rows(*answer, context)};
}

}  // namespace

Command make_sql_command() {
  Command command{"sql", CommandGroup::kClients, "run a statement of SQL on a running server", kSqlExamples, nullptr};
  command.configure = [](CLI::App& app) -> CommandBody {
    const auto options = std::make_shared<SqlOptions>();
    app.add_option("STATEMENT", options->statement, "one statement; @FILE reads it from a file, - from stdin")
        ->required();
    add_remote_flags(app, options->remote, "address of the server, which runs with --sql");
    app.add_option("--params", options->params, "what stands for the ? of the statement, as a JSON array")
        ->type_name("JSON");
    app.add_flag("--exec", options->exec, "the statement writes; without it: a query, which cannot");
    app.add_flag("--json", options->json, "print the server's answer");
    return [options](CommandContext& context) { return finish(context, run_sql(*options, context)); };
  };
  return command;
}

}  // namespace vibrato::app
