// Events: the stream of all changes, from any place in the log, and the users' own events.
//
// A stream holds no thread: the hub writes what there is, and the connection sends it. Its answer has no end of its
// own; it ends when the client goes, when the server stops, or when the log cannot be read any further.
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/api_context.hpp"
#include "api/caller.hpp"
#include "api/json_body.hpp"
#include "api/json_fields.hpp"
#include "api/query_numbers.hpp"
#include "api/write_call.hpp"
#include "auth/lasting_access.hpp"
#include "base/limits.hpp"
#include "events/event_hub.hpp"
#include "events/event_model.hpp"
#include "io/safe_path.hpp"

namespace vibrato::api {
namespace {

constexpr std::string_view kEventStream = "text/event-stream";
constexpr std::string_view kLastEventId = "Last-Event-ID";
constexpr std::string_view kSince = "since";
constexpr std::string_view kTypes = "types";
constexpr std::string_view kCollection = "collection";

// Ends the stream when its key is no longer good. It is asked to write once a second, if nothing but an empty text.
class ReplySink final : public events::EventSink {
 public:
  ReplySink(ReplyStreamPtr stream, auth::LastingAccess access, const Clock& clock)
      : stream_(std::move(stream)), access_(std::move(access)), clock_(clock) {}

  bool write(std::string&& text) override {
    if (!access_.holds(clock_.now_ms())) {
      stream_->finish();
      return false;
    }
    return stream_->write(std::move(text));
  }
  void when_room(std::function<void()> then) override { stream_->when_room(std::move(then)); }
  void finish() override { stream_->finish(); }
  void cut_off() override { stream_->cut_off(); }

 private:
  const ReplyStreamPtr stream_;
  auth::LastingAccess access_;
  const Clock& clock_;
};

// Names between commas, without the spaces around them. A filter without a name is none, and must not show all.
Result<std::vector<std::string>> read_types(std::string_view text) {
  std::vector<std::string> types;
  for (bool is_last = false; !is_last;) {
    const std::size_t comma = text.find(',');
    std::string_view type = text.substr(0, comma);
    is_last = comma == std::string_view::npos;
    text.remove_prefix(is_last ? text.size() : comma + 1);
    while (type.starts_with(' ')) type.remove_prefix(1);
    while (type.ends_with(' ')) type.remove_suffix(1);
    if (type.empty()) {
      return invalid_argument("query parameter types: has an empty name; leave the parameter out for all types");
    }
    types.emplace_back(type);
  }
  if (types.size() > limits::kEventTypesMax) {
    return invalid_argument(
        fmt::format("query parameter types: {} of them, at most {} are allowed", types.size(), limits::kEventTypesMax));
  }
  return types;
}

// `prefix` is the name of the parameter. What the caller may see is not in it.
Result<events::EventFilter> read_filter(const Request& request, std::string_view prefix) {
  events::EventFilter filter;
  if (const auto types = request.query_parameter(kTypes); types.has_value()) {
    VIBRATO_ASSIGN_OR_RETURN(filter.types, read_types(*types));
  }
  if (const auto text = request.query_parameter(prefix); text.has_value() && !text->empty()) {
    if (text->size() > limits::kStateKeyBytesMax) {
      return invalid_argument(fmt::format("query parameter {}: {} bytes, at most {} are allowed", prefix, text->size(),
                                          limits::kStateKeyBytesMax));
    }
    filter.key_prefix = *text;
  }
  if (const auto name = request.query_parameter(kCollection); name.has_value()) {
    VIBRATO_RETURN_IF_ERROR(io::check_name(*name).with_context("query parameter collection"));
    filter.collection = *name;
  }
  return filter;
}

Result<Lsn> read_since(const Request& request) {
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t since, query_number(request, kSince, 0, Lsn::max().value(), 0));
  const std::optional<std::uint64_t> last = parse_whole(request.header(kLastEventId).value_or(""));
  return Lsn(last.value_or(since));
}

Status open_stream(const ContextPtr& context, const Request& request, std::string_view prefix,
                   const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(events::EventFilter filter, read_filter(request, prefix));
  VIBRATO_ASSIGN_OR_RETURN(const Lsn since, read_since(request));
  const auth::Principal* const principal = principal_of(request);
  if (principal != nullptr && !principal->scope.is_everything()) {
    if (filter.collection.has_value() && !principal->scope.allows(*filter.collection)) {
      return {ErrorCode::kForbidden,
              fmt::format("this key may not use the collection '{}'; use a key that covers it", *filter.collection)};
    }
    const std::vector<std::string>& names = principal->scope.collections();
    filter.visible_collections.emplace(names.begin(), names.end());
  }
  auth::LastingAccess access = context->database.guard().lasting(shared_principal_of(request));
  VIBRATO_RETURN_IF_ERROR(auth::to_status(access.check(context->clock.now_ms())));
  VIBRATO_RETURN_IF_ERROR(context->database.check_readable());
  VIBRATO_ASSIGN_OR_RETURN(events::AdmissionPtr admission, context->database.events().admit());
  Reply reply;
  reply.content_type = kEventStream;
  reply.headers.emplace_back("cache-control", "no-cache");
  ReplyStreamPtr stream = responder->begin_stream(std::move(reply));
  if (request.method != Method::kHead) {
    context->database.events().subscribe(
        std::move(admission), since, std::move(filter),
        std::make_unique<ReplySink>(std::move(stream), std::move(access), context->clock));
  }
  return ok_status();
}

void add_stream_route(const ContextPtr& context, std::string pattern, std::string_view prefix, RouteTable& table) {
  table.add({.pattern = std::move(pattern),
             .role = Role::kQuery,
             .reach = Reach::kVisibleCollections,
             .has_endless_answer = true,
             .known_query_parameters = {{std::string(kSince), std::string(kTypes), std::string(prefix),
                                         std::string(kCollection)}},
             .check_query = [prefix](const Request& request) -> Status {
               VIBRATO_RETURN_IF_ERROR(read_since(request).status());
               return read_filter(request, prefix).status();
             },
             .async_handler =
                 [context, prefix](const Request& request, const ResponderPtr& responder) {
                   return open_stream(context, request, prefix, responder);
                 }});
}

struct EventInput {
  std::string type;
  std::string data_json;
};

Result<EventInput> read_event(simdjson::dom::object object) {
  std::array<Field, 2> fields{{{"type"}, {"data"}}};
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, fields));
  const auto& [type, data] = fields;
  if (!type.is_there()) {
    return missing_field("type", "a string");
  }
  if (!data.came) {
    return missing_field("data", "any JSON");
  }
  EventInput input;
  VIBRATO_ASSIGN_OR_RETURN(const std::string_view text, read_string(*type.value, "type"));
  input.type = text;
  input.data_json = data.is_there() ? simdjson::minify(*data.value) : "null";
  return input;
}

Status append_event(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(const EventInput input, read_json_object(request.body, read_event));
  const auto outcome = std::make_shared<events::AppendOutcome>();
  VIBRATO_ASSIGN_OR_RETURN(auto write, events::make_append(input.type, input.data_json, outcome));
  return submit_write(context, request, responder,
                      {.write = std::move(write), .make_answer = [outcome](Lsn /*last_lsn*/) {
                         return fmt::format(R"({{"offset":{})", outcome->offset.value());
                       }});
}

}  // namespace

void add_event_routes(const ContextPtr& context, RouteTable& table) {
  add_stream_route(context, "/v1/stream", "key_prefix", table);
  add_stream_route(context, "/v1/events", "prefix", table);
  Route append =
      make_write_route(context, "/v1/events", [context](const Request& request, const ResponderPtr& responder) {
        return append_event(context, request, responder);
      });
  append.reach = Reach::kWholeDatabase;
  table.add(std::move(append));
}

}  // namespace vibrato::api
