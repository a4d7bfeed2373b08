#include "app/search_client.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "app/remote_server.hpp"
#include "app/text_table.hpp"
#include "base/limits.hpp"
#include "format/json_depth.hpp"

namespace vibrato::app {
namespace {

constexpr std::string_view kQuerySpaces = " \t\r\n";

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kQuerySpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kQuerySpaces) - first + 1);
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

using OrderedJson = nlohmann::ordered_json;  // Members stay in the order of the server.

Status unexpected_answer() {
  return io_error("the server's answer is not that of a search; is --server a vibratod?");
}

// An object with the array `hits` of objects with id and score, and the number `time_field`.
Result<OrderedJson> read_reply(std::string_view text, const char* hits, const char* time_field) {
  if (format::json_depth(text) > kAnswerDepthMax) return unexpected_answer();
  OrderedJson reply = OrderedJson::parse(text, nullptr, false);
  if (!reply.is_object() || !reply.contains(hits) || !reply[hits].is_array()) return unexpected_answer();
  const auto time = reply.find(time_field);
  if (time == reply.end() || !time->is_number()) return unexpected_answer();
  for (const OrderedJson& hit : reply[hits]) {
    const auto id = hit.is_object() ? hit.find("id") : hit.end();
    if (id == hit.end() || !hit.contains("score") || !hit["score"].is_number()) return unexpected_answer();
    if (!id->is_number_integer() && !id->is_string()) return unexpected_answer();
  }
  return reply;
}

std::string cut(std::string text) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U;
    if (begins && characters++ == kMetaWidth) {
      text.resize(i);
      return text + "...";
    }
  }
  return text;
}

std::string hits_table(const OrderedJson& hits) {
  std::vector<TableColumn> columns = {{"#", true}, {"ID"}, {"SCORE", true}};
  const bool has_meta = !hits.empty() && hits.front().contains("meta");
  if (has_meta) columns.push_back({"META"});
  std::vector<std::vector<std::string>> rows;
  for (const OrderedJson& hit : hits) {
    rows.push_back(
        {std::to_string(rows.size() + 1), hit["id"].dump(), fmt::format("{:.4f}", hit["score"].get<double>())});
    if (has_meta) rows.back().push_back(hit.contains("meta") ? cut(hit["meta"].dump()) : "");
  }
  return format_table(columns, rows);
}

// A column for each member that one of the segments has.
std::string segments_table(const OrderedJson& segments) {
  std::vector<TableColumn> columns;
  std::vector<std::string> members;
  for (const OrderedJson& segment : segments) {
    if (!segment.is_object()) continue;
    for (const auto& [member, value] : segment.items()) {
      if (std::find(members.begin(), members.end(), member) != members.end()) continue;
      members.push_back(member);
      columns.push_back({member, value.is_number()});
    }
  }
  std::vector<std::vector<std::string>> rows;
  for (const OrderedJson& segment : segments) {
    rows.emplace_back();
    for (const std::string& member : members) {
      const auto value = segment.is_object() ? segment.find(member) : segment.end();
      const bool is_text = value != segment.end() && value->is_string();
      rows.back().push_back(value == segment.end() ? "-" : is_text ? value->get<std::string>() : value->dump());
    }
  }
  return format_table(columns, rows);
}

// A number in its shortest form as the server reads it, or a string.
OrderedJson id_of(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_canonical = text == "0" || !text.starts_with('0');
  if (error == std::errc{} && end == text.data() + text.size() && is_canonical) return number;
  const bool is_quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
  return is_quoted ? text.substr(1, text.size() - 2) : text;
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

Result<std::string> search_body(const SearchWish& wish) {
  OrderedJson body = {{"k", wish.k}};
  if (wish.id.empty()) {
    body["vector"] = wish.vector;
  } else {
    body["id"] = id_of(wish.id);
  }
  if (wish.ef.has_value()) body["ef"] = *wish.ef;
  if (wish.offset != 0) body["offset"] = wish.offset;
  if (!wish.group_by.empty()) body["group_by"] = wish.group_by;
  if (wish.include_meta) body["include_meta"] = true;
  if (wish.exact) body["exact"] = true;
  if (wish.explain) body["explain"] = true;
  std::string text = body.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
  if (!wish.filter.empty()) {
    if (!OrderedJson::accept(wish.filter)) return invalid_argument("--filter is not valid JSON");
    // As it is written: numbers keep all their digits.
    text.back() = ',';
    text += "\"filter\":" + wish.filter + '}';
  }
  return text;
}

Result<std::string> format_search_reply(std::string_view json_text) {
  VIBRATO_ASSIGN_OR_RETURN(const OrderedJson reply, read_reply(json_text, "results", "query_time_ms"));
  std::string text = fmt::format("Query time: {:.2f}ms\nResults:\n", reply["query_time_ms"].get<double>());
  for (const OrderedJson& hit : reply["results"]) {
    text += fmt::format("  ID: {}, Score: {:.4f}\n", hit["id"].dump(), hit["score"].get<double>());
  }
  return text;
}

Result<std::string> format_collection_reply(std::string_view json_text) {
  constexpr double kMsPerUs = 0.001;
  VIBRATO_ASSIGN_OR_RETURN(const OrderedJson reply, read_reply(json_text, "hits", "took_us"));
  std::string text = hits_table(reply["hits"]);
  if (const auto segments = reply.find("explain"); segments != reply.end() && segments->is_array()) {
    text += '\n' + segments_table(*segments);
  }
  if (const auto notes = reply.find("notes"); notes != reply.end() && notes->is_array()) {
    for (const OrderedJson& note : *notes) {
      text += "\nnote: " + (note.is_string() ? note.get<std::string>() : note.dump());
    }
    text += '\n';
  }
  const std::size_t count = reply["hits"].size();
  return text + fmt::format("\n{} hit{} in {:.2f} ms\n", count, count == 1 ? "" : "s",
                            reply["took_us"].get<double>() * kMsPerUs);
}

}  // namespace vibrato::app
