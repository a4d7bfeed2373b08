// The parts of a request target: path, query, percent-encoding. Pure text in, text out.
#pragma once

#include <string>
#include <string_view>
#include <vector>
#include <vibrato/status.hpp>

#include "api/request.hpp"

namespace vibrato::api {

struct Target {
  std::string_view path;   // Starts with '/', or is "*"; still encoded.
  std::string_view query;  // Without the '?'; still encoded.
};

// Splits a request target in origin form ("/a?b=c"), absolute form ("http://host/a?b=c") or asterisk form.
[[nodiscard]] Target split_target(std::string_view target);

// Decodes %XX once; with `plus_is_space` also '+'. False if an escape is cut short or not hexadecimal.
[[nodiscard]] bool percent_decode(std::string_view text, bool plus_is_space, std::string& decoded);

// Replaces `parameters` by the pairs of a query string. Empty pairs ("&&") are skipped, a name without '=' has an
// empty value. Errors: kInvalidArgument (garbled percent-encoding).
Status parse_query(std::string_view query, std::vector<Parameter>& parameters);

}  // namespace vibrato::api
