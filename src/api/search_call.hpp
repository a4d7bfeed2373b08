// A search on its way to an answer, for /v1 and /v2: on the I/O thread if it is short and what it must see is visible,
// else on a thread of the query pool. For the routes of this folder.
#pragma once

#include <cstdint>

#include "api/api_context.hpp"
#include "api/json_writer.hpp"
#include "api/responder.hpp"
#include "api/search_request.hpp"
#include "base/limits.hpp"
#include "vector/collection.hpp"

namespace vibrato::api {

// How a surface writes what was found.
using WriteAnswer = Status (*)(const SearchCall& call, const vector::SearchAnswer& answer, std::int64_t took_us,
                               Reply& reply);

// Looks up the example, if the call has one, searches, and counts it. On a thread that may take its time.
// Errors: those of the search; kNotFound, kGone for an example.
[[nodiscard]] Result<vector::SearchAnswer> find_hits(const ApiContext& context, const vector::Collection& collection,
                                                     SearchCall& call, std::int64_t* took_us = nullptr);

// The members hits and explain, if it is wanted, of an object that was begun.
[[nodiscard]] Status write_hits(const SearchCall& call, const vector::SearchAnswer& answer, JsonWriter& json);

// The whole answer of a search, and of what is one on /v1. A WriteAnswer.
[[nodiscard]] Status write_search_answer(const SearchCall& call, const vector::SearchAnswer& answer,
                                         std::int64_t took_us, Reply& reply);

// Searches and answers. What is not done at once takes the contents of `call` with it.
// Errors: those of the search; kOverloaded when the pool is full; kNotFound.
[[nodiscard]] Status run_search(const ContextPtr& context, const ResponderPtr& responder, SearchCall& call,
                                WriteAnswer write);

// The call that this thread keeps, reset.
[[nodiscard]] SearchCall& kept_search_call();

// kPayloadTooLarge for an answer that has grown past kAnswerBytesMax: it would stay in memory until the client has read
// it.
inline constexpr std::size_t kAnswerBytesMax = 64 * limits::kMiB;
[[nodiscard]] Status check_answer_size(std::size_t bytes);

}  // namespace vibrato::api
