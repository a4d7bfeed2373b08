// How a route writes: submit on the I/O thread, answer from the completion. For the routes of this folder.
//
// The answer is an object that the route begins and this file ends: the members that say what was logged (`lsn`, and
// `durability` if it is relaxed) come last.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "api/api_context.hpp"
#include "api/request.hpp"
#include "api/responder.hpp"
#include "commit/idempotency_keys.hpp"
#include "commit/sequencer.hpp"
#include "vector/point_writes.hpp"
#include "vector/vector_model.hpp"

namespace vibrato::api {

// The query parameters of a write, and what they may be: `durability` is "synced" or "relaxed".
inline constexpr std::string_view kDurabilityParameter = "durability";
[[nodiscard]] Status check_write_parameters(const Request& request);

// The revision that a document must have.
inline constexpr std::string_view kIfMatchHeader = "If-Match";

[[nodiscard]] commit::Durability durability_of(const Request& request);

// The Idempotency-Key of a request, if it has one. Errors: kInvalidArgument for what is no such key.
[[nodiscard]] Result<std::optional<commit::IdempotencyKey>> idempotency_key_of(const ApiContext& context,
                                                                               const Request& request);

// Adds the members that end the answer of a write, and its closing brace. `last_lsn` is 0 for a write without effects.
void end_write_answer(Lsn last_lsn, commit::Durability durability, std::string& body);

// A route that writes points, its body as JSON. The pattern's first name is the collection.
[[nodiscard]] Route make_write_route(const ContextPtr& context, std::string pattern, AsyncHandler handler);

struct WriteCall {
  vector::WritePtr write;
  engine::Database::Kind kind = engine::Database::Kind::kPut;
  vector::CollectionPtr collection = nullptr;  // Charged with it; null for none.
  // Of a write to several collections, and to other models: in place of `collection`.
  std::optional<std::vector<vector::CollectionPtr>> collections = std::nullopt;
  // The begin of the answer: a JSON object with at least one member, without its closing brace.
  std::string answer = {};
  // Where that is not known before the write had its turn: makes it, on the committer's thread, at the latest when the
  // write is committed. `last_lsn` is that of its last record, 0 for none.
  std::function<std::string(Lsn last_lsn)> make_answer = {};
  // Whether the answer has the LSN, where that is not whether anything was logged; asked after make_answer.
  std::function<bool()> shows_lsn = {};
  std::uint64_t points = 0;  // For the metrics.
};

// Submits; `responder` has the answer once it is committed. Honours the parameters above, and Idempotency-Key: the
// same request of the same caller gets the first answer again, byte for byte.
// Errors: those of Database::submit; kInvalidArgument for what is no such key.
[[nodiscard]] Status submit_write(const ContextPtr& context, const Request& request, const ResponderPtr& responder,
                                  WriteCall call);

}  // namespace vibrato::api
