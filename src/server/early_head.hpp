// What can be told of a request whose head never became whole, or is malformed: enough to answer its error in the
// envelope of its surface, to the page that sent it, under the id that it gave. Nothing is routed or allowed by this.
// Pure and total; for the exchange.
#pragma once

#include <string_view>
#include <vector>

#include "api/request.hpp"

namespace vibrato::server {

// Views point into the text that was looked at.
struct EarlyHead {
  api::Method method = api::Method::kOther;
  std::string_view target;  // As far as it has come; empty if the first line is no request line.
};

// `text` begins with a head and may end anywhere. Replaces `fields` by those header lines that are whole.
[[nodiscard]] EarlyHead read_early_head(std::string_view text, std::vector<api::HeaderField>& fields);

}  // namespace vibrato::server
