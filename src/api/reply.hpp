// What a handler answers. The object is reused from request to request, so that its buffers keep their capacity.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vibrato::api {

struct Reply {
  int status = 200;
  std::string_view content_type = kJson;  // Static storage.
  std::string body;
  std::vector<std::pair<std::string_view, std::string>> headers;  // Extra ones; names in static storage.
  std::string error_details;    // JSON object for the `details` of an error; empty for none.
  std::string_view error_code;  // Stands in the envelope in place of the status's code, unless empty. Static storage.

  static constexpr std::string_view kJson = "application/json";

  // Back to an empty 200, keeping the capacity of the buffers.
  void reset() {
    status = 200;
    content_type = kJson;
    body.clear();
    headers.clear();
    error_details.clear();
    error_code = {};
  }
};

}  // namespace vibrato::api
