// The writer of JSON text, as this folder's files know it.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/json_writer.hpp"

namespace vibrato::api {

using vibrato::JsonWriter;

// A member of an object that is open. Requires: `name` needs no escapes.
inline void write_count(std::string_view name, std::uint64_t count, JsonWriter& json) {
  json.key(name);
  json.number(count);
}

}  // namespace vibrato::api
