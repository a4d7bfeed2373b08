#include "api/route_table.hpp"

#include <algorithm>
#include <span>
#include <utility>
#include <vibrato/check.hpp>
#include <vibrato/result.hpp>

#include "api/header_rules.hpp"
#include "api/media_type.hpp"
#include "api/uri.hpp"

namespace vibrato::api {
namespace {

bool is_name(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

// "/a/b" -> "a", "b". Requires: path starts with '/'.
std::vector<std::string> split_segments(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);
    const auto end = path.find('/');
    segments.emplace_back(path.substr(0, end));
    path = end == std::string_view::npos ? std::string_view{} : path.substr(end);
  }
  return segments;
}

// True if the raw path has the pattern's literal segments, and something in place of each name.
bool fits_pattern(const std::vector<std::string>& segments, std::string_view path) {
  for (const std::string& segment : segments) {
    if (path.empty()) {
      return false;
    }
    path.remove_prefix(1);
    const auto end = path.find('/');
    const std::string_view part = path.substr(0, end);
    if (is_name(segment) ? part.empty() : part != segment) {
      return false;
    }
    path = end == std::string_view::npos ? std::string_view{} : path.substr(end);
  }
  return path.empty();
}

// The decoded values of the names of a pattern that fits. False on garbled percent-encoding.
bool read_parameters(const std::vector<std::string>& segments, std::string_view path,
                     std::vector<Parameter>& parameters) {
  for (const std::string& segment : segments) {
    path.remove_prefix(1);
    const auto end = path.find('/');
    if (is_name(segment)) {
      Parameter& parameter = parameters.emplace_back();
      parameter.name = segment.substr(1, segment.size() - 2);
      if (!percent_decode(path.substr(0, end), false, parameter.value)) {
        return false;
      }
    }
    path = end == std::string_view::npos ? std::string_view{} : path.substr(end);
  }
  return true;
}

const Route* find_method(const std::vector<Route>& routes, Method method) {
  const auto found =
      std::find_if(routes.begin(), routes.end(), [&](const Route& route) { return route.method == method; });
  return found == routes.end() ? nullptr : &*found;
}

std::string allowed_methods(const std::vector<Route>& routes) {
  std::string allow;
  for (const Route& route : routes) {
    allow += allow.empty() ? "" : ", ";
    allow += to_string(route.method);
    if (route.method == Method::kGet) {
      allow += ", HEAD";
    }
  }
  return allow;
}

// Each is known and comes once. As few are known, what comes twice is found within a few steps.
Status check_parameters(std::span<const Parameter> parameters, const Route& route) {
  const std::vector<std::string>& known = *route.known_query_parameters;
  for (auto parameter = parameters.begin(); parameter != parameters.end(); ++parameter) {
    if (std::find(known.begin(), known.end(), parameter->name) == known.end()) {
      return {ErrorCode::kUnknownField, "query parameter '" + parameter->name + "' is not known to " + route.pattern};
    }
    if (std::find_if(parameters.begin(), parameter,
                     [&](const Parameter& before) { return before.name == parameter->name; }) != parameter) {
      return invalid_argument("query parameter " + parameter->name + " comes twice; give it once");
    }
  }
  return ok_status();
}

}  // namespace

void RouteTable::add(Route route) {
  VIBRATO_CHECK(route.pattern.starts_with('/') && (route.handler == nullptr) != (route.async_handler == nullptr));
  route.label = std::string(to_string(route.method)) + ' ' + route.pattern;
  std::vector<std::string> segments = split_segments(route.pattern);
  std::vector<Route>* routes = nullptr;
  if (std::none_of(segments.begin(), segments.end(), [](const std::string& segment) { return is_name(segment); })) {
    routes = &literal_[route.pattern];
  } else {
    const auto same = std::find_if(patterns_.begin(), patterns_.end(),
                                   [&](const Pattern& pattern) { return pattern.segments == segments; });
    const auto front = route.pattern.substr(0, route.pattern.find('{'));
    routes = same == patterns_.end() ? &patterns_.emplace_back(Pattern{front, std::move(segments), {}}).routes
                                     : &same->routes;
  }
  VIBRATO_CHECK(find_method(*routes, route.method) == nullptr);
  routes->push_back(std::move(route));
}

const Route* RouteTable::choose(const std::vector<Route>& routes, Method method, RouteMatch& match) {
  const Route* route = find_method(routes, method);
  if (route == nullptr && method == Method::kHead) {
    route = find_method(routes, Method::kGet);
  }
  if (route == nullptr) {
    match.allow += (match.allow.empty() ? "" : ", ") + allowed_methods(routes);
  }
  return route;
}

void RouteTable::match(Method method, std::string_view path, RouteMatch& match) const {
  match.route = nullptr;
  match.parameters.clear();
  match.error = ok_status();
  match.allow.clear();
  if (const auto found = literal_.find(path); found != literal_.end()) {
    match.route = choose(found->second, method, match);
  }
  // A path may be that of several patterns, which answer different methods: POST .../find and GET .../{id}.
  for (auto pattern = patterns_.begin(); match.route == nullptr && pattern != patterns_.end(); ++pattern) {
    if (!path.starts_with(pattern->front) || !fits_pattern(pattern->segments, path)) {
      continue;
    }
    match.route = choose(pattern->routes, method, match);
    if (match.route != nullptr && !read_parameters(pattern->segments, path, match.parameters)) {
      match.route = nullptr;
      match.error = invalid_argument("path: an escape is not '%' and two hexadecimal digits");
      return;
    }
  }
  if (match.route != nullptr) {
    match.allow.clear();
  } else if (match.allow.empty()) {
    match.error = not_found("no route has this path");
  } else {
    match.error = Status(ErrorCode::kMethodNotAllowed, "this path answers " + match.allow + " only");
  }
}

Status RouteTable::authorize(Request& request, const Route& route, Reply& reply) const {
  VIBRATO_RETURN_IF_ERROR(check_headers_come_once(request));
  return authorizer_ && route.role != Role::kPublic ? authorizer_(request, route, reply) : ok_status();
}

Status RouteTable::check_form(const Request& request, const Route& route) const {
  if (route.known_query_parameters.has_value()) {
    VIBRATO_RETURN_IF_ERROR(check_parameters(request.query_parameters, route));
  }
  if (route.check_query) {
    VIBRATO_RETURN_IF_ERROR(route.check_query(request));
  }
  if (route.refuses_idempotency_key && request.header(kIdempotencyHeader).has_value()) {
    return invalid_argument("Idempotency-Key is not kept by " + route.label +
                            ": send the request without it, and look what is there before you repeat it");
  }
  if (request.method != Method::kGet && request.method != Method::kHead) {
    VIBRATO_RETURN_IF_ERROR(check_content_encoding(request));
  }
  return route.body == BodyKind::kJson ? check_json_media_type(request) : ok_status();
}

void RouteTable::write_error(const Status& status, std::string_view path, std::string_view request_id,
                             Reply& reply) const {
  const bool asks = status.code() == ErrorCode::kUnavailable && outage_;
  api::write_error(status, error_style(path), request_id, reply, asks ? outage_() : Outage::kBrief);
}

ErrorStyle RouteTable::error_style(std::string_view path) const {
  if (surface_ == Surface::kServe) {
    return ErrorStyle::kServe;
  }
  return path == "/v2" || path.starts_with("/v2/") ? ErrorStyle::kV2 : ErrorStyle::kNative;
}

std::vector<const Route*> RouteTable::routes() const {
  std::vector<const Route*> all;
  const auto take = [&](const std::vector<Route>& routes) {
    for (const Route& route : routes) {
      all.push_back(&route);
    }
  };
  for (const auto& [pattern, routes] : literal_) {
    take(routes);
  }
  for (const Pattern& pattern : patterns_) {
    take(pattern.routes);
  }
  return all;
}

}  // namespace vibrato::api
