// GET /v1/vector/{collection}/export: all points as ndjson, in id order, as of one moment; what it writes can be
// imported again.
//
// The points are written a piece at a time, by the threads for exports: the next piece is made when the one before has
// gone to the socket. A client that reads slowly holds two pieces, and the version of the collection that it reads.
// What goes wrong on the way is a last line with the error, and the connection ends without the end of the body.
#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "api/api_context.hpp"
#include "api/errors.hpp"
#include "api/json_writer.hpp"
#include "api/media_type.hpp"
#include "api/point_fields.hpp"
#include "api/point_json.hpp"
#include "api/read_call.hpp"
#include "base/limits.hpp"
#include "vector/ordered_points.hpp"

namespace vibrato::api {
namespace {

class Export : public std::enable_shared_from_this<Export> {
 public:
  Export(ContextPtr context, const Request& request, ResponderPtr responder)
      : context_(std::move(context)),
        collection_(request.path_parameter("collection")),
        request_id_(request.request_id),
        is_head_(request.method == Method::kHead),
        responder_(std::move(responder)) {}
  ~Export() { end_count(); }
  Export(const Export&) = delete;
  Export& operator=(const Export&) = delete;

  // Errors: kOverloaded past limits::kExportsMax.
  Status count() {
    is_counted_ = true;
    return context_->exports->fetch_add(1) < limits::kExportsMax
               ? ok_status()
               : Status(ErrorCode::kOverloaded, "too many exports are running; try again when one has ended");
  }

  // The first piece, and all that can go wrong before it.
  void begin() {
    Status status = open();
    std::string piece;
    if (status.ok()) {
      status = write_piece(piece);
    }
    const ResponderPtr responder = std::exchange(responder_, nullptr);
    if (!status.ok()) {
      end_count();
      responder->answer(as_unavailable_if_damaged(status), Reply());
      return;
    }
    Reply reply;
    reply.content_type = kNdjson;
    stream_ = responder->begin_stream(std::move(reply));
    send(std::move(piece));
  }

 private:
  // Before its end is told: whoever knows of it may begin the next one.
  void end_count() {
    if (std::exchange(is_counted_, false)) context_->exports->fetch_sub(1);
  }

  Status open() {
    VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, find_collection(*context_, collection_));
    VIBRATO_ASSIGN_OR_RETURN(points_, vector::OrderedPoints::open(*collection));
    return ok_status();
  }

  Status write_piece(std::string& piece) {
    while (!has_ended_ && !is_head_ && piece.size() < limits::kStreamPieceBytes) {
      VIBRATO_ASSIGN_OR_RETURN(const auto point, points_->next());
      has_ended_ = !point.has_value();
      if (has_ended_) {
        break;
      }
      JsonWriter json(piece);
      json.begin_object();
      json.key("id");
      write_id(point->id, json);
      VIBRATO_RETURN_IF_ERROR(write_parts(*point->segment, point->row, {.meta = true, .vector = true}, json));
      json.end_object();
      piece += '\n';
    }
    return ok_status();
  }

  void send(std::string piece) {
    if (!stream_->write(std::move(piece)) || is_head_) {
      return;
    }
    if (has_ended_) {
      end_count();
      stream_->finish();
      return;
    }
    stream_->when_room([self = shared_from_this()] {
      // A step an export at a time: the queue has room for all. Once the threads have stopped it ends here.
      static_cast<void>(self->context_->database.exports().submit([self] { self->go_on(); }));
    });
  }

  void go_on() {
    std::string piece;
    if (const Status status = write_piece(piece); !status.ok()) {
      Reply reply;
      write_error(as_unavailable_if_damaged(status), ErrorStyle::kNative, request_id_, reply);
      stream_->write(piece + reply.body + "\n");
      end_count();
      stream_->cut_off();
      return;
    }
    send(std::move(piece));
  }

  const ContextPtr context_;
  const std::string collection_;
  const std::string request_id_;
  const bool is_head_;
  bool is_counted_ = false;
  bool has_ended_ = false;
  ResponderPtr responder_;  // Until the stream has begun.
  ReplyStreamPtr stream_;
  std::unique_ptr<vector::OrderedPoints> points_;
};

Status start_export(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(const std::optional<Lsn> min_lsn, min_lsn_of(request));
  const auto running = std::make_shared<Export>(context, request, responder);
  VIBRATO_RETURN_IF_ERROR(running->count());
  auto work = [running] { running->begin(); };
  if (!min_lsn.has_value() || *min_lsn <= context->database.visible_lsn()) {
    return context->database.exports().submit(std::move(work));
  }
  run_when_visible(context, *min_lsn, responder, std::move(work));
  return ok_status();
}

}  // namespace

void add_export_route(const ContextPtr& context, RouteTable& table) {
  table.add({.pattern = "/v1/vector/{collection}/export",
             .role = Role::kQuery,
             .reach = Reach::kOneCollection,
             .known_query_parameters = {{std::string(kMinLsnParameter)}},
             .check_query = check_read_parameters,
             .async_handler = [context](const Request& request, const ResponderPtr& responder) {
               return start_export(context, request, responder);
             }});
}

}  // namespace vibrato::api
