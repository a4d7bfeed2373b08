#include "api/write_call.hpp"

#include <fmt/format.h>
#include <memory>
#include <utility>
#include <vibrato/result.hpp>

namespace vibrato::api {
namespace {

constexpr std::string_view kRelaxed = "relaxed";
constexpr std::string_view kSynced = "synced";

commit::Durability durability_of(const Request& request) {
  return request.query_parameter(kDurabilityParameter) == kRelaxed ? commit::Durability::kRelaxed
                                                                   : commit::Durability::kSynced;
}

// What a completion needs; one object a write.
struct Pending {
  ContextPtr context;
  ResponderPtr responder;
  WriteCall call;
  bool relaxed = false;
};

void answer(Pending& pending, const Result<commit::Committed>& committed) {
  Reply reply;
  if (!committed.ok()) {
    pending.responder->answer(committed.status(), std::move(reply));
    return;
  }
  reply.body = std::move(pending.call.answer);
  if (pending.call.finish) {
    if (const Status status = pending.call.finish(*committed, reply); !status.ok()) {
      pending.responder->answer(status, std::move(reply));
      return;
    }
  }
  end_write_answer(*committed, pending.relaxed, reply.body);
  pending.context->metrics.ingested.add(pending.call.points);
  pending.responder->answer(ok_status(), std::move(reply));
}

}  // namespace

Status check_write_parameters(const Request& request) {
  const auto durability = request.query_parameter(kDurabilityParameter);
  return !durability.has_value() || *durability == kRelaxed || *durability == kSynced
             ? ok_status()
             : invalid_argument("query parameter durability must be \"synced\" or \"relaxed\"");
}

Route make_write_route(const ContextPtr& context, std::string pattern, AsyncHandler handler) {
  return {.method = Method::kPost,
          .pattern = std::move(pattern),
          .role = Role::kIngest,
          .reach = Reach::kOneCollection,
          .body = BodyKind::kJson,
          .body_bytes_max = context->options.body_bytes_max,
          .known_query_parameters = {{std::string(kDurabilityParameter)}},
          .check_query = check_write_parameters,
          .async_handler = std::move(handler)};
}

Status submit_write(const ContextPtr& context, const Request& request, const ResponderPtr& responder, WriteCall call) {
  vector::WritePtr write = std::move(call.write);
  const engine::Database::Kind kind = call.kind;
  const vector::CollectionPtr collection = call.collection;
  const commit::Durability durability = durability_of(request);
  const auto pending = std::make_shared<Pending>(
      Pending{context, responder, std::move(call), durability == commit::Durability::kRelaxed});
  const Status status =
      context->database.submit(std::move(write), kind, collection.get(), durability,
                               [pending](const Result<commit::Committed>& committed) { answer(*pending, committed); });
  if (status.code() == ErrorCode::kOverloaded) {
    context->metrics.pushed_back.add();
  }
  return status;
}

void end_write_answer(const commit::Committed& committed, bool relaxed, std::string& body) {
  if (committed.last_lsn.value() != 0) {
    fmt::format_to(std::back_inserter(body), R"(,"lsn":{})", committed.last_lsn.value());
    if (relaxed) {
      body += R"(,"durability":"relaxed")";
    }
  }
  body += '}';
}

}  // namespace vibrato::api
