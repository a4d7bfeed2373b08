#include "api/point_json.hpp"

#include "api/point_fields.hpp"

namespace vibrato::api {

void write_floats(std::span<const float> numbers, JsonWriter& json) {
  json.begin_array();
  for (const float number : numbers) {
    json.number(number);
  }
  json.end_array();
}

void write_meta(std::string_view meta_json, JsonWriter& json) {
  if (meta_json.empty()) {
    json.null();
  } else {
    json.raw(meta_json);
  }
}

void write_point(const vector::Point& point, JsonWriter& json) {
  json.begin_object();
  json.key("id");
  write_id(point.id, json);
  json.key("vector");
  if (point.vector.empty()) {
    json.null();
  } else {
    write_floats(point.vector, json);
  }
  json.key("meta");
  write_meta(point.meta_json, json);
  json.end_object();
}

Status write_parts(const vector::Segment& segment, std::uint32_t row, const HitParts& parts, JsonWriter& json) {
  if (parts.meta) {
    VIBRATO_ASSIGN_OR_RETURN(const std::string_view meta, segment.meta_json(row));
    json.key("meta");
    write_meta(meta, json);
  }
  if (parts.vector) {
    const Result<std::span<const float>> numbers = segment.vector(row);
    json.key("vector");
    if (numbers.ok()) {
      write_floats(*numbers, json);
    } else if (numbers.status().code() == ErrorCode::kGone) {
      json.null();
    } else {
      return numbers.status();
    }
  }
  return ok_status();
}

Status write_hit(const vector::PointHit& hit, const HitParts& parts, JsonWriter& json) {
  json.begin_object();
  json.key("id");
  write_id(hit.id, json);
  json.key("score");
  json.number(hit.score);
  VIBRATO_RETURN_IF_ERROR(write_parts(*hit.segment, hit.row, parts, json));
  json.end_object();
  return ok_status();
}

}  // namespace vibrato::api
