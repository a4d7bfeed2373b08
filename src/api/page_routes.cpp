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
// Pages run their own script only, and speak to this server only.
constexpr std::string_view kPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

Handler send(std::string_view text, std::string_view type) {
  return [text, type](const Request&, Reply& reply) {
    reply.content_type = type;
    reply.body = text;
    reply.headers.emplace_back("X-Content-Type-Options", "nosniff");
    if (type == kHtml) {
      reply.headers.emplace_back("Content-Security-Policy", kPolicy);
    }
    return ok_status();
  };
}

}  // namespace

void add_page_routes(RouteTable& table) {
  const auto add = [&](const std::string& pattern, std::string_view text, std::string_view type) {
    table.add({.method = Method::kGet,
               .pattern = pattern,
               .known_query_parameters = {std::vector<std::string>()},
               .handler = send(text, type)});
    // The analyzer loses sight of the handler in the table. NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDeleteLeaks)
  };
  add("/", status_page(), kHtml);
  add("/docs", reference_page(), kHtml);
  add("/openapi.yaml", kOpenapiYaml, kYaml);
}

}  // namespace vibrato::api
