// The description and the table of routes say the same: every route, every method, every role, in both directions.
#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include "api/pages.hpp"
#include "support/database_api.hpp"

namespace vibrato::api {
namespace {

using RouteKey = std::pair<std::string, std::string>;  // Path, method.

std::string_view role_name(Role role) {
  switch (role) {
    case Role::kPublic:
      return "public";
    case Role::kQuery:
      return "query";
    case Role::kIngest:
      return "ingest";
    case Role::kAdmin:
      return "admin";
  }
  return "";
}

// What stands between `before` and `after` if the line is exactly that; empty otherwise.
std::string between(std::string_view line, std::string_view before, std::string_view after) {
  if (!line.starts_with(before) || !line.ends_with(after) || line.size() <= before.size() + after.size()) {
    return {};
  }
  line.remove_prefix(before.size());
  line.remove_suffix(after.size());
  return std::string(line);
}

// The description is written with two spaces a level, so that paths, methods and roles are told by their indentation.
std::map<RouteKey, std::string> described_routes() {
  std::map<RouteKey, std::string> routes;
  std::istringstream lines{std::string(kOpenapiYaml)};
  std::string line;
  RouteKey key;
  while (std::getline(lines, line) && line != "components:") {
    if (line.starts_with("  /")) {
      key.first = between(line, "  ", ":");
    } else if (std::string method = between(line, "    ", ":"); !method.empty() && method.front() != ' ') {
      std::ranges::transform(method, method.begin(), [](char c) { return static_cast<char>(c - ('a' - 'A')); });
      key.second = method;
      EXPECT_TRUE(routes.emplace(key, "").second) << key.second << " " << key.first << " is there twice";
    } else if (const std::string role = between(line, "      x-role: ", ""); !role.empty()) {
      routes[key] = role;
    }
  }
  return routes;
}

TEST(Openapi, describes_exactly_the_routes_that_there_are_with_their_roles) {
  test::DatabaseApi api;
  std::map<RouteKey, std::string> served;
  for (const Route* route : api.table().routes()) {
    served[{route->pattern, std::string(to_string(route->method))}] = role_name(route->role);
  }
  const std::map<RouteKey, std::string> described = described_routes();
  EXPECT_GE(described.size(), 40U);
  for (const auto& [key, role] : served) {
    const auto found = described.find(key);
    ASSERT_NE(found, described.end()) << key.second << " " << key.first << " is not described";
    EXPECT_EQ(found->second, role) << key.second << " " << key.first;
  }
  for (const auto& [key, role] : described) {
    EXPECT_TRUE(served.contains(key)) << key.second << " " << key.first << " is described, and no route";
  }
}

TEST(Openapi, is_answered_by_its_route_as_it_stands) {
  test::DatabaseApi api;
  const test::ApiAnswer answer = api.get("/openapi.yaml");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.text, kOpenapiYaml);
  EXPECT_NE(api.get("/docs").text.find("/openapi.yaml"), std::string::npos);
  EXPECT_NE(api.get("/").text.find("/v1/health/ready"), std::string::npos);
  EXPECT_EQ(api.get("/").text.find("http://"), std::string::npos) << "pages load nothing from elsewhere";
}

}  // namespace
}  // namespace vibrato::api
