// The state in JSON: what a put says, and what is answered of it. For the .cpp files of this folder.
#pragma once

#include <array>
#include <optional>
#include <simdjson.h>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

#include "api/json_fields.hpp"
#include "api/json_writer.hpp"
#include "kv/state_writes.hpp"

namespace vibrato::api {

// A whole number that may be absent.
[[nodiscard]] Result<std::optional<std::uint64_t>> optional_whole(const Field& field, std::uint64_t min);
// A field that may be any JSON, null too: as compact text. Errors: kInvalidArgument if it is not there.
[[nodiscard]] Result<std::string> required_json(const Field& field);

// The fields of a put but its key.
inline constexpr std::size_t kPutFields = 3;
[[nodiscard]] inline std::array<Field, kPutFields> put_fields() {
  return {{{"value"}, {"ttl_ms"}, {"if_revision"}}};
}
Status read_put_fields(std::span<const Field, kPutFields> fields, kv::PutInput& input);

// Members of an object that is open: key, revision, expires_at_ms.
void write_put_members(std::string_view key, const kv::PutOutcome& outcome, JsonWriter& json);
// An object: key, value, revision, expires_at_ms.
void write_state_item(std::string_view key, const overlay::Row& row, JsonWriter& json);

}  // namespace vibrato::api
