#include "server/message_parser.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <charconv>
#include <limits>
#include <optional>
#include <vibrato/check.hpp>

namespace vibrato::server {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using BeastView = boost::beast::string_view;

std::string_view to_std(BeastView text) {
  return {text.data(), text.size()};
}

api::Method to_method(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return api::Method::kGet;
    case http::verb::head:
      return api::Method::kHead;
    case http::verb::post:
      return api::Method::kPost;
    case http::verb::put:
      return api::Method::kPut;
    case http::verb::patch:
      return api::Method::kPatch;
    case http::verb::delete_:
      return api::Method::kDelete;
    case http::verb::options:
      return api::Method::kOptions;
    default:
      return api::Method::kOther;
  }
}

Status malformed(std::string_view what) {
  return invalid_argument("malformed HTTP request: " + std::string(what));
}

// What Beast lets pass of the fields that frame a message is counted here.
struct Framing {
  int hosts = 0;
  int content_lengths = 0;
  int transfer_encodings = 0;
  bool bad_content_length = false;
  bool bad_transfer_encoding = false;

  [[nodiscard]] Status check(bool is_http_1_1) const {
    if (content_lengths > 1) return malformed("more than one Content-Length");
    if (bad_content_length) return malformed("Content-Length is not a number of bytes");
    if (content_lengths > 0 && transfer_encodings > 0) return malformed("Content-Length beside Transfer-Encoding");
    if (transfer_encodings > 1 || bad_transfer_encoding) return malformed("Transfer-Encoding is not 'chunked'");
    if (transfer_encodings > 0 && !is_http_1_1) return malformed("Transfer-Encoding in HTTP/1.0");
    if (hosts > 1 || (hosts == 0 && is_http_1_1)) return malformed("exactly one Host header is needed");
    return ok_status();
  }
};

// Beast calls the on_*_impl functions while it parses.
class RequestParser final : public http::basic_parser<true> {
 public:
  RequestParser() {
    // The head is whole and within its cap when it comes here, and body caps are the exchange's.
    header_limit(std::numeric_limits<std::uint32_t>::max());
    body_limit(boost::none);
  }

  RequestHead* head = nullptr;
  Framing framing;
  std::string* body = nullptr;
  std::size_t body_bytes_max = 0;

 private:
  void on_request_impl(http::verb verb, BeastView /*method*/, BeastView target, int version,
                       error_code& /*ec*/) override {
    head->method = to_method(verb);
    head->target = to_std(target);
    head->is_http_1_1 = version == 11;
  }

  void on_field_impl(http::field field, BeastView name, BeastView value, error_code& /*ec*/) override {
    if (head == nullptr) {
      return;  // Trailers of a chunked body are read and dropped.
    }
    const std::string_view text = to_std(value);
    head->fields.push_back({to_std(name), text});
    if (field == http::field::content_length) {
      ++framing.content_lengths;
      const auto parsed = std::from_chars(text.data(), text.data() + text.size(), head->content_length);
      framing.bad_content_length |= text.empty() || parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size();
    } else if (field == http::field::transfer_encoding) {
      ++framing.transfer_encodings;
      head->is_chunked = api::equals_ignoring_case(text, "chunked");
      framing.bad_transfer_encoding |= !head->is_chunked;
    } else if (field == http::field::host) {
      ++framing.hosts;
    } else if (field == http::field::expect) {
      head->expects_continue = api::equals_ignoring_case(text, "100-continue");
    }
  }

  std::size_t on_chunk_body_impl(std::uint64_t /*remain*/, BeastView piece, error_code& ec) override {
    if (piece.size() > body_bytes_max - body->size()) {
      ec = http::error::body_limit;
      return 0;
    }
    body->append(piece.data(), piece.size());
    return piece.size();
  }

  void on_response_impl(int /*code*/, BeastView /*reason*/, int /*version*/, error_code& /*ec*/) override {}
  void on_header_impl(error_code& /*ec*/) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& /*length*/, error_code& /*ec*/) override {}
  std::size_t on_body_impl(BeastView piece, error_code& /*ec*/) override { return piece.size(); }
  void on_chunk_header_impl(std::uint64_t /*size*/, BeastView /*extensions*/, error_code& /*ec*/) override {}
  void on_finish_impl(error_code& /*ec*/) override {}
};

}  // namespace

// A Beast parser serves one message: a fresh one for each, in the same place.
class MessageParser::Beast {
 public:
  std::optional<RequestParser> parser;
};

MessageParser::MessageParser() : beast_(std::make_unique<Beast>()) {}
MessageParser::~MessageParser() = default;

Status MessageParser::parse_head(std::string_view text, RequestHead& head) {
  head.fields.clear();
  head.is_chunked = false;
  head.expects_continue = false;
  head.content_length = 0;
  RequestParser& parser = beast_->parser.emplace();
  parser.head = &head;
  error_code error;
  parser.put(boost::asio::buffer(text.data(), text.size()), error);
  parser.head = nullptr;
  if (error || !parser.is_header_done()) {
    return malformed(error ? error.message() : "the head is cut short");
  }
  VIBRATO_RETURN_IF_ERROR(parser.framing.check(head.is_http_1_1));
  head.keep_alive = parser.keep_alive();
  return ok_status();
}

Result<MessageParser::ChunkProgress> MessageParser::decode_chunks(std::string_view bytes, std::size_t body_bytes_max,
                                                                  std::string& body) {
  VIBRATO_CHECK(beast_->parser.has_value());
  RequestParser& parser = *beast_->parser;
  parser.body = &body;
  parser.body_bytes_max = body_bytes_max;
  ChunkProgress progress;
  while (!parser.is_done() && progress.consumed < bytes.size()) {
    error_code error;
    const std::string_view rest = bytes.substr(progress.consumed);
    progress.consumed += parser.put(boost::asio::buffer(rest.data(), rest.size()), error);
    if (error == http::error::need_more) {
      break;
    }
    if (error == http::error::body_limit) {
      return Status(ErrorCode::kPayloadTooLarge, "the body is larger than this route takes");
    }
    if (error) {
      return malformed(error.message());
    }
  }
  progress.done = parser.is_done();
  return progress;
}

}  // namespace vibrato::server
