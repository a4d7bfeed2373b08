// Headers of `.vdb` versions 1 and 2 -> layout (docs/formats/vdb.md, "Older versions"). Pure and total. These files
// carry no checksum: only structure is checked. Their metric is dot, their rows stand without padding.
#pragma once

#include <cstddef>
#include <span>
#include <vibrato/result.hpp>

#include "format/vdb_layout.hpp"

namespace vibrato::format {

// Require: `file` starts with the version's magic. Errors: kCorruption; kInvalidArgument for PQ containers.
[[nodiscard]] Result<VdbLayout> parse_vdb_version_1(std::span<const std::byte> file);
[[nodiscard]] Result<VdbLayout> parse_vdb_version_2(std::span<const std::byte> file);

}  // namespace vibrato::format
