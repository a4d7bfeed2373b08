// The one table of routes: what a server answers, with which role, up to which body size, by which handler.
//
// A pattern is a path whose segments are literal or `{name}`; a name takes exactly one non-empty segment, decoded
// once. Literal patterns win over patterns with names, and those over ones that were added later, among the routes that
// answer the method: POST /c/find and GET /c/{id} may stand beside each other. A table is filled before the server
// starts and constant afterwards: matching may then happen from many threads at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/status.hpp>

#include "api/errors.hpp"
#include "api/reply.hpp"
#include "api/request.hpp"
#include "api/responder.hpp"
#include "base/limits.hpp"

namespace vibrato::api {

enum class Role : std::uint8_t { kPublic, kQuery, kIngest, kAdmin };

// How far a route reaches, for keys that are limited to collections (as auth::Reach).
enum class Reach : std::uint8_t { kWholeDatabase, kVisibleCollections, kOneCollection };

enum class BodyKind : std::uint8_t {
  kNone,    // A body is read and ignored.
  kJson,    // Needs Content-Type: application/json.
  kStream,  // Comes as Request::body_stream, of any size; the handler begins before it has arrived, and has no
            // deadline.
};

// Fills `reply`, or returns the error that the server puts into the envelope of the request's surface.
// Called on I/O threads, many at once; must not block.
using Handler = std::function<Status(const Request& request, Reply& reply)>;
// The same, answering now or later. The request and all it views are gone when the call returns: what is needed later
// is copied. An error that is returned is answered by the server, and the responder is dropped.
using AsyncHandler = std::function<Status(const Request& request, ResponderPtr responder)>;
// Looks at the values of the query parameters, which come before the media type in the order of checks.
using QueryCheck = std::function<Status(const Request& request)>;

struct Route {
  Method method = Method::kGet;
  std::string pattern = {};
  Role role = Role::kPublic;
  Reach reach = Reach::kWholeDatabase;
  std::string collection = {};  // With kOneCollection: which; empty: the value of the pattern's first name.
  BodyKind body = BodyKind::kNone;
  std::size_t body_bytes_max = limits::kBodyBytesDefault;
  // A write whose answer is kept under no Idempotency-Key refuses one: who sends it counts on doing things once.
  bool refuses_idempotency_key = false;
  // Its streamed answer ends when the client goes or the server stops. A client that ends its side of the connection
  // has gone: else nobody would know as long as there is nothing to write.
  bool has_endless_answer = false;
  // The query parameters it knows; others are `unknown_field`, and each may come once. nullopt: others are ignored, and
  // of one that comes twice the first counts.
  std::optional<std::vector<std::string>> known_query_parameters = std::nullopt;
  QueryCheck check_query = {};
  Handler handler = {};
  AsyncHandler async_handler = {};  // One of the two.
  std::string label = {};           // Method and pattern, for the audit. Set by RouteTable::add.
};

// Whose errors look how: `serve` speaks kServe on every path; the database speaks kV2 under /v2 and kNative elsewhere.
enum class Surface : std::uint8_t { kServe, kDatabase };

struct RouteMatch {
  const Route* route = nullptr;       // Null: `error` says why.
  std::vector<Parameter> parameters;  // Values of the pattern's names.
  Status error;                       // kNotFound, kMethodNotAllowed, kInvalidArgument (garbled percent-encoding).
  std::string allow;                  // With kMethodNotAllowed: the value of the Allow header.
};

inline constexpr std::string_view kIdempotencyHeader = "Idempotency-Key";

// Decides by key and role before a body is read: ok, kUnauthenticated, kForbidden, or kInternal when it cannot tell.
// Sets the principal of the request; with an error it may set error_code and error_details of the reply.
using Authorizer = std::function<Status(Request& request, const Route& route, Reply& reply)>;

class RouteTable {
 public:
  explicit RouteTable(Surface surface) : surface_(surface) {}

  // Requires: the pattern starts with '/', and method and pattern are not in the table yet.
  void add(Route route);
  void set_authorizer(Authorizer authorizer) { authorizer_ = std::move(authorizer); }
  // Asked for every 503, on the thread that answers. Without it all are brief.
  void set_outage(std::function<Outage()> outage) { outage_ = std::move(outage); }

  // Finds the route of a raw path (without query). HEAD is answered by GET routes.
  // `match` is reset first; its buffers are reused.
  void match(Method method, std::string_view path, RouteMatch& match) const;

  // Headers that come twice, then key and role. Checked before the body is read, as is check_form().
  [[nodiscard]] Status authorize(Request& request, const Route& route, Reply& reply) const;
  // Query parameters, an Idempotency-Key that would not be kept, then encoding and media type of the body.
  [[nodiscard]] Status check_form(const Request& request, const Route& route) const;

  // The envelope of errors on `path`.
  [[nodiscard]] ErrorStyle error_style(std::string_view path) const;
  // Makes `reply` the answer for an error on `path`. Requires: !status.ok().
  void write_error(const Status& status, std::string_view path, std::string_view request_id, Reply& reply) const;

  // Every route: literal patterns first, then those with names, in the order of adding.
  [[nodiscard]] std::vector<const Route*> routes() const;

 private:
  struct Pattern {
    std::string front;                  // As far as its first name: most paths are told apart by it.
    std::vector<std::string> segments;  // A name keeps its braces.
    std::vector<Route> routes;          // One a method.
  };

  // Null, and what they answer added to the Allow of the match, if none of them answers the method.
  [[nodiscard]] static const Route* choose(const std::vector<Route>& routes, Method method, RouteMatch& match);

  Surface surface_;
  std::map<std::string, std::vector<Route>, std::less<>> literal_;
  std::vector<Pattern> patterns_;
  Authorizer authorizer_;
  std::function<Outage()> outage_;
};

}  // namespace vibrato::api
