// Where a request carries its key: "Authorization: Bearer <token>" or "x-api-key: <token>", never the query string.
#pragma once

#include <optional>
#include <string_view>

namespace vibrato::auth {

// The values of the two headers, each nothing if the request has no such header. If both are there, Authorization
// counts, whatever it holds.
struct Credentials {
  std::optional<std::string_view> authorization;
  std::optional<std::string_view> api_key;
};

// The text in the place of the token; nothing if the header that counts is no "Bearer <one word>" (the scheme in any
// letter case) or no single word. Requires: one of the two headers is there. Total, and does no look at the word.
[[nodiscard]] std::optional<std::string_view> presented_token(const Credentials& credentials);

}  // namespace vibrato::auth
