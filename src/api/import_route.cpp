// POST /v1/vector/{collection}/import: points as they arrive, as ndjson, fvecs or npy, in a body of any size.
//
// A thread of its own reads the body, checks every row and hands it to the import, which builds segments; at the end
// all of it counts at once, or nothing does. The answer begins with the first line that tells how far it is, a second
// after the first byte at the earliest: what fails before that is an error as on any route. Afterwards it is the last
// line.
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "api/api_context.hpp"
#include "api/errors.hpp"
#include "api/import_rows.hpp"
#include "api/json_writer.hpp"
#include "api/media_type.hpp"
#include "api/query_numbers.hpp"
#include "api/read_call.hpp"

namespace vibrato::api {
namespace {

constexpr std::string_view kBytes = "application/octet-stream";
constexpr std::string_view kFirstId = "first_id";
constexpr std::int64_t kProgressNs = 1'000'000'000;

Status check_import_parameters(const Request& request) {
  constexpr std::uint64_t kMax = ~std::uint64_t{0};
  VIBRATO_RETURN_IF_ERROR(query_number(request, kFirstId, 0, kMax, 0).status());
  const std::string_view type = request.header("Content-Type").value_or("");
  if (is_media_type(type, kNdjson)) {
    return request.query_parameter(kFirstId).has_value()
               ? invalid_argument("query parameter first_id numbers the rows of fvecs and npy; lines have ids")
               : ok_status();
  }
  return is_media_type(type, kBytes)
             ? ok_status()
             : Status(ErrorCode::kUnsupportedMediaType,
                      "the body must come with Content-Type: application/x-ndjson (a point a line), or "
                      "application/octet-stream (fvecs or npy)");
}

class RunningImport : public std::enable_shared_from_this<RunningImport> {
 public:
  RunningImport(ContextPtr context, const Request& request, ResponderPtr responder, vector::CollectionPtr collection)
      : context_(std::move(context)),
        collection_(std::move(collection)),
        body_(request.body_stream),
        request_id_(request.request_id),
        is_ndjson_(is_media_type(request.header("Content-Type").value_or(""), kNdjson)),
        responder_(std::move(responder)) {
    const auto first_id = query_number(request, kFirstId, 0, ~std::uint64_t{0}, 0);
    first_id_ = first_id.ok() ? *first_id : 0;
  }

  // Answers what makes the answer.
  std::function<void()> run(vector::Import& import) {
    import_ = &import;
    next_progress_ns_ = context_->clock.monotonic_ns() + kProgressNs;
    Status status = read_body();
    commit::Committed done;
    if (status.ok()) {
      const auto committed = context_->database.commit_import(collection_, import);
      status = committed.status();
      done = committed.ok() ? *committed : done;
    }
    const std::uint64_t points = import.points();
    import_ = nullptr;
    if (status.ok()) {
      return [self = shared_from_this(), points, lsn = done.last_lsn] { self->answer(points, lsn); };
    }
    return [self = shared_from_this(), status] { self->answer_error(as_unavailable_if_damaged(status)); };
  }
  // As often as the work asks whether it goes on.
  Status keep_going() {
    tell_progress();
    return body_->check();
  }

 private:
  Status read_body() {
    const auto take = [this](vector::PointInput& point) { return import_->add(point); };
    const std::unique_ptr<ImportRows> rows = is_ndjson_ ? read_ndjson_rows(take) : read_binary_rows(first_id_, take);
    std::string bytes;
    while (true) {
      VIBRATO_RETURN_IF_ERROR(body_->read(bytes));
      if (bytes.empty()) {
        return rows->finish();
      }
      bytes_ += bytes.size();
      VIBRATO_RETURN_IF_ERROR(rows->take(bytes));
      tell_progress();
    }
  }

  // Not from several threads at once: the work asks by one thread at a time.
  void tell_progress() {
    const std::int64_t now_ns = context_->clock.monotonic_ns();
    if (now_ns < next_progress_ns_ || import_ == nullptr) {
      return;
    }
    next_progress_ns_ = now_ns + kProgressNs;
    std::string line;
    JsonWriter json(line);
    json.begin_object();
    json.key("rows");
    json.number(import_->rows());
    json.key("indexed");
    json.number(import_->indexed());
    json.key("bytes");
    json.number(bytes_);
    json.end_object();
    send(std::move(line));
  }

  void answer(std::uint64_t points, Lsn lsn) {
    std::string line;
    JsonWriter json(line);
    json.begin_object();
    json.key("imported");
    json.number(points);
    if (lsn != Lsn()) {
      json.key("lsn");
      json.number(lsn.value());
    }
    json.end_object();
    context_->metrics.ingested.add(points);
    send(std::move(line));
    stream_->finish();
  }

  void answer_error(const Status& status) {
    if (stream_ == nullptr) {
      std::exchange(responder_, nullptr)->answer(status, Reply());
      return;
    }
    Reply reply;
    write_error(status, ErrorStyle::kNative, request_id_, reply);
    send(std::move(reply.body));
    stream_->finish();
  }

  void send(std::string line) {
    if (stream_ == nullptr) {
      Reply reply;
      reply.content_type = kNdjson;
      stream_ = std::exchange(responder_, nullptr)->begin_stream(std::move(reply));
    }
    stream_->write(std::move(line) + '\n');
  }

  const ContextPtr context_;
  const vector::CollectionPtr collection_;
  const BodyStreamPtr body_;
  const std::string request_id_;
  const bool is_ndjson_;
  std::uint64_t first_id_ = 0;
  ResponderPtr responder_;  // Until the answer has begun.
  ReplyStreamPtr stream_;
  vector::Import* import_ = nullptr;
  std::uint64_t bytes_ = 0;
  std::int64_t next_progress_ns_ = 0;
};

Status start_import(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection,
                           find_collection(*context, request.path_parameter("collection")));
  const auto running = std::make_shared<RunningImport>(context, request, responder, collection);
  return as_unavailable_if_damaged(context->database.start_import(
      collection, [running] { return running->keep_going(); },
      [running](vector::Import& import) { return running->run(import); }));
}

}  // namespace

void add_import_route(const ContextPtr& context, RouteTable& table) {
  table.add({.method = Method::kPost,
             .pattern = "/v1/vector/{collection}/import",
             .role = Role::kIngest,
             .reach = Reach::kOneCollection,
             .body = BodyKind::kStream,
             .body_bytes_max = std::string::npos,
             .refuses_idempotency_key = true,
             .known_query_parameters = {{std::string(kFirstId)}},
             .check_query = check_import_parameters,
             .async_handler = [context](const Request& request, const ResponderPtr& responder) {
               return start_import(context, request, responder);
             }});
}

}  // namespace vibrato::api
