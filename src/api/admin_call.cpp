#include "api/admin_call.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "api/read_call.hpp"

namespace vibrato::api {
namespace {

// Stands in front of the server's responder: writes the audit row, then hands the answer on.
class AuditedResponder final : public Responder {
 public:
  AuditedResponder(ContextPtr context, auth::AuditEvent event, bool is_read, AuditRows rows, ResponderPtr next)
      : context_(std::move(context)),
        event_(std::move(event)),
        is_read_(is_read),
        rows_(rows),
        next_(std::move(next)) {}

  void answer(const Status& status, Reply&& reply) override {
    if (rows_ == AuditRows::kOfCall) {
      record(status.code(), reply);
    }
    flush_and_answer(status, std::move(reply));
  }
  // What the handler returned instead of answering.
  void refuse(const Status& status) {
    record(status.code(), Reply());
    flush_and_answer(status, Reply());
  }
  void flush_and_answer(const Status& status, Reply&& reply) {
    const auto waiting = std::make_shared<Reply>(std::move(reply));
    flush([status, waiting, next = next_, is_read = is_read_](const Status& flushed) {
      // What only reads is still answered when the catalog takes no rows any more.
      const bool hidden = status.ok() && !flushed.ok() && !is_read;
      next->answer(hidden ? flushed.with_context("done, but the audit row of it could not be written") : status,
                   std::move(*waiting));
    });
  }
  [[nodiscard]] ReplyStreamPtr begin_stream(Reply&& reply) override {
    record(ErrorCode::kOk, reply);
    return next_->begin_stream(std::move(reply));
  }
  [[nodiscard]] std::int64_t deadline_ns() const override { return next_->deadline_ns(); }
  void set_deadline_reply(Reply&& reply) override {
    const auto waiting = std::make_shared<Reply>(std::move(reply));
    record(ErrorCode::kOk, *waiting);
    flush([waiting, next = next_](const Status& flushed) {
      if (flushed.ok()) {
        next->set_deadline_reply(std::move(*waiting));
      }
    });
  }

 private:
  // One row for a call that goes as it began.
  void record(ErrorCode outcome, const Reply& reply) {
    const std::lock_guard lock(mutex_);
    if (recorded_ != outcome) {
      for (const auto& [name, value] : reply.headers) {
        if (name == "Location") {
          event_.target = value;
        }
      }
      recorded_ = outcome;
      event_.time_ms = context_->clock.now_ms();
      event_.outcome = outcome;
      context_->database.audit().record(event_);
    }
  }

  // On the query pool: it waits for the disk.
  void flush(std::function<void(const Status&)> then) {
    const auto work = [context = context_, then = std::move(then)] {
      const Status status = context->database.flush_audit();
      if (!status.ok()) {
        context->metrics.audit_failures.add();
      }
      then(status);
    };
    if (!run_on_pool(context_, work).ok()) {
      work();
    }
  }

  ContextPtr context_;
  std::mutex mutex_;  // A job may end while its start is being told.
  auth::AuditEvent event_;
  std::optional<ErrorCode> recorded_;
  bool is_read_;
  AuditRows rows_;
  ResponderPtr next_;
};

// Names, job ids and key ids of the path. They are decoded text of the client: the audit takes what names may hold.
std::string audit_target(const Request& request) {
  std::string target;
  for (const Parameter& parameter : request.path_parameters) {
    for (const char c : parameter.value.substr(0, 64)) {
      target += c > ' ' && c < 0x7F ? c : '?';
    }
  }
  return target;
}

}  // namespace

AsyncHandler audited(const ContextPtr& context, const Route& route, AsyncHandler handler, AuditRows rows) {
  const std::string action = std::string(to_string(route.method)) + ' ' + route.pattern;
  const bool is_read = route.method == Method::kGet;
  return [context, action, is_read, rows, handler = std::move(handler)](const Request& request,
                                                                        const ResponderPtr& responder) -> Status {
    auth::Caller caller = caller_of(request);
    auth::AuditEvent event{.actor = std::move(caller.actor),
                           .client = std::move(caller.client),
                           .action = action,
                           .target = audit_target(request),
                           .detail = {},
                           .request_id = std::move(caller.request_id)};
    const auto front = std::make_shared<AuditedResponder>(context, std::move(event), is_read, rows, responder);
    if (const Status status = handler(request, front); !status.ok()) {
      front->refuse(status);
    }
    return ok_status();
  };
}

Status answer_from_pool(const ContextPtr& context, const ResponderPtr& responder, AdminWork work) {
  return run_on_pool(context, [responder, work = std::move(work)] { run_read(responder, work); });
}

}  // namespace vibrato::api
