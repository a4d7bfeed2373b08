// POST /v1/vector/{collection}/search_batch: many searches in one call, on as many threads of the query pool as are
// free. One search that fails fails the call, and its message says which.
#include <algorithm>
#include <array>
#include <atomic>
#include <fmt/format.h>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/api_context.hpp"
#include "api/json_body.hpp"
#include "api/json_fields.hpp"
#include "api/json_writer.hpp"
#include "api/query_fields.hpp"
#include "api/read_call.hpp"
#include "api/search_call.hpp"
#include "api/search_request.hpp"
#include "base/limits.hpp"
#include "base/parallel_for.hpp"

namespace vibrato::api {
namespace {

struct BatchCall {
  std::vector<SearchCall> searches;
  std::optional<Lsn> min_lsn;  // The largest that is asked for.
};

Result<BatchCall> read_batch(simdjson::dom::object object, const DatabaseApiOptions& options) {
  std::array<Field, 2> fields{{{"searches"}, {"min_lsn"}}};
  const auto& [searches, min_lsn] = fields;
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, fields));
  if (!searches.is_there()) {
    return missing_field(searches.name, "an array of searches");
  }
  simdjson::dom::array array;
  if (searches.value->get(array) != simdjson::SUCCESS) {
    return wrong_type(searches.name, "an array of searches");
  }
  if (array.size() == 0 || array.size() > limits::kBatchSearchesMax) {
    return invalid_argument(fmt::format("searches must have 1 to {} elements", limits::kBatchSearchesMax));
  }
  BatchCall batch;
  VIBRATO_ASSIGN_OR_RETURN(batch.min_lsn, read_min_lsn(min_lsn));
  batch.searches.reserve(array.size());
  for (const simdjson::dom::element element : array) {
    const auto name = [&] { return fmt::format("searches[{}]", batch.searches.size()); };
    simdjson::dom::object one;
    if (element.get(one) != simdjson::SUCCESS) {
      return read_object(element, name()).status();
    }
    SearchCall call;
    if (const Status status = read_search_object(one, options, call); !status.ok()) {
      return beneath(name() + (status.code() == ErrorCode::kUnknownField ? ": " : "."), status);
    }
    batch.searches.push_back(std::move(call));
    batch.min_lsn = std::max(batch.min_lsn, batch.searches.back().min_lsn);
  }
  return batch;
}

// The searches of one call while they run. Whoever ends the last one answers.
class RunningBatch : public std::enable_shared_from_this<RunningBatch> {
 public:
  RunningBatch(ContextPtr context, ResponderPtr responder, std::string collection, std::vector<SearchCall> searches)
      : context_(std::move(context)),
        responder_(std::move(responder)),
        name_(std::move(collection)),
        searches_(std::move(searches)),
        results_(searches_.size()) {}

  // On a thread of the pool; asks others of it to help.
  void start() {
    const auto collection = find_collection(*context_, name_);
    if (!collection.ok()) {
      responder_->answer(collection.status(), Reply());
      return;
    }
    collection_ = *collection;
    const std::size_t helpers = std::min(hardware_threads(), searches_.size()) - 1;
    for (std::size_t i = 0; i < helpers; ++i) {
      if (!run_on_pool(context_, [self = shared_from_this()] { self->run(); }).ok()) {
        break;  // The pool is busy with others.
      }
    }
    run();
  }

 private:
  void run() {
    for (std::size_t i = next_++; i < searches_.size(); i = next_++) {
      if (const Status done = search(i); !done.ok()) {
        const std::lock_guard lock(mutex_);
        if (!failed_.has_value() || i < failed_->first) {
          failed_.emplace(i, done);
        }
      }
      if (--left_ == 0) {
        answer();
      }
    }
  }

  Status search(std::size_t i) {
    SearchCall& call = searches_[i];
    VIBRATO_ASSIGN_OR_RETURN(const vector::SearchAnswer found, find_hits(*context_, *collection_, call));
    constexpr std::size_t kBytesPerHit = 48;
    results_[i].reserve((found.hits.size() + 1) * kBytesPerHit);
    JsonWriter json(results_[i]);
    json.begin_object();
    VIBRATO_RETURN_IF_ERROR(write_hits(call, found, json));
    json.end_object();
    return check_answer_size(answer_bytes_ += results_[i].size());
  }

  // What is wrong with a field of a search begins with the field's name, as in a call of its own.
  static Status name_search(std::size_t i, const Status& status) {
    const bool is_of_field = http_status(status.code()) < 500 && status.code() != ErrorCode::kTimeout &&
                             status.code() != ErrorCode::kPayloadTooLarge;
    return beneath(fmt::format("searches[{}]{}", i, is_of_field ? "." : ": "), status);
  }

  void answer() {
    if (failed_.has_value()) {
      responder_->answer(as_unavailable_if_damaged(name_search(failed_->first, failed_->second)), Reply());
      return;
    }
    Reply reply;
    JsonWriter json(reply.body);
    json.begin_object();
    json.key("results");
    json.begin_array();
    for (const std::string& result : results_) {
      json.raw(result);
    }
    json.end_array();
    json.end_object();
    responder_->answer(ok_status(), std::move(reply));
  }

  const ContextPtr context_;
  const ResponderPtr responder_;
  const std::string name_;
  vector::CollectionPtr collection_;
  std::vector<SearchCall> searches_;
  std::vector<std::string> results_;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::size_t> left_{searches_.size()};
  std::atomic<std::size_t> answer_bytes_{0};
  std::mutex mutex_;  // Guards failed_, until the last search has ended.
  std::optional<std::pair<std::size_t, Status>> failed_;
};

Status search_batch(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(BatchCall batch, read_json_object(request.body, [&](simdjson::dom::object object) {
                             return read_batch(object, context->options);
                           }));
  for (SearchCall& call : batch.searches) {
    call.collection = request.path_parameter("collection");
    call.request.deadline = deadline_of(*context, *responder);
  }
  const auto running = std::make_shared<RunningBatch>(
      context, responder, std::string(request.path_parameter("collection")), std::move(batch.searches));
  if (!batch.min_lsn || *batch.min_lsn <= context->database.visible_lsn()) {
    return run_on_pool(context, [running] { running->start(); });
  }
  run_when_visible(context, *batch.min_lsn, responder, [running] { running->start(); });
  return ok_status();
}

}  // namespace

void add_search_batch_routes(const ContextPtr& context, RouteTable& table) {
  table.add(make_query_route(context, "search_batch", search_batch));
}

}  // namespace vibrato::api
