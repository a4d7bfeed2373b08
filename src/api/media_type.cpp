#include "api/media_type.hpp"

#include "base/plain_text.hpp"

namespace vibrato::api {
namespace {

std::string_view unquote(std::string_view text) {
  const bool quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
  return quoted ? text.substr(1, text.size() - 2) : text;
}

}  // namespace

bool is_json_media_type(std::string_view content_type) {
  return is_media_type(content_type, "application/json");
}

bool is_media_type(std::string_view content_type, std::string_view wanted) {
  if (content_type == wanted) {
    return true;
  }
  auto semicolon = content_type.find(';');
  if (!equals_ignoring_case(without_blanks(content_type.substr(0, semicolon)), wanted)) {
    return false;
  }
  while (semicolon != std::string_view::npos) {
    content_type.remove_prefix(semicolon + 1);
    semicolon = content_type.find(';');
    const std::string_view parameter = without_blanks(content_type.substr(0, semicolon));
    const auto equals = parameter.find('=');
    if (equals != std::string_view::npos &&
        equals_ignoring_case(without_blanks(parameter.substr(0, equals)), "charset") &&
        !equals_ignoring_case(unquote(without_blanks(parameter.substr(equals + 1))), "utf-8")) {
      return false;
    }
  }
  return true;
}

Status check_json_media_type(const Request& request) {
  return is_json_media_type(request.header("Content-Type").value_or(""))
             ? ok_status()
             : Status(ErrorCode::kUnsupportedMediaType, "the body must come with Content-Type: application/json");
}

}  // namespace vibrato::api
