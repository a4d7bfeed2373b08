// Ids, vectors and meta in request bodies, and ids in query strings. For the .cpp files of this folder, as
// api/json_body.hpp. Every error begins with the name of its field, so that a batch can put "items[3]." in front.
#pragma once

#include <array>
#include <optional>
#include <simdjson.h>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

#include "api/json_fields.hpp"
#include "api/json_writer.hpp"
#include "base/point_id.hpp"
#include "vector/point_writes.hpp"

namespace vibrato::api {

// A string or a whole number from 0 to 2^64-1; borrowed from the parsed body.
// Errors: kInvalidArgument: no id (-1, 7.0, true), empty, too long, control characters.
[[nodiscard]] Result<PointIdView> read_point_id(simdjson::dom::element value, std::string_view field);

// The numbers of `vector` or of `vector_b64`; false if neither is there. Checks all but the length against a
// collection. Errors: kInvalidArgument, also for both at once.
[[nodiscard]] Result<bool> read_vector(const Field& vector, const Field& vector_b64, std::vector<float>& out);

// Compact JSON. Errors: kPayloadTooLarge past limits::kMetaBytesMax.
[[nodiscard]] Result<std::string> read_meta(simdjson::dom::element value, std::string_view field);

// The fields of a point that is written whole: id, vector or vector_b64, meta.
class PointFields {
 public:
  // Errors: kUnknownField.
  [[nodiscard]] Status collect(simdjson::dom::object object) { return collect_fields(object, fields_); }
  [[nodiscard]] const Field& id() const { return fields_[0]; }
  // Reads the id first, so that a point whose other parts are wrong can be named. Errors: as the functions above.
  [[nodiscard]] Status read(vector::PointInput& point) const;

 private:
  std::array<Field, 4> fields_{{{"id"}, {"vector"}, {"vector_b64"}, {"meta"}}};
};

// The id that a body must have. Errors: as read_point_id, and for a missing one.
[[nodiscard]] Result<PointId> read_required_id(const Field& field);

// `id` of a query string: `7` may be the number or the string, `"7"` is the string in any case.
struct QueryId {
  std::optional<PointId> number;  // Asked for first.
  std::optional<PointId> text;
};
// Errors: kInvalidArgument.
[[nodiscard]] Result<QueryId> parse_query_id(std::string_view text);

// As it was written: a number or a string.
void write_id(const PointIdView& id, JsonWriter& json);

}  // namespace vibrato::api
