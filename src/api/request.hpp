// A request as handlers see it: routed, its path and query decoded, its body whole in memory. No sockets here.
//
// All views point into storage that the caller of a handler keeps for the length of the call; a handler that
// needs them longer copies them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/streams.hpp"

namespace vibrato::api {

enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kOther };

// "GET", "POST", ...; kOther is "OTHER".
[[nodiscard]] std::string_view to_string(Method method);

struct HeaderField {
  std::string_view name;  // As the client wrote it; names compare without regard to case.
  std::string_view value;
};

// A name and its value, both percent-decoded once.
struct Parameter {
  std::string name;
  std::string value;
};

// JSON parsers read whole blocks: this many bytes behind the end of a body are readable, whatever they hold.
inline constexpr std::size_t kBodyPadding = 64;

struct Request {
  Method method = Method::kOther;
  std::string_view path;  // Raw, without the query.
  std::string_view request_id;
  std::string_view client_address;        // Of the peer, without a port; empty where there is no socket.
  std::shared_ptr<const void> principal;  // What the authorizer found out; null on public routes.
  std::span<const HeaderField> headers;
  std::span<const Parameter> path_parameters;   // Of the pattern's {names}, in order.
  std::span<const Parameter> query_parameters;  // In the order of the query string.
  std::string_view body;                        // Followed by kBodyPadding readable bytes.
  BodyStreamPtr body_stream;                    // In place of it, on routes that take their body so.

  // The value of the first header called `name` (any case); nullopt if there is none.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
  // The value of path parameter `name`. Requires: the route's pattern has it.
  [[nodiscard]] std::string_view path_parameter(std::string_view name) const;
  // The value of the first query parameter called `name`; nullopt if there is none.
  [[nodiscard]] std::optional<std::string_view> query_parameter(std::string_view name) const;
};

// True if two ASCII texts are equal without regard to case.
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b);

}  // namespace vibrato::api
