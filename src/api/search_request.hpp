// A search as the body of a request asks for it. For the .cpp files of this folder.
#pragma once

#include <optional>
#include <simdjson.h>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "api/database_api.hpp"
#include "api/point_json.hpp"
#include "base/ids.hpp"
#include "base/point_id.hpp"
#include "vector/collection.hpp"
#include "vector/grouped_search.hpp"

namespace vibrato::api {

// Owns all it needs. Each I/O thread keeps one from search to search, for the memory of its vector.
struct SearchCall {
  std::string collection;
  std::vector<float> vector;       // Empty until it is looked up, with `example`.
  std::optional<PointId> example;  // The point whose vector is searched for; it is left out.
  vector::SearchRequest request;   // Without its vector.
  std::optional<vector::Grouping> grouping;
  HitParts parts;
  bool explain = false;
  std::optional<Lsn> min_lsn;
  std::vector<std::string> notes;  // For the answer: what the client has to know of it.

  void reset();
};

// Reads the body of a search on /v1 into `call`, which was reset. Errors: those of read_json_object, kUnknownField,
// kInvalidArgument naming the field.
[[nodiscard]] Status read_search(std::string_view body, const DatabaseApiOptions& options, SearchCall& call);

// The same of an object inside of a body; for the .cpp files of this folder.
[[nodiscard]] Status read_search_object(simdjson::dom::object object, const DatabaseApiOptions& options,
                                        SearchCall& call);

}  // namespace vibrato::api
