#include "server/response_head.hpp"

#include <array>
#include <charconv>

namespace vibrato::server {
namespace {

// An answer that has no body by its status, and so no length either.
constexpr int kNoContent = 204;

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "200 OK";
    case 201:
      return "201 Created";
    case 202:
      return "202 Accepted";
    case 204:
      return "204 No Content";
    case 400:
      return "400 Bad Request";
    case 401:
      return "401 Unauthorized";
    case 403:
      return "403 Forbidden";
    case 404:
      return "404 Not Found";
    case 405:
      return "405 Method Not Allowed";
    case 408:
      return "408 Request Timeout";
    case 409:
      return "409 Conflict";
    case 410:
      return "410 Gone";
    case 413:
      return "413 Payload Too Large";
    case 415:
      return "415 Unsupported Media Type";
    case 422:
      return "422 Unprocessable Entity";
    case 429:
      return "429 Too Many Requests";
    case 431:
      return "431 Request Header Fields Too Large";
    case 500:
      return "500 Internal Server Error";
    case 503:
      return "503 Service Unavailable";
    case 507:
      return "507 Insufficient Storage";
    default:
      return {};
  }
}

template <typename Number>
void append_number(Number value, std::string& out) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), end.ptr);
}

void append_value(std::string_view value, std::string& out) {
  for (const char c : value) {
    out += static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? ' ' : c;
  }
}

}  // namespace

void write_response_head(const api::Reply& reply, std::string_view request_id, ConnectionHeader connection,
                         BodyLength length, std::string& out) {
  out.assign("HTTP/1.1 ");
  if (const std::string_view text = reason(reply.status); !text.empty()) {
    out += text;
  } else {
    append_number(reply.status, out);
    out += ' ';
  }
  if (reply.status != kNoContent) {
    out += "\r\nContent-Type: ";
    out += reply.content_type;
    if (length == BodyLength::kKnown) {
      out += "\r\nContent-Length: ";
      append_number(reply.body.size(), out);
    } else if (length == BodyLength::kChunked) {
      out += "\r\nTransfer-Encoding: chunked";
    }
  }
  out += "\r\nx-request-id: ";
  append_value(request_id, out);
  switch (connection) {
    case ConnectionHeader::kNone:
      break;
    case ConnectionHeader::kClose:
      out += "\r\nConnection: close";
      break;
    case ConnectionHeader::kKeepAlive:
      out += "\r\nConnection: keep-alive";
      break;
  }
  for (const auto& [name, value] : reply.headers) {
    out += "\r\n";
    out += name;
    out += ": ";
    append_value(value, out);
  }
  out += "\r\n\r\n";
}

}  // namespace vibrato::server
