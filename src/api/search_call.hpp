// A search on its way to an answer, for /v1 and /v2: on the I/O thread if it is short and what it must see is visible,
// else on a thread of the query pool. For the routes of this folder.
#pragma once

#include <cstdint>

#include "api/api_context.hpp"
#include "api/responder.hpp"
#include "api/search_request.hpp"
#include "vector/collection.hpp"

namespace vibrato::api {

// How a surface writes what was found.
using WriteAnswer = Status (*)(const SearchCall& call, const vector::SearchAnswer& answer, std::int64_t took_us,
                               Reply& reply);

// Searches and answers. What is not done at once takes the contents of `call` with it.
// Errors: those of the search; kOverloaded when the pool is full; kNotFound.
[[nodiscard]] Status run_search(const ContextPtr& context, const ResponderPtr& responder, SearchCall& call,
                                WriteAnswer write);

// The call that this thread keeps, reset.
[[nodiscard]] SearchCall& kept_search_call();

}  // namespace vibrato::api
