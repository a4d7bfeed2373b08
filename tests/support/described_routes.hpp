// docs/openapi.yaml as tests read it: by its indentation, two spaces a level, a path, a method, a status a line.
#pragma once

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace vibrato::test {

struct DescribedRoute {
  std::string method;  // As in a request.
  std::string path;    // With its names in braces.
  std::string role;
  std::set<int> statuses = {};
  std::string body = {};  // The example of the request's body; empty if there is none.
};

// Every operation, in the order of the description.
inline std::vector<DescribedRoute> described_routes(std::string_view description) {
  constexpr std::string_view kExample = "            example: ";
  std::vector<DescribedRoute> routes;
  std::istringstream lines{std::string(description)};
  std::string line;
  std::string path;
  bool is_request = false;
  while (std::getline(lines, line) && line != "components:") {
    const std::size_t indent = line.find_first_not_of(' ');
    if (indent == std::string::npos) continue;
    const std::string text = line.substr(indent);
    const bool opens = text.ends_with(':');
    if (indent == 2 && text.front() == '/') {
      path = text.substr(0, text.size() - 1);
    } else if (indent == 4 && opens) {
      std::string method = text.substr(0, text.size() - 1);
      std::ranges::transform(method, method.begin(), [](char c) { return static_cast<char>(c - ('a' - 'A')); });
      routes.push_back({.method = method, .path = path, .role = ""});
    } else if (indent == 6 && text.starts_with("x-role: ")) {
      routes.back().role = text.substr(8);
    } else if (indent == 6 && opens) {
      is_request = text == "requestBody:";
    } else if (indent == 8 && opens && text.size() == 6 && text.front() == '"') {
      routes.back().statuses.insert(std::stoi(text.substr(1, 3)));
    } else if (is_request && line.starts_with(kExample)) {
      routes.back().body = line.substr(kExample.size());
    }
  }
  return routes;
}

}  // namespace vibrato::test
