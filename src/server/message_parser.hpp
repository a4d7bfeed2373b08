// Bytes of a request -> its head, and the decoding of chunked bodies, by Beast's parser (hidden in the body), with the
// rules against request smuggling on top: one Content-Length of digits only, never together with Transfer-Encoding,
// which is `chunked` alone and HTTP/1.1 only; one Host on HTTP/1.1. Whatever breaks them is an error, never repaired.
// Source: RFC 9112, sections 3.2, 6.1 to 6.3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "api/request.hpp"

namespace vibrato::server {

// Views point into the text that was parsed.
struct RequestHead {
  api::Method method = api::Method::kOther;
  std::string_view target;
  bool is_http_1_1 = true;
  bool keep_alive = true;
  bool is_chunked = false;
  bool expects_continue = false;
  std::uint64_t content_length = 0;
  std::vector<api::HeaderField> fields;
};

// Not thread-safe; one parser a connection.
class MessageParser {
 public:
  MessageParser();
  ~MessageParser();

  // Parses a whole head, its empty last line included, into `head`, whose buffers are reused.
  // Errors: kInvalidArgument.
  Status parse_head(std::string_view text, RequestHead& head);

  struct ChunkProgress {
    std::size_t consumed = 0;  // Bytes not to be given again.
    bool done = false;
  };
  // Decodes what follows a chunked head. What was not consumed comes again with more behind it.
  // Appends to `body`, at most until it holds `body_bytes_max`.
  // Errors: kInvalidArgument (not chunked coding), kPayloadTooLarge. Requires: the head said `chunked`.
  Result<ChunkProgress> decode_chunks(std::string_view bytes, std::size_t body_bytes_max, std::string& body);

 private:
  class Beast;
  std::unique_ptr<Beast> beast_;
};

}  // namespace vibrato::server
