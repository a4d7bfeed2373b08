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

Status no_numbers() {
  return invalid_argument("the query has no numbers; give it as --query \"0.1,0.2,...\"");
}

Status no_number(std::size_t position, std::string_view text) {
  return invalid_argument(fmt::format("element {} of the query, '{}', is not a finite number", position, text));
}

Status too_many_numbers() {
  return invalid_argument(fmt::format("the query has more than {} numbers", limits::kDimMax));
}

Result<std::vector<double>> vector_of_body(std::string_view json) {
  const nlohmann::json body = nlohmann::json::parse(json, nullptr, false);
  const auto vector = body.is_object() ? body.find("vector") : body.end();
  if (body.is_discarded() || vector == body.end() || !vector->is_array()) {
    return invalid_argument("the query is not a JSON object with an array 'vector'");
  }
  if (vector->empty()) return no_numbers();
  if (vector->size() > limits::kDimMax) return too_many_numbers();
  std::vector<double> numbers;
  for (const nlohmann::json& element : *vector) {
    if (!element.is_number()) return no_number(numbers.size(), element.type_name());
    numbers.push_back(element.get<double>());
  }
  return numbers;
}

constexpr double kMsPerUs = 0.001;

Result<std::string> format_reply(std::string_view json, const char* hits, const char* time_field, double ms_per_unit) {
  const nlohmann::json reply = nlohmann::json::parse(json, nullptr, false);
  const Status unexpected = io_error("the server's answer is not that of a search; is --server a vibratod?");
  if (!reply.is_object() || !reply.contains(hits) || !reply[hits].is_array()) return unexpected;
  const auto time = reply.find(time_field);
  if (time == reply.end() || !time->is_number()) return unexpected;
  std::string text = fmt::format("Query time: {:.2f}ms\nResults:\n", time->get<double>() * ms_per_unit);
  for (const nlohmann::json& hit : reply[hits]) {
    const auto id = hit.is_object() ? hit.find("id") : hit.end();
    if (id == hit.end() || !hit.contains("score") || !hit["score"].is_number()) return unexpected;
    if (!id->is_number_integer() && !id->is_string()) return unexpected;
    text += fmt::format("  ID: {}, Score: {:.4f}\n", id->dump(), hit["score"].get<double>());
  }
  return text;
}

}  // namespace

Result<std::vector<double>> parse_query(std::string_view text) {
  std::string_view rest = trim(text);
  if (rest.starts_with('{')) return vector_of_body(rest);
  if (rest.starts_with('[') && rest.ends_with(']')) rest = trim(rest.substr(1, rest.size() - 2));
  if (rest.empty()) return no_numbers();
  std::vector<double> numbers;
  for (;;) {
    const std::size_t end = std::min(rest.find_first_of(", \t\r\n"), rest.size());
    const std::string_view word = rest.substr(0, end);
    double number = 0;
    const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc{} || stop != word.data() + word.size() || !std::isfinite(number)) {
      return no_number(numbers.size(), word.substr(0, 40));
    }
    if (numbers.size() == limits::kDimMax) {
      return too_many_numbers();
    }
    numbers.push_back(number);
    rest = trim(rest.substr(end));
    if (rest.empty()) return numbers;
    if (rest.front() == ',') rest = trim(rest.substr(1));
  }
}

std::string search_body(const std::vector<double>& query, std::uint32_t k, std::optional<std::uint32_t> ef) {
  nlohmann::json body = {{"vector", query}, {"k", k}};
  if (ef.has_value()) body["ef"] = *ef;
  return body.dump();
}

Result<std::string> format_search_reply(std::string_view json) {
  return format_reply(json, "results", "query_time_ms", 1);
}

Result<std::string> format_collection_reply(std::string_view json) {
  return format_reply(json, "hits", "took_us", kMsPerUs);
}

}  // namespace vibrato::app
