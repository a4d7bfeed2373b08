// How a route reads: once the LSN that it asks for is visible, on the I/O thread if that is now, else on a thread of
// the query pool. For the routes of this folder.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vibrato/result.hpp>

#include "api/api_context.hpp"
#include "api/request.hpp"
#include "api/responder.hpp"
#include "base/deadline.hpp"
#include "base/ids.hpp"
#include "vector/vector_model.hpp"

namespace vibrato::api {

inline constexpr std::string_view kMinLsnParameter = "min_lsn";
// Errors: kInvalidArgument.
[[nodiscard]] Result<std::optional<Lsn>> min_lsn_of(const Request& request);
[[nodiscard]] Status check_read_parameters(const Request& request);

// Fills a reply. Owns what it needs: the request may be gone when it runs.
using Read = std::function<Status(Reply& reply)>;

// What a client is told of damaged stored bytes that its request met: kCorruption becomes kUnavailable, as it is of a
// collection that is known to be damaged; the message still names file and offset. Other states stay as they are.
[[nodiscard]] Status as_unavailable_if_damaged(const Status& status);

// Answers with what `read` says.
void run_read(const ResponderPtr& responder, const Read& read);

// Runs `work` on the query pool. Errors: kOverloaded; the work is not run then.
[[nodiscard]] Status run_on_pool(const ContextPtr& context, std::function<void()> work);

// Runs `work` on the query pool once `lsn` is visible; answers the responder itself with kTimeout at the deadline, and
// with what the pool refuses.
void run_when_visible(const ContextPtr& context, Lsn lsn, const ResponderPtr& responder, std::function<void()> work);

// Answers with what `read` says, as the head of this file describes.
[[nodiscard]] Status answer_read(const ContextPtr& context, const Request& request, const ResponderPtr& responder,
                                 Read read);

// The same for what may take long, with an LSN that the body asked for: never on the I/O thread.
// Errors: kOverloaded when the pool is full.
[[nodiscard]] Status answer_on_pool(const ContextPtr& context, std::optional<Lsn> min_lsn,
                                    const ResponderPtr& responder, Read read);

// A read that still runs when the request's deadline passes ends: nobody waits for it.
[[nodiscard]] Deadline deadline_of(const ApiContext& context, const Responder& responder);

// A handler of one request, with what all routes know.
using QueryHandler = Status (*)(const ContextPtr& context, const Request& request, const ResponderPtr& responder);

// POST /v1/vector/{collection}/<name>, its body as JSON, for keys that may query.
[[nodiscard]] Route make_query_route(const ContextPtr& context, std::string_view name, QueryHandler handler);
// POST /v2/<name>, the same on the collection of that interface.
[[nodiscard]] Route make_v2_query_route(const ContextPtr& context, std::string_view name, QueryHandler handler);

// Errors: kUnavailable while it recovers, kInvalidArgument for what is no name, kNotFound.
[[nodiscard]] Result<vector::CollectionPtr> find_collection(const ApiContext& context, std::string_view name);

// What the queries of a collection have in common that may take long: `answer` writes what is found there for the call,
// on the query pool, once its LSN is visible. A Call has `min_lsn`. Errors: as answer_on_pool.
template <typename Call>
using AnswerCall = Status (*)(const ApiContext& context, const vector::Collection& collection, Call& call,
                              const Deadline& deadline, Reply& reply);
template <typename Call>
[[nodiscard]] Status answer_query(const ContextPtr& context, const Request& request, const ResponderPtr& responder,
                                  Call call, AnswerCall<Call> answer) {
  const auto owned = std::make_shared<Call>(std::move(call));
  std::string name(request.path_parameter("collection"));
  const Deadline deadline = deadline_of(*context, *responder);
  const std::optional<Lsn> min_lsn = owned->min_lsn;
  const auto read = [context, owned, name = std::move(name), deadline, answer](Reply& reply) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, find_collection(*context, name));
    return answer(*context, *collection, *owned, deadline, reply);
  };
  return answer_on_pool(context, min_lsn, responder, read);
}

}  // namespace vibrato::api
