// Points and hits as JSON. For the routes of this folder.
#pragma once

#include <span>

#include "api/json_writer.hpp"
#include "vector/collection.hpp"

namespace vibrato::api {

void write_floats(std::span<const float> numbers, JsonWriter& json);

// `null` for no meta.
void write_meta(std::string_view meta_json, JsonWriter& json);

// {id, vector, meta}. `vector` is null where an archive keeps no vectors as they were written.
void write_point(const vector::Point& point, JsonWriter& json);

struct HitParts {
  bool meta = false;
  bool vector = false;
};
// The members meta and vector of an object that was begun: those of them that are wanted. Errors: kCorruption.
[[nodiscard]] Status write_parts(const vector::Segment& segment, std::uint32_t row, const HitParts& parts,
                                 JsonWriter& json);
// {id, score, meta?, vector?}, as above. Errors: kCorruption.
[[nodiscard]] Status write_hit(const vector::PointHit& hit, const HitParts& parts, JsonWriter& json);

}  // namespace vibrato::api
