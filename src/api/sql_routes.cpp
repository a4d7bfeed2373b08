// Embedded SQL: one statement that reads, one that changes something.
#include <array>
#include <cmath>
#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "api/api_context.hpp"
#include "api/json_body.hpp"
#include "api/json_fields.hpp"
#include "api/json_writer.hpp"
#include "api/query_fields.hpp"
#include "api/read_call.hpp"
#include "api/write_call.hpp"
#include "base/limits.hpp"
#include "sql/sql_writes.hpp"

namespace vibrato::api {
namespace {

struct SqlCall {
  std::string statement;
  std::string parameters = "[]";  // A JSON array.
  std::optional<Lsn> min_lsn;
};

Result<SqlCall> read_call(simdjson::dom::object object, bool takes_min_lsn) {
  std::array<Field, 3> fields{{{"sql"}, {"params"}, {"min_lsn"}}};
  auto& [sql, params, min_lsn] = fields;
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, std::span(fields).first(takes_min_lsn ? 3 : 2)));
  if (!sql.is_there()) {
    return missing_field(sql.name, "a string");
  }
  SqlCall call;
  VIBRATO_ASSIGN_OR_RETURN(const std::string_view statement, string_or(sql, ""));
  VIBRATO_RETURN_IF_ERROR(sql::check_statement(statement));
  call.statement = statement;
  if (params.is_there()) {
    if (!params.value->is_array()) {
      return wrong_type(params.name, "an array of null, bools, numbers and strings");
    }
    call.parameters = simdjson::minify(*params.value);
  }
  VIBRATO_ASSIGN_OR_RETURN(call.min_lsn, read_min_lsn(min_lsn));
  return call;
}

Result<sql::SqlModel*> find_model(const ApiContext& context) {
  VIBRATO_RETURN_IF_ERROR(context.database.check_readable());
  sql::SqlModel* const model = context.database.sql();
  if (model == nullptr) {
    return not_found("SQL is off; start the server with --sql");
  }
  return model;
}

// Without padding.
std::string base64_of(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t pending = 0;
  unsigned int bits = 0;
  for (const std::byte byte : bytes) {
    pending = (pending << 8U) | std::to_integer<std::uint32_t>(byte);
    for (bits += 8; bits >= 6; bits -= 6) {
      text.push_back(kDigits[(pending >> (bits - 6)) & 63U]);
    }
  }
  if (bits > 0) {
    text.push_back(kDigits[(pending << (6 - bits)) & 63U]);
  }
  return text;
}

// Names that come again get a number behind them, so that no value is lost: "a", "a:1".
std::vector<std::string> make_distinct(std::span<const std::string_view> names) {
  std::set<std::string, std::less<>> taken(names.begin(), names.end());
  std::map<std::string_view, std::size_t> uses;
  std::vector<std::string> distinct;
  for (const std::string_view name : names) {
    std::string own(name);
    if (std::size_t& number = uses[name]; number++ > 0) {
      // From the number that the last of this name was left with.
      for (--number; !taken.insert(own = std::string(name) + ":" + std::to_string(number)).second;) {
        ++number;
      }
      ++number;
    }
    distinct.push_back(std::move(own));
  }
  return distinct;
}

class AnswerWriter final : public sqlite::RowSink {
 public:
  explicit AnswerWriter(std::string& body) : body_(body), json_(body) {}

  void take_columns(std::span<const std::string_view> names) override {
    begin_ = body_.size();
    names_ = make_distinct(names);
    json_.begin_object();
    json_.key("columns");
    json_.begin_array();
    for (const std::string& name : names_) {
      json_.string(name);
    }
    json_.end_array();
    json_.key("rows");
    json_.begin_array();
  }

  [[nodiscard]] bool take_row(std::span<const sqlite::SqlValueView> values) override {
    const std::size_t before = body_.size();
    json_.begin_object();
    for (std::size_t i = 0; i < values.size(); ++i) {
      json_.escaped_key(names_[i]);
      std::visit([this](const auto& value) { write(value); }, values[i]);
      if (is_full()) {
        body_.resize(before);
        return false;
      }
    }
    json_.end_object();
    if (is_full()) {
      body_.resize(before);
      return false;
    }
    return true;
  }

  void end(bool truncated) {
    json_.end_array();
    json_.key("truncated");
    json_.boolean(truncated);
    json_.end_object();
  }

 private:
  [[nodiscard]] bool is_full() const { return body_.size() - begin_ > limits::kSqlAnswerBytesMax; }
  void write(std::monostate) { json_.null(); }
  void write(std::int64_t value) { json_.raw(std::to_string(value)); }
  void write(double value) {
    if (std::isfinite(value)) {
      json_.number(value);
    } else {
      json_.null();
    }
  }
  void write(std::string_view value) { json_.string(value); }
  void write(std::span<const std::byte> value) { json_.string(base64_of(value)); }

  std::string& body_;
  JsonWriter json_;
  std::vector<std::string> names_;
  std::size_t begin_ = 0;
};

Status query_sql(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_RETURN_IF_ERROR(find_model(*context).status());
  VIBRATO_ASSIGN_OR_RETURN(SqlCall call, read_json_object(request.body, [](simdjson::dom::object object) {
                             return read_call(object, true);
                           }));
  sql::Query query;
  query.statement = std::move(call.statement);
  VIBRATO_ASSIGN_OR_RETURN(query.parameters, sql::parse_parameters(call.parameters));
  query.deadline_ns = responder->deadline_ns();
  const auto owned = std::make_shared<const sql::Query>(std::move(query));
  return answer_on_pool(context, call.min_lsn, responder, [context, owned](Reply& reply) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(sql::SqlModel* const model, find_model(*context));
    AnswerWriter answer(reply.body);
    const Result<sqlite::QueryEnd> end = model->query(*owned, answer);
    if (!end.ok()) {
      reply.body.clear();
      return end.status();
    }
    answer.end(end->truncated);
    return ok_status();
  });
}

Status exec_sql(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(sql::SqlModel* const model, find_model(*context));
  VIBRATO_ASSIGN_OR_RETURN(SqlCall call, read_json_object(request.body, [](simdjson::dom::object object) {
                             return read_call(object, false);
                           }));
  const auto outcome = std::make_shared<sql::ExecOutcome>();
  VIBRATO_ASSIGN_OR_RETURN(
      auto write,
      sql::make_exec(*model, {std::move(call.statement), std::move(call.parameters), responder->deadline_ns()},
                     outcome));
  return submit_write(context, request, responder,
                      {.write = std::move(write), .make_answer = [outcome](Lsn) {
                         return R"({"rows_affected":)" + std::to_string(outcome->rows_affected) +
                                R"(,"last_insert_id":)" + std::to_string(outcome->last_insert_id);
                       }});
}

}  // namespace

void add_sql_routes(const ContextPtr& context, RouteTable& table) {
  const auto bound = [&](auto handler) -> AsyncHandler {
    return [context, handler](const Request& request, const ResponderPtr& responder) {
      return handler(context, request, responder);
    };
  };
  table.add({.method = Method::kPost,
             .pattern = "/v1/sql/query",
             .role = Role::kQuery,
             .body = BodyKind::kJson,
             .body_bytes_max = context->options.body_bytes_max,
             .known_query_parameters = {{}},
             .async_handler = bound(query_sql)});
  Route exec = make_write_route(context, "/v1/sql/exec", bound(exec_sql));
  exec.reach = Reach::kWholeDatabase;
  table.add(std::move(exec));
}

}  // namespace vibrato::api
