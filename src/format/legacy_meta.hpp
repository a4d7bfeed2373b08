// The metadata section of `.vdb` version 2: fixed 24-byte entries and a pool of strings -> JSON text, row by row.
// Pure and total.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vibrato/result.hpp>

#include "format/vdb_layout.hpp"

namespace vibrato::format {

// Checks the section's counts and ranges, not the entries. Errors: kCorruption.
// Requires: `section` lies within `file`.
[[nodiscard]] Status check_legacy_meta(std::span<const std::byte> file, const ByteRange& section, std::uint64_t rows);

// {"source_file":…,"start_time_ms":…,"duration_ms":…,"bpm":…,"tags":[…]}, or empty when every field is empty or zero.
// Bytes that are no UTF-8 (the old writer may cut inside a character) become U+FFFD; blank tags are left out.
// Requires: check_legacy_meta was ok, row < rows. Errors: kCorruption for strings outside the pool.
[[nodiscard]] Result<std::string> legacy_meta_json(std::span<const std::byte> file, const ByteRange& section,
                                                   std::uint64_t row);

}  // namespace vibrato::format
