#include "api/search_call.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "api/point_json.hpp"
#include "api/read_call.hpp"
#include "vector/check_vector.hpp"
#include "vector/filter_notes.hpp"

namespace vibrato::api {
namespace {

// Finds the vector of an example. The raw vectors of an archive may be gone: kGone then.
Status look_up_example(const vector::Collection& collection, SearchCall& call) {
  if (!call.example.has_value()) {
    return ok_status();
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::optional<vector::Point> point, collection.get(call.example->view()));
  if (!point.has_value()) {
    return not_found("id: no point of collection " + call.collection + " has this id");
  }
  if (point->vector.empty()) {
    return {ErrorCode::kGone,
            "id: the archive of this collection keeps no vectors as they were written: send the vector"};
  }
  call.vector.assign(point->vector.begin(), point->vector.end());
  return ok_status();
}

// An error of the vector names its field.
Status name_field(const Status& status, const vector::Collection& collection, const SearchCall& call) {
  const vector::CollectionSettings& settings = collection.settings();
  const bool is_of_vector = !vector::check_vector(call.vector, settings.dim, settings.metric).ok();
  return is_of_vector ? status.with_context("vector") : status;
}

Result<vector::SearchAnswer> search(const ApiContext& context, const vector::Collection& collection, SearchCall& call,
                                    std::int64_t& took_us) {
  const std::int64_t start_ns = context.clock.monotonic_ns();
  call.request.vector = call.vector;
  Result<vector::SearchAnswer> answer =
      call.grouping ? vector::search_groups(collection, call.request, *call.grouping, call.explain)
                    : collection.search(call.request, call.explain);
  if (!answer.ok()) {
    return name_field(answer.status(), collection, call);
  }
  // Of a damaged collection the rest is searched: the answer says that something may be missing.
  if (!collection.check_writable().ok()) {
    call.notes = collection.info().notes;
  }
  if (call.explain && call.request.filter) {
    std::vector<std::string> notes = vector::filter_notes(collection);
    std::move(notes.begin(), notes.end(), std::back_inserter(call.notes));
  }
  call.notes.insert(call.notes.end(), answer->notes.begin(), answer->notes.end());
  took_us = (context.clock.monotonic_ns() - start_ns) / 1000;
  context.metrics.queries.add();
  context.metrics.query_latency_us.observe(static_cast<double>(took_us));
  return answer;
}

Status search_and_write(const ApiContext& context, const vector::Collection& collection, SearchCall& call,
                        WriteAnswer write, Reply& reply) {
  std::int64_t took_us = 0;
  VIBRATO_ASSIGN_OR_RETURN(const vector::SearchAnswer answer, search(context, collection, call, took_us));
  return write(call, answer, took_us, reply);
}

// On a thread of the pool, from the begin.
Status search_from_name(const ApiContext& context, SearchCall& call, WriteAnswer write, Reply& reply) {
  VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, find_collection(context, call.collection));
  VIBRATO_RETURN_IF_ERROR(look_up_example(*collection, call));
  return search_and_write(context, *collection, call, write, reply);
}

Status start_search(const ContextPtr& context, const ResponderPtr& responder, SearchCall& call, WriteAnswer write) {
  call.request.deadline = deadline_of(*context, *responder);
  if (call.min_lsn.has_value() && *call.min_lsn > context->database.visible_lsn()) {
    const auto owned = std::make_shared<SearchCall>(std::move(call));
    run_when_visible(context, *owned->min_lsn, responder, [context, responder, owned, write] {
      run_read(responder, [&](Reply& reply) { return search_from_name(*context, *owned, write, reply); });
    });
    return ok_status();
  }
  VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, find_collection(*context, call.collection));
  VIBRATO_RETURN_IF_ERROR(look_up_example(*collection, call));
  call.request.vector = call.vector;
  // A search by groups is several, and reads meta.
  if (call.grouping || collection->estimate_search_us(call.request) > context->options.inline_search_us) {
    const auto owned = std::make_shared<SearchCall>(std::move(call));
    return run_on_pool(context, [context, responder, collection, owned, write] {
      run_read(responder, [&](Reply& reply) { return search_and_write(*context, *collection, *owned, write, reply); });
    });
  }
  Reply reply;
  VIBRATO_RETURN_IF_ERROR(search_and_write(*context, *collection, call, write, reply));
  responder->answer(ok_status(), std::move(reply));
  return ok_status();
}

// The stop rule of a walk with a recall target.
void write_rule(const std::optional<vector::WalkRule>& rule, JsonWriter& json) {
  if (!rule) {
    return;
  }
  json.key("calibrated");
  json.boolean(rule->is_calibrated);
  json.key("recall");
  json.number(rule->recall);
  if (std::isfinite(rule->slack)) {
    json.key("slack");
    json.number(rule->slack);
  }
  json.key("reach");
  json.number(std::uint64_t{rule->reach});
}

void write_explain(const std::vector<vector::SegmentExplain>& segments, JsonWriter& json) {
  json.key("explain");
  json.begin_array();
  for (const vector::SegmentExplain& one : segments) {
    json.begin_object();
    json.key("segment");
    json.string(one.segment);
    json.key("rows");
    json.number(std::uint64_t{one.rows});
    if (one.matching) {
      json.key("estimated");
      json.number(std::uint64_t{one.estimated.value_or(0)});
      json.key("matching");
      json.number(std::uint64_t{*one.matching});
    }
    json.key("plan");
    json.string(one.stats.plan);
    json.key("rows_visited");
    json.number(one.stats.rows_visited);
    json.key("distances");
    json.number(one.stats.distances);
    write_rule(one.stats.rule, json);
    json.end_object();
  }
  json.end_array();
}

}  // namespace

void write_notes(const std::vector<std::string>& notes, JsonWriter& json) {
  if (notes.empty()) {
    return;
  }
  json.key("notes");
  json.begin_array();
  for (const std::string& note : notes) {
    json.string(note);
  }
  json.end_array();
}

Result<vector::SearchAnswer> find_hits(const ApiContext& context, const vector::Collection& collection,
                                       SearchCall& call, std::int64_t* took_us) {
  VIBRATO_RETURN_IF_ERROR(look_up_example(collection, call));
  std::int64_t us = 0;
  return search(context, collection, call, took_us == nullptr ? us : *took_us);
}

Status write_hits(const SearchCall& call, const vector::SearchAnswer& answer, JsonWriter& json) {
  json.key("hits");
  json.begin_array();
  for (const vector::PointHit& hit : answer.hits) {
    VIBRATO_RETURN_IF_ERROR(write_hit(hit, call.parts, json));
    if (json.size() > kAnswerBytesMax) {
      return check_answer_size(json.size());
    }
  }
  json.end_array();
  if (call.explain) {
    write_explain(answer.explain, json);
  }
  write_notes(call.notes, json);
  return ok_status();
}

Status write_search_answer(const SearchCall& call, const vector::SearchAnswer& answer, std::int64_t took_us,
                           Reply& reply) {
  constexpr std::size_t kBytesPerHit = 48;
  reply.body.reserve(answer.hits.size() * kBytesPerHit + kBytesPerHit);
  JsonWriter json(reply.body);
  json.begin_object();
  VIBRATO_RETURN_IF_ERROR(write_hits(call, answer, json));
  json.key("took_us");
  json.number(static_cast<std::uint64_t>(took_us));
  json.end_object();
  return ok_status();
}

Status run_search(const ContextPtr& context, const ResponderPtr& responder, SearchCall& call, WriteAnswer write) {
  return as_unavailable_if_damaged(start_search(context, responder, call, write));
}

Status check_answer_size(std::size_t bytes) {
  return bytes <= kAnswerBytesMax
             ? ok_status()
             : Status(ErrorCode::kPayloadTooLarge,
                      fmt::format(
                          "the answer is larger than {} bytes: ask for less at a time, or without meta and vectors",
                          kAnswerBytesMax));
}

SearchCall& kept_search_call() {
  thread_local SearchCall call;
  call.reset();
  return call;
}

}  // namespace vibrato::api
