#include "app/search_client.hpp"

#include <charconv>
#include <cmath>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/limits.hpp"

namespace vibrato::app {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

Result<std::vector<double>> vector_of_body(std::string_view json) {
  const nlohmann::json body = nlohmann::json::parse(json, nullptr, false);
  const auto vector = body.is_object() ? body.find("vector") : body.end();
  if (body.is_discarded() || vector == body.end() || !vector->is_array()) {
    return invalid_argument("the query is not a JSON object with an array 'vector'");
  }
  return parse_query(vector->dump());
}

}  // namespace

Result<std::vector<double>> parse_query(std::string_view text) {
  std::string_view rest = trim(text);
  if (rest.starts_with('{')) return vector_of_body(rest);
  if (rest.starts_with('[') && rest.ends_with(']')) rest = trim(rest.substr(1, rest.size() - 2));
  if (rest.empty()) return invalid_argument("the query has no numbers; give it as --query \"0.1,0.2,...\"");
  std::vector<double> numbers;
  for (;;) {
    const std::size_t end = std::min(rest.find_first_of(", \t\r\n"), rest.size());
    const std::string_view word = rest.substr(0, end);
    double number = 0;
    const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc{} || stop != word.data() + word.size() || !std::isfinite(number)) {
      return invalid_argument(
          fmt::format("element {} of the query, '{}', is not a finite number", numbers.size(), word.substr(0, 40)));
    }
    if (numbers.size() == limits::kDimMax) {
      return invalid_argument(fmt::format("the query has more than {} numbers", limits::kDimMax));
    }
    numbers.push_back(number);
    rest = trim(rest.substr(end));
    if (rest.empty()) return numbers;
    if (rest.front() == ',') rest = trim(rest.substr(1));
  }
}

std::string search_body(const std::vector<double>& query, std::uint32_t k, std::uint32_t ef) {
  return nlohmann::json{{"vector", query}, {"k", k}, {"ef", ef}}.dump();
}

Result<std::string> format_search_reply(std::string_view json) {
  const nlohmann::json reply = nlohmann::json::parse(json, nullptr, false);
  const Status unexpected = io_error("the server's answer is not that of a search; is --server a vibratod?");
  if (!reply.is_object() || !reply.contains("results") || !reply["results"].is_array()) return unexpected;
  const auto time = reply.find("query_time_ms");
  if (time == reply.end() || !time->is_number()) return unexpected;
  std::string text = fmt::format("Query time: {:.2f}ms\nResults:\n", time->get<double>());
  for (const nlohmann::json& hit : reply["results"]) {
    if (!hit.is_object() || !hit.contains("id") || !hit.contains("score") || !hit["score"].is_number()) {
      return unexpected;
    }
    text += fmt::format("  ID: {}, Score: {:.4f}\n", hit["id"].dump(), hit["score"].get<double>());
  }
  return text;
}

}  // namespace vibrato::app
