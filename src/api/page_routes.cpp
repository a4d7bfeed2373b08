// GET /, /docs and /openapi.yaml.
#include <string>
#include <string_view>
#include <utility>

#include "api/api_context.hpp"
#include "api/pages.hpp"

namespace vibrato::api {
namespace {

constexpr std::string_view kHtml = "text/html; charset=utf-8";
constexpr std::string_view kYaml = "application/yaml";
// Pages have a style of their own, and nothing else.
constexpr std::string_view kPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

void put_page(std::string_view text, std::string_view type, Reply& reply) {
  reply.content_type = type;
  reply.body = text;
  reply.headers.emplace_back("X-Content-Type-Options", "nosniff");
  if (type == kHtml) reply.headers.emplace_back("Content-Security-Policy", kPolicy);
}

Status show_state(const ApiContext& context, Reply& reply) {
  const engine::Readiness readiness = context.database.readiness();
  put_page(status_page({.is_ready = readiness.ready,
                        .reasons = readiness.reasons,
                        .progress = readiness.replay_progress,
                        .collections = context.database.vectors().all().size()}),
           kHtml, reply);
  return ok_status();
}

}  // namespace

void add_page_routes(const ContextPtr& context, RouteTable& table) {
  const auto add = [&](const std::string& pattern, Handler handler) {
    table.add({.method = Method::kGet,
               .pattern = pattern,
               .known_query_parameters = {std::vector<std::string>()},
               .handler = std::move(handler)});
    // The analyzer loses sight of the handler in the table. NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDeleteLeaks)
  };
  const auto answer = [](std::string_view text, std::string_view type) -> Handler {
    return [text, type](const Request&, Reply& reply) {
      put_page(text, type, reply);
      return ok_status();
    };
  };
  add("/", [context](const Request&, Reply& reply) { return show_state(*context, reply); });
  add("/docs", answer(reference_page(), kHtml));
  add("/openapi.yaml", answer(kOpenapiYaml, kYaml));
}

}  // namespace vibrato::api
