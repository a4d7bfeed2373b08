#include "api/pages.hpp"

#include <fmt/format.h>
#include <vibrato/check.hpp>
#include <vibrato/result.hpp>

#include "api/html_text.hpp"
#include "api/reference_page.hpp"

namespace vibrato::api {
namespace {

constexpr std::string_view kPageStyle = R"css(
:root { color-scheme: light dark; --link: #0b57d0; }
@media (prefers-color-scheme: dark) { :root { --link: #8ab4f8; } body { background: #121314; color: #e3e3e3; } }
body { font: 16px/1.6 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }
a { color: var(--link); } td { padding-right: 2rem; vertical-align: top; } ul { margin: 0; padding-left: 1.2rem; }
)css";

std::string state_row(const PublicState& state) {
  std::string text = state.is_ready ? "ready" : "not ready";
  if (state.progress.has_value()) text += fmt::format(", {:.0f} % of the log replayed", 100 * *state.progress);
  std::string html = "<tr><td>State</td><td><b>" + text + "</b>";
  if (!state.reasons.empty()) {
    html += "<ul>";
    for (const std::string& reason : state.reasons) html += "<li>" + escape_html(reason) + "</li>";
    html += "</ul>";
  }
  return html + "</td></tr>\n";
}

}  // namespace

std::string status_page(const PublicState& state) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\">\n<meta http-equiv=\"refresh\" content=\"10\">\n"
      "<title>vibratod</title>\n<style>{}</style>\n</head>\n<body>\n<h1>vibratod</h1>\n<table>\n{}"
      "<tr><td>Version</td><td>{}</td></tr>\n<tr><td>Collections</td><td>{}</td></tr>\n</table>\n"
      "<p><a href=\"/docs\">Reference of the routes</a> &middot; <a href=\"/openapi.yaml\">OpenAPI description</a> "
      "&middot; <a href=\"/v1/health\">Health</a> &middot; <a href=\"/v1/health/ready\">Readiness</a></p>\n"
      "</body>\n</html>\n",
      kPageStyle, state_row(state), VIBRATO_VERSION, state.collections);
}

// A test renders the description that is built in, so that there is one.
std::string_view reference_page() {
  static const std::string page = [] {
    Result<std::string> rendered = render_reference(kOpenapiYaml);
    VIBRATO_CHECK(rendered.ok());
    return *std::move(rendered);
  }();
  return page;
}

}  // namespace vibrato::api
