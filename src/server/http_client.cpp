#include "server/http_client.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <chrono>
#include <utility>

namespace vibrato::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using ErrorInfo = boost::system::error_code;

std::string authority_of(const HttpAddress& address) {
  const bool is_ipv6 = address.host.find(':') != std::string::npos;
  return (is_ipv6 ? '[' + address.host + ']' : address.host) + ':' + std::to_string(address.port);
}

// One exchange. Each step starts an asynchronous operation and runs the loop until it ends, so that the stream's
// deadline holds: Asio's blocking calls know none.
class Exchange {
 public:
  Exchange(const HttpAddress& address, const HttpClientOptions& options)
      : address_(address), options_(options), resolver_(loop_), stream_(loop_) {}

  Status connect() {
    ErrorInfo error;
    asio::ip::tcp::resolver::results_type found;
    // A look-up cannot be given a deadline of its own; the loop is left when the time is up.
    bool resolved = false;
    resolver_.async_resolve(address_.host, std::to_string(address_.port), [&](ErrorInfo e, auto results) {
      error = e;
      found = std::move(results);
      resolved = true;
    });
    loop_.run_for(timeout());
    if (!resolved) {
      resolver_.cancel();
      loop_.restart();
      loop_.run();
      return {ErrorCode::kTimeout, "looking up " + address_.host + " took too long"};
    }
    if (error) return failure("cannot look up " + address_.host, error, ErrorCode::kUnavailable);
    stream_.expires_after(timeout());
    stream_.async_connect(found, [&](ErrorInfo e, const auto&) { error = e; });
    run();
    return error ? failure("cannot connect to " + authority_of(address_), error, ErrorCode::kUnavailable) : ok_status();
  }

  Status send(std::string_view path, std::string_view json) {
    http::request<http::string_body> request{http::verb::post, address_.path_prefix + std::string(path), 11};
    request.set(http::field::host, authority_of(address_));
    request.set(http::field::user_agent, "vibratod");
    request.set(http::field::content_type, "application/json");
    request.set(http::field::connection, "close");
    request.body().assign(json);
    request.prepare_payload();
    ErrorInfo error;
    stream_.expires_after(timeout());
    http::async_write(stream_, request, [&](ErrorInfo e, std::size_t) { error = e; });
    run();
    return error ? failure("cannot send the request", error, ErrorCode::kIoError) : ok_status();
  }

  Result<HttpReply> receive() {
    http::response_parser<http::string_body> parser;
    parser.body_limit(options_.body_bytes_max);
    beast::flat_buffer buffer;
    ErrorInfo error;
    stream_.expires_after(timeout());
    http::async_read(stream_, buffer, parser, [&](ErrorInfo e, std::size_t) { error = e; });
    run();
    if (error) return failure("no valid answer from " + authority_of(address_), error, ErrorCode::kIoError);
    return HttpReply{static_cast<int>(parser.get().result_int()), std::move(parser.get().body())};
  }

 private:
  std::chrono::milliseconds timeout() const { return std::chrono::milliseconds(options_.timeout_ms); }

  void run() {
    loop_.restart();
    loop_.run();
  }

  static Status failure(const std::string& what, const ErrorInfo& error, ErrorCode code) {
    return {error == beast::error::timeout ? ErrorCode::kTimeout : code, what + ": " + error.message()};
  }

  const HttpAddress& address_;
  const HttpClientOptions& options_;
  asio::io_context loop_{1};
  asio::ip::tcp::resolver resolver_;
  beast::tcp_stream stream_;
};

Status bad_address(std::string_view url, std::string_view why) {
  return invalid_argument("'" + std::string(url) + "' is no server address: " + std::string(why));
}

bool parse_port(std::string_view text, std::uint16_t& port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port != 0;
}

}  // namespace

Result<HttpAddress> parse_http_address(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (url.starts_with("https://")) return bad_address(url, "https is not supported yet");
  if (!url.starts_with(kScheme)) return bad_address(url, "it does not begin with http://");
  std::string_view rest = url.substr(kScheme.size());
  HttpAddress address;
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  address.path_prefix = rest.substr(slash);
  while (address.path_prefix.ends_with('/')) address.path_prefix.pop_back();
  for (const char c : rest) {
    if (c <= ' ' || c == 0x7f || c == '?' || c == '#' || c == '@') {
      return bad_address(url, "it is more than host, port and path");
    }
  }
  rest = rest.substr(0, slash);
  std::size_t host_end = rest.find(':');
  if (rest.starts_with('[')) {
    const std::size_t bracket = rest.find(']');
    if (bracket == std::string_view::npos) return bad_address(url, "a bracket is not closed");
    address.host = rest.substr(1, bracket - 1);
    host_end = bracket + 1;
  } else {
    host_end = std::min(host_end, rest.size());
    address.host = rest.substr(0, host_end);
  }
  if (address.host.empty()) return bad_address(url, "there is no host in it");
  rest = rest.substr(host_end);
  if (!rest.empty() && (rest.front() != ':' || !parse_port(rest.substr(1), address.port))) {
    return bad_address(url, "the port is not a number from 1 to 65535");
  }
  return address;
}

Result<HttpReply> post_json(const HttpAddress& address, std::string_view path, std::string_view json,
                            const HttpClientOptions& options) {
  Exchange exchange(address, options);
  VIBRATO_RETURN_IF_ERROR(exchange.connect());
  VIBRATO_RETURN_IF_ERROR(exchange.send(path, json));
  return exchange.receive();
}

}  // namespace vibrato::server
