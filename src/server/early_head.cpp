#include "server/early_head.hpp"

#include <algorithm>
#include <array>

namespace vibrato::server {
namespace {

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

api::Method method_called(std::string_view name) {
  using enum api::Method;
  constexpr std::array kMethodsCalled{kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions};
  const auto* const found =
      std::ranges::find_if(kMethodsCalled, [&](api::Method method) { return api::to_string(method) == name; });
  return found == kMethodsCalled.end() ? kOther : *found;
}

EarlyHead read_request_line(std::string_view line) {
  const auto space = line.find(' ');
  if (space == std::string_view::npos) {
    return {};
  }
  const std::string_view rest = line.substr(space + 1);
  return {method_called(line.substr(0, space)), rest.substr(0, rest.find_first_of(" \r"))};
}

}  // namespace

EarlyHead read_early_head(std::string_view text, std::vector<api::HeaderField>& fields) {
  fields.clear();
  auto line_end = text.find('\n');
  const EarlyHead head = read_request_line(text.substr(0, line_end));
  while (line_end != std::string_view::npos) {
    text.remove_prefix(line_end + 1);
    line_end = text.find('\n');
    const std::string_view line = text.substr(0, line_end);
    const auto colon = line.find(':');
    if (line_end == std::string_view::npos || trim(line).empty()) {
      break;
    }
    if (colon != std::string_view::npos && colon != 0) {
      fields.push_back({line.substr(0, colon), trim(line.substr(colon + 1))});
    }
  }
  return head;
}

}  // namespace vibrato::server
