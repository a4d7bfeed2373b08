#include "api/html_text.hpp"

#include <algorithm>

namespace vibrato::api {

std::string escape_html(std::string_view text) {
  std::string html;
  for (const char c : text) {
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      default:
        html += c;
    }
  }
  return html;
}

std::string inline_html(std::string_view text) {
  std::string html;
  bool in_code = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('`'), text.size());
    html += escape_html(text.substr(0, end));
    if (end == text.size()) break;
    html += in_code ? "</code>" : "<code>";
    in_code = !in_code;
    text.remove_prefix(end + 1);
  }
  return html + (in_code ? "</code>" : "");
}

std::string paragraphs_of(std::string_view text) {
  std::string html;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("\n\n"), text.size());
    if (end > 0) html += "<p>" + inline_html(text.substr(0, end)) + "</p>\n";
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  return html;
}

std::string anchor_of(std::string_view text) {
  std::string anchor;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (is_plain) {
      anchor += c;
    } else if (!anchor.empty() && anchor.back() != '-') {
      anchor += '-';
    }
  }
  return anchor;
}

}  // namespace vibrato::api
