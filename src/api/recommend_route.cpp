// POST /v1/vector/{collection}/recommend: a search for what is like some points and unlike others, by the mean of the
// first and its difference from the mean of the second. Under cosine the examples count by their direction alone.
#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "api/api_context.hpp"
#include "api/json_body.hpp"
#include "api/json_fields.hpp"
#include "api/json_writer.hpp"
#include "api/point_fields.hpp"
#include "api/query_fields.hpp"
#include "api/read_call.hpp"
#include "api/search_call.hpp"
#include "base/limits.hpp"
#include "vector/check_vector.hpp"

namespace vibrato::api {
namespace {

using Example = std::variant<PointId, std::vector<float>>;

struct RecommendCall {
  SearchCall search;
  std::optional<Lsn> min_lsn;
  std::vector<Example> positive;
  std::vector<Example> negative;
};

Result<std::vector<Example>> read_examples(const Field& field) {
  std::vector<Example> examples;
  if (!field.is_there()) {
    return examples;
  }
  simdjson::dom::array array;
  if (field.value->get(array) != simdjson::SUCCESS) {
    return wrong_type(field.name, "an array of ids and vectors");
  }
  if (array.size() > limits::kBatchSearchesMax) {
    return invalid_argument(fmt::format("{} must have at most {} elements", field.name, limits::kBatchSearchesMax));
  }
  for (const simdjson::dom::element element : array) {
    const std::string name = fmt::format("{}[{}]", field.name, examples.size());
    if (element.is_array()) {
      std::vector<float> numbers;
      VIBRATO_RETURN_IF_ERROR(read_floats(element, name, limits::kDimMax, numbers));
      examples.emplace_back(std::move(numbers));
    } else {
      VIBRATO_ASSIGN_OR_RETURN(const PointIdView id, read_point_id(element, name));
      examples.emplace_back(PointId(id));
    }
  }
  return examples;
}

Status read_recommend(simdjson::dom::object object, const DatabaseApiOptions& options, RecommendCall& call) {
  constexpr std::uint64_t kDefaultK = 10;
  std::array<Field, 8> fields{
      {{"positive"}, {"negative"}, {"k"}, {"recall"}, {"filter"}, {"include_meta"}, {"include_vector"}, {"min_lsn"}}};
  const auto& [positive, negative, k, recall, filter, include_meta, include_vector, min_lsn] = fields;
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, fields));
  VIBRATO_ASSIGN_OR_RETURN(call.positive, read_examples(positive));
  VIBRATO_ASSIGN_OR_RETURN(call.negative, read_examples(negative));
  if (call.positive.empty()) {
    return missing_field("positive", "an array with an id or a vector at least");
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t count, whole_or(k, 1, options.search_k_max, kDefaultK));
  call.search.request.k = static_cast<std::uint32_t>(count);
  VIBRATO_ASSIGN_OR_RETURN(call.search.request.recall, read_recall(recall));
  VIBRATO_ASSIGN_OR_RETURN(call.search.request.filter, read_filter(filter));
  VIBRATO_ASSIGN_OR_RETURN(call.search.parts.meta, bool_or(include_meta, false));
  VIBRATO_ASSIGN_OR_RETURN(call.search.parts.vector, bool_or(include_vector, false));
  VIBRATO_ASSIGN_OR_RETURN(call.min_lsn, read_min_lsn(min_lsn));
  return ok_status();
}

// The vector of an example, and its id among those that are left out.
Result<std::vector<float>> vector_of(const vector::Collection& collection, const Example& example,
                                     const std::string& name, std::vector<PointId>& left_out) {
  if (const auto* given = std::get_if<std::vector<float>>(&example)) {
    const Status checked = vector::check_vector(*given, collection.settings().dim, collection.settings().metric);
    return checked.ok() ? Result<std::vector<float>>(*given) : checked.with_context(name);
  }
  const PointId& id = std::get<PointId>(example);
  VIBRATO_ASSIGN_OR_RETURN(const std::optional<vector::Point> point, collection.get(id.view()));
  if (!point) {
    return not_found(fmt::format("{}: no point of collection {} has this id", name, collection.identity().name));
  }
  if (point->vector.empty()) {
    return Status(ErrorCode::kGone,
                  name + ": the archive of this collection keeps no vectors as they were written: send the vector");
  }
  if (std::find(left_out.begin(), left_out.end(), id) == left_out.end()) {
    left_out.push_back(id);
  }
  return std::vector<float>(point->vector.begin(), point->vector.end());
}

// Shape [dim]; empty without examples.
Result<std::vector<double>> mean_of(const vector::Collection& collection, const std::vector<Example>& examples,
                                    std::string_view name, std::vector<PointId>& left_out) {
  std::vector<double> mean(examples.empty() ? 0 : collection.settings().dim);
  for (std::size_t i = 0; i < examples.size(); ++i) {
    VIBRATO_ASSIGN_OR_RETURN(const std::vector<float> vector,
                             vector_of(collection, examples[i], fmt::format("{}[{}]", name, i), left_out));
    double norm = 1;
    if (collection.settings().metric == Metric::kCosine) {
      norm = 0;
      for (const float value : vector) {
        norm += static_cast<double>(value) * static_cast<double>(value);
      }
      norm = std::sqrt(norm);
    }
    for (std::size_t d = 0; d < mean.size(); ++d) {
      mean[d] += static_cast<double>(vector[d]) / norm / static_cast<double>(examples.size());
    }
  }
  return mean;
}

Status answer_recommend(const ApiContext& context, const vector::Collection& collection, RecommendCall& call,
                        const Deadline& deadline, Reply& reply) {
  SearchCall& search = call.search;
  search.request.deadline = deadline;
  std::vector<PointId>& left_out = search.request.left_out;
  VIBRATO_ASSIGN_OR_RETURN(const std::vector<double> liked, mean_of(collection, call.positive, "positive", left_out));
  VIBRATO_ASSIGN_OR_RETURN(const std::vector<double> disliked,
                           mean_of(collection, call.negative, "negative", left_out));
  for (std::size_t d = 0; d < liked.size(); ++d) {
    const double value = disliked.empty() ? liked[d] : 2 * liked[d] - disliked[d];
    search.vector.push_back(static_cast<float>(value));
  }
  std::int64_t took_us = 0;
  VIBRATO_ASSIGN_OR_RETURN(const vector::SearchAnswer answer, find_hits(context, collection, search, &took_us));
  return write_search_answer(search, answer, took_us, reply);
}

Status recommend(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  RecommendCall call;
  VIBRATO_RETURN_IF_ERROR(read_json_object(
      request.body, [&](simdjson::dom::object object) { return read_recommend(object, context->options, call); }));
  return answer_query(context, request, responder, std::move(call), answer_recommend);
}

}  // namespace

void add_recommend_route(const ContextPtr& context, RouteTable& table) {
  table.add(make_query_route(context, "recommend", recommend));
}

}  // namespace vibrato::api
