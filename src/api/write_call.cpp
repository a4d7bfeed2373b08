#include "api/write_call.hpp"

#include <fmt/format.h>
#include <iterator>
#include <memory>
#include <utility>
#include <vibrato/result.hpp>

#include "api/caller.hpp"
#include "api/read_call.hpp"
#include "commit/idempotent_write.hpp"

namespace vibrato::api {
namespace {

constexpr std::string_view kRelaxed = "relaxed";
constexpr std::string_view kSynced = "synced";

// What a completion needs; one object a write.
struct Pending {
  ContextPtr context;
  ResponderPtr responder;
  WriteCall call;
  commit::Durability durability = commit::Durability::kSynced;
  std::shared_ptr<commit::IdempotentOutcome> outcome = nullptr;  // With a key.
};

// The whole answer. Called once: it takes what the route prepared.
std::string finish_body(WriteCall& call, Lsn last_lsn, commit::Durability durability) {
  std::string body = call.make_answer ? call.make_answer(last_lsn) : std::move(call.answer);
  end_write_answer(!call.shows_lsn || call.shows_lsn() ? last_lsn : Lsn(), durability, body);
  return body;
}

void answer(Pending& pending, const Result<commit::Committed>& committed) {
  Reply reply;
  const bool repeated = pending.outcome != nullptr && pending.outcome->repeated;
  if (committed.ok()) {
    if (pending.outcome != nullptr) {
      reply.status = pending.outcome->answer.status;
      reply.body = std::move(pending.outcome->answer.body);
    } else {
      reply.body = finish_body(pending.call, committed->last_lsn, pending.durability);
    }
    pending.context->metrics.ingested.add(repeated ? 0 : pending.call.points);
  }
  pending.responder->answer(as_unavailable_if_damaged(committed.status()), std::move(reply));
}

// What makes two requests the same one.
commit::Fingerprint fingerprint_of(const ApiContext& context, const Request& request) {
  std::string text;
  text.reserve(request.path.size() + request.body.size() + 16);
  text.append(to_string(request.method)).append(1, ' ').append(request.path);
  text.append(durability_of(request) == commit::Durability::kRelaxed ? "?relaxed\n" : "\n").append(request.body);
  for (const Parameter& parameter : request.query_parameters) {
    if (parameter.name != kDurabilityParameter) {
      text.append("\n").append(parameter.name).append("=").append(parameter.value);
    }
  }
  if (const auto revision = request.header(kIfMatchHeader); revision.has_value()) {
    text.append("\n").append(kIfMatchHeader).append(": ").append(*revision);
  }
  return context.sha256(auth::as_bytes(text));
}

// Puts the key of the request, if it has one, around the write.
Result<vector::WritePtr> with_key(const Request& request, const std::shared_ptr<Pending>& pending,
                                  vector::WritePtr write) {
  VIBRATO_ASSIGN_OR_RETURN(std::optional<commit::IdempotencyKey> key, idempotency_key_of(*pending->context, request));
  if (!key.has_value()) {
    return write;
  }
  pending->outcome = std::make_shared<commit::IdempotentOutcome>();
  return commit::make_idempotent(
      pending->context->database.idempotency_keys(), std::move(write), *std::move(key),
      [pending](Lsn last_lsn, std::int64_t /*time_ms*/) {
        return commit::IdempotentAnswer{200, finish_body(pending->call, last_lsn, pending->durability)};
      },
      pending->outcome);
}

}  // namespace

commit::Durability durability_of(const Request& request) {
  return request.query_parameter(kDurabilityParameter) == kRelaxed ? commit::Durability::kRelaxed
                                                                   : commit::Durability::kSynced;
}

Result<std::optional<commit::IdempotencyKey>> idempotency_key_of(const ApiContext& context, const Request& request) {
  const auto key = request.header(kIdempotencyHeader);
  if (!key.has_value()) {
    return std::optional<commit::IdempotencyKey>();
  }
  VIBRATO_RETURN_IF_ERROR(commit::check_idempotency_key(*key));
  const auth::Principal* const caller = principal_of(request);
  return std::optional(commit::IdempotencyKey{caller == nullptr ? "" : caller->key_id, std::string(*key),
                                              fingerprint_of(context, request)});
}

void end_write_answer(Lsn last_lsn, commit::Durability durability, std::string& body) {
  if (last_lsn.value() != 0) {
    fmt::format_to(std::back_inserter(body), R"(,"lsn":{})", last_lsn.value());
    if (durability == commit::Durability::kRelaxed) {
      body += R"(,"durability":"relaxed")";
    }
  }
  body += '}';
}

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
  vector::WritePtr inner = std::move(call.write);
  const engine::Database::Kind kind = call.kind;
  const vector::CollectionPtr collection = call.collection;
  const auto collections = std::move(call.collections);
  const commit::Durability durability = durability_of(request);
  const auto pending = std::make_shared<Pending>(Pending{context, responder, std::move(call), durability});
  VIBRATO_ASSIGN_OR_RETURN(vector::WritePtr write, with_key(request, pending, std::move(inner)));
  auto done = [pending](const Result<commit::Committed>& committed) { answer(*pending, committed); };
  engine::Database& database = context->database;
  return as_unavailable_if_damaged(
      collections.has_value()
          ? database.submit_to_all(std::move(write), kind, *collections, durability, std::move(done))
          : database.submit(std::move(write), kind, collection.get(), durability, std::move(done)));
}

}  // namespace vibrato::api
