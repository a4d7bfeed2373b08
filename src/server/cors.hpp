// Which pages of other origins may call the server from a browser: answers to preflight requests, which come without a
// key, and the header without which a browser hides an answer from its page. No origin is allowed unless it is listed.
// Source: https://fetch.spec.whatwg.org, CORS protocol. Pure; for the exchange.
#pragma once

#include <span>
#include <string>

#include "api/reply.hpp"
#include "api/request.hpp"
#include "api/route_table.hpp"

namespace vibrato::server {

// True if the request comes from a page of an allowed origin. `origins` holds origins as browsers write them, or "*".
[[nodiscard]] bool is_allowed_origin(std::span<const std::string> origins, const api::Request& request);

// True if it asks whether another request would be allowed. Requires: is_allowed_origin().
[[nodiscard]] bool is_preflight(const api::Request& request);

// What answers a preflight in place of the path's route.
[[nodiscard]] const api::Route& preflight_route();

// Lets the page see the answer. Requires: is_allowed_origin().
void add_cors_headers(const api::Request& request, api::Reply& reply);

}  // namespace vibrato::server
