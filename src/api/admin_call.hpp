// How an admin route answers: what was asked, by whom and how it ended is in the audit, on disk, before the client
// hears of it. For the routes of this folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "api/api_context.hpp"
#include "api/caller.hpp"
#include "api/request.hpp"
#include "api/responder.hpp"
#include "api/route_table.hpp"

namespace vibrato::api {

// Bodies of admin routes are this large at most.
inline constexpr std::size_t kSmallBodyBytes = 64 * limits::kKiB;

// `handler` with an audit row for each of its calls: refused ones too, but not those that find no thread. Method,
// pattern and path parameters of `route` name the call; `route` is only looked at here. A reply for the deadline counts
// as an answer. What an answer names as its Location is what the call was about.
enum class AuditRows : std::uint8_t {
  kOfCall,      // By this file.
  kOfRefusals,  // What the handler hands on leaves a row by itself; here one is made of what it refuses at once.
};
[[nodiscard]] AsyncHandler audited(const ContextPtr& context, const Route& route, AsyncHandler handler,
                                   AuditRows rows = AuditRows::kOfCall);

// A handler that runs on the query pool: it may wait for the disk. It gets what it needs by value.
using AdminWork = std::function<Status(Reply& reply)>;
[[nodiscard]] Status answer_from_pool(const ContextPtr& context, const ResponderPtr& responder, AdminWork work);

}  // namespace vibrato::api
