#include "server/cors.hpp"

#include <algorithm>

namespace vibrato::server {
namespace {

constexpr const char* kMethods = "GET, HEAD, POST, PUT, PATCH, DELETE";
constexpr const char* kRequestHeaders =
    "Authorization, Content-Type, Idempotency-Key, If-Match, Last-Event-ID, x-api-key, x-request-id";
constexpr const char* kAnswerHeaders = "Retry-After, x-next-cursor, x-request-id";
constexpr const char* kRememberSeconds = "600";
constexpr int kPreflightStatus = 204;

Status answer_preflight(const api::Request& /*request*/, api::Reply& reply) {
  reply.status = kPreflightStatus;
  reply.headers.emplace_back("Access-Control-Allow-Methods", kMethods);
  reply.headers.emplace_back("Access-Control-Allow-Headers", kRequestHeaders);
  reply.headers.emplace_back("Access-Control-Max-Age", kRememberSeconds);
  return ok_status();
}

}  // namespace

bool is_allowed_origin(std::span<const std::string> origins, const api::Request& request) {
  if (origins.empty()) {
    return false;
  }
  const auto origin = request.header("Origin");
  return origin.has_value() && std::any_of(origins.begin(), origins.end(), [&](const std::string& allowed) {
           return allowed == "*" || allowed == *origin;
         });
}

bool is_preflight(const api::Request& request) {
  return request.method == api::Method::kOptions && request.header("Access-Control-Request-Method").has_value();
}

const api::Route& preflight_route() {
  static const api::Route route{.method = api::Method::kOptions, .pattern = "*", .handler = answer_preflight};
  return route;
}

// Keys travel in a header, never in cookies: no answer allows credentials.
void add_cors_headers(const api::Request& request, api::Reply& reply) {
  reply.headers.emplace_back("Access-Control-Allow-Origin", std::string(request.header("Origin").value_or("")));
  reply.headers.emplace_back("Access-Control-Expose-Headers", kAnswerHeaders);
  reply.headers.emplace_back("Vary", "Origin");
}

}  // namespace vibrato::server
