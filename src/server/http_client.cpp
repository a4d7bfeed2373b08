#include "server/http_client.hpp"

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <chrono>
#include <optional>
#include <utility>

namespace vibrato::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using ErrorInfo = boost::system::error_code;

constexpr std::size_t kPieceBytes = 64 * limits::kKiB;

std::string authority_of(const HttpAddress& address) {
  const bool is_ipv6 = address.host.find(':') != std::string::npos;
  return (is_ipv6 ? '[' + address.host + ']' : address.host) + ':' + std::to_string(address.port);
}

Status failure(const std::string& what, const ErrorInfo& error, ErrorCode code) {
  return {error == beast::error::timeout ? ErrorCode::kTimeout : code, what + ": " + error.message()};
}

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; });
}

Status trust(ssl::context& context, const HttpClientOptions& options) {
  ErrorInfo error;
  context.set_verify_mode(ssl::verify_peer, error);
  if (options.ca_cert_pem.empty()) {
    context.set_default_verify_paths(error);
  } else {
    context.add_certificate_authority(asio::buffer(options.ca_cert_pem), error);
  }
  return error ? invalid_argument("the CA certificate is not one in PEM form: " + error.message()) : ok_status();
}

}  // namespace

// Each step starts an asynchronous operation and runs the loop until it ends, so that the stream's deadline holds:
// Asio's blocking calls know none.
class HttpClient::Impl {
 public:
  Impl(HttpAddress address, HttpClientOptions options)
      : address_(std::move(address)), options_(std::move(options)), resolver_(loop_) {}

  Result<HttpReply> request(api::Method method, std::string_view path, std::string_view json) {
    VIBRATO_RETURN_IF_ERROR(check_text(path));
    const bool is_reused = stream_.has_value();
    Result<HttpReply> reply = try_request(method, path, json);
    if (!is_reused || reply.ok() || has_answer_begun_ || reply.status().code() != ErrorCode::kIoError) return reply;
    disconnect();
    return try_request(method, path, json);
  }

  Result<HttpReply> stream(api::Method method, std::string_view path, const HttpUpload* upload, const TakePiece& take) {
    VIBRATO_RETURN_IF_ERROR(check_text(path));
    disconnect();
    VIBRATO_RETURN_IF_ERROR(connect());
    Status sent = send_stream(method, path, upload);
    // A server that says no does so before it has read everything: what it said counts.
    const bool may_answer = sent.ok() || sent.code() == ErrorCode::kIoError;
    Result<HttpReply> reply = may_answer ? receive_stream(take) : Result<HttpReply>(sent);
    disconnect();
    return reply.ok() || sent.ok() ? std::move(reply) : Result<HttpReply>(std::move(sent));
  }

 private:
  [[nodiscard]] Status check_text(std::string_view path) const {
    const bool is_bad = has_control_characters(options_.key) || has_control_characters(path) ||
                        std::any_of(options_.headers.begin(), options_.headers.end(),
                                    [](const auto& header) { return has_control_characters(header.second); });
    return is_bad ? invalid_argument("a key, a path or a header has blanks or control characters in it") : ok_status();
  }

  Status send_stream(api::Method method, std::string_view path, const HttpUpload* upload) {
    http::request<http::empty_body> request = head_of<http::empty_body>(method, path);
    if (upload != nullptr) {
      request.set(http::field::content_type, upload->content_type);
      request.chunked(true);
    }
    http::request_serializer<http::empty_body> serializer(request);
    ErrorInfo error;
    stream_->expires_after(timeout());
    with_stream([&](auto& stream) {
      http::async_write_header(stream, serializer, [&](ErrorInfo e, std::size_t) { error = e; });
      run();
    });
    std::string piece;
    while (upload != nullptr && !error) {
      VIBRATO_RETURN_IF_ERROR(upload->read(piece));
      const bool is_last = piece.empty();
      stream_->expires_after(timeout());
      with_stream([&](auto& stream) {
        const auto written = [&](ErrorInfo e, std::size_t) { error = e; };
        if (is_last) {
          asio::async_write(stream, http::make_chunk_last(), written);
        } else {
          asio::async_write(stream, http::make_chunk(asio::buffer(piece)), written);
        }
        run();
      });
      if (is_last) break;
    }
    return error ? failure("cannot send the request", error, ErrorCode::kIoError) : ok_status();
  }

  Result<HttpReply> receive_stream(const TakePiece& take) {
    http::response_parser<http::buffer_body> parser;
    parser.body_limit(boost::none);
    ErrorInfo error;
    const auto read = [&](const auto& start) {
      stream_->expires_after(timeout());
      with_stream([&](auto& stream) {
        start(stream, [&](ErrorInfo e, std::size_t) { error = e; });
        run();
      });
    };
    const auto broken = [&] {
      return failure("no valid answer from " + authority_of(address_), error, ErrorCode::kIoError);
    };
    read([&](auto& stream, auto done) { http::async_read_header(stream, received_, parser, done); });
    if (error) return broken();
    HttpReply reply{static_cast<int>(parser.get().result_int()), {}};
    const bool is_success = reply.status >= 200 && reply.status <= 299;
    if (is_success) VIBRATO_RETURN_IF_ERROR(take({}));
    std::string piece(kPieceBytes, '\0');
    while (!parser.is_done()) {
      parser.get().body().data = piece.data();
      parser.get().body().size = piece.size();
      parser.get().body().more = true;
      read([&](auto& stream, auto done) { http::async_read_some(stream, received_, parser, done); });
      if (error == http::error::need_buffer) error = {};
      if (error) return broken();
      const std::string_view bytes(piece.data(), piece.size() - parser.get().body().size);
      if (is_success) {
        VIBRATO_RETURN_IF_ERROR(take(bytes));
      } else if (reply.body.size() + bytes.size() <= options_.body_bytes_max) {
        reply.body += bytes;
      }
    }
    return reply;
  }

  template <typename Body>
  http::request<Body> head_of(api::Method method, std::string_view path) const {
    http::request<Body> request;
    request.method_string({to_string(method).data(), to_string(method).size()});
    request.target(address_.path_prefix + std::string(path));
    request.set(http::field::host, authority_of(address_));
    request.set(http::field::user_agent, "vibratod");
    if (!options_.key.empty()) request.set(http::field::authorization, "Bearer " + options_.key);
    for (const auto& [name, value] : options_.headers) request.set(name, value);
    return request;
  }

  Result<HttpReply> try_request(api::Method method, std::string_view path, std::string_view json) {
    has_answer_begun_ = false;
    if (!stream_.has_value()) VIBRATO_RETURN_IF_ERROR(connect());
    Result<HttpReply> reply = exchange(method, path, json);
    if (!reply.ok()) disconnect();
    return reply;
  }

  Result<HttpReply> exchange(api::Method method, std::string_view path, std::string_view json) {
    VIBRATO_RETURN_IF_ERROR(send(method, path, json));
    return receive();
  }

  void disconnect() {
    tls_.reset();
    stream_.reset();
    received_.clear();
  }

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
    loop_.restart();
    loop_.run_for(timeout());
    if (!resolved) {
      resolver_.cancel();
      run();
      return {ErrorCode::kTimeout, "looking up " + address_.host + " took too long"};
    }
    if (error) return failure("cannot look up " + address_.host, error, ErrorCode::kUnavailable);
    stream_.emplace(loop_);
    stream_->expires_after(timeout());
    stream_->async_connect(found, [&](ErrorInfo e, const auto&) { error = e; });
    run();
    Status status =
        error ? failure("cannot connect to " + authority_of(address_), error, ErrorCode::kUnavailable) : ok_status();
    if (status.ok()) stream_->socket().set_option(asio::ip::tcp::no_delay(true), error);
    if (status.ok() && address_.has_tls) status = begin_tls();
    if (!status.ok()) disconnect();
    return status;
  }

  Status begin_tls() {
    VIBRATO_RETURN_IF_ERROR(trust(trusted_, options_));
    tls_.emplace(*stream_, trusted_);
    ErrorInfo error;
    tls_->set_verify_callback(ssl::host_name_verification(address_.host), error);
    if (asio::ip::make_address(address_.host, error); error) {
      SSL_set_tlsext_host_name(tls_->native_handle(), address_.host.c_str());
    }
    stream_->expires_after(timeout());
    tls_->async_handshake(ssl::stream_base::client, [&](ErrorInfo e) { error = e; });
    run();
    return error ? failure("no TLS with " + authority_of(address_), error, ErrorCode::kInvalidArgument) : ok_status();
  }

  Status send(api::Method method, std::string_view path, std::string_view json) {
    http::request<http::string_body> request = head_of<http::string_body>(method, path);
    if (!json.empty()) request.set(http::field::content_type, "application/json");
    request.body().assign(json);
    request.prepare_payload();
    ErrorInfo error;
    stream_->expires_after(timeout());
    with_stream([&](auto& stream) {
      http::async_write(stream, request, [&](ErrorInfo e, std::size_t) { error = e; });
      run();
    });
    return error ? failure("cannot send the request", error, ErrorCode::kIoError) : ok_status();
  }

  Result<HttpReply> receive() {
    http::response_parser<http::string_body> parser;
    parser.body_limit(options_.body_bytes_max);
    ErrorInfo error;
    stream_->expires_after(timeout());
    with_stream([&](auto& stream) {
      http::async_read(stream, received_, parser, [&](ErrorInfo e, std::size_t) { error = e; });
      run();
    });
    has_answer_begun_ = parser.got_some();
    if (error) return failure("no valid answer from " + authority_of(address_), error, ErrorCode::kIoError);
    const bool goes_on = parser.get().keep_alive();
    const auto cursor = parser.get()["x-next-cursor"];
    HttpReply reply{static_cast<int>(parser.get().result_int()), std::move(parser.get().body()),
                    std::string(cursor.data(), cursor.size())};
    if (!goes_on) disconnect();
    return reply;
  }

  template <typename Use>
  void with_stream(const Use& use) {
    if (tls_.has_value()) {
      use(*tls_);
    } else {
      use(*stream_);
    }
  }

  [[nodiscard]] std::chrono::milliseconds timeout() const { return std::chrono::milliseconds(options_.timeout_ms); }

  void run() {
    constexpr std::chrono::milliseconds kLook{100};
    loop_.restart();
    while (options_.is_cancelled) {
      loop_.run_for(kLook);
      if (loop_.stopped()) return;
      if (options_.is_cancelled()) {
        if (stream_.has_value()) stream_->cancel();
        break;
      }
    }
    loop_.run();
  }

  HttpAddress address_;
  HttpClientOptions options_;
  asio::io_context loop_{1};
  asio::ip::tcp::resolver resolver_;
  ssl::context trusted_{ssl::context::tls_client};
  std::optional<beast::tcp_stream> stream_;  // Of the connection that is open.
  std::optional<ssl::stream<beast::tcp_stream&>> tls_;
  beast::flat_buffer received_;
  bool has_answer_begun_ = false;
};

HttpClient::HttpClient(HttpAddress address, HttpClientOptions options)
    : impl_(std::make_unique<Impl>(std::move(address), std::move(options))) {}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;

Result<HttpReply> HttpClient::request(api::Method method, std::string_view path, std::string_view json) {
  return impl_->request(method, path, json);
}

Result<HttpReply> HttpClient::stream(api::Method method, std::string_view path, const HttpUpload* upload,
                                     const TakePiece& take) {
  return impl_->stream(method, path, upload, take);
}

Result<HttpReply> post_json(const HttpAddress& address, std::string_view path, std::string_view json,
                            const HttpClientOptions& options) {
  return HttpClient(address, options).request(api::Method::kPost, path, json);
}

namespace {

Status bad_address(std::string_view url, std::string_view why) {
  return invalid_argument("'" + std::string(url) + "' is no server address: " + std::string(why));
}

bool parse_port(std::string_view text, std::uint16_t& port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port != 0;
}

}  // namespace

Result<HttpAddress> parse_http_address(std::string_view url) {
  HttpAddress address;
  address.has_tls = url.starts_with("https://");
  if (!address.has_tls && !url.starts_with("http://")) {
    return bad_address(url, "it does not begin with http:// or https://");
  }
  if (address.has_tls) address.port = 443;
  std::string_view rest = url.substr(url.find("//") + 2);
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

}  // namespace vibrato::server
