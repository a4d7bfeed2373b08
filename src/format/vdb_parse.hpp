// A whole `.vdb` file of version 1, 2 or 3 -> its layout. Pure and total: any bytes give a layout or a Status.
// Reads the header, the section table and the block-CRC table of version 3, the headers of versions 1 and 2, and
// nothing else: the cost does not grow with the vectors, the memory not even with the file.
#pragma once

#include <cstddef>
#include <span>
#include <vibrato/result.hpp>

#include "format/vdb_layout.hpp"

namespace vibrato::format {

// `file` is the whole file. Errors: kCorruption naming offset, expected and found; kInvalidArgument for what
// was made by a later build or holds PQ codes (version 2).
[[nodiscard]] Result<VdbLayout> parse_vdb(std::span<const std::byte> file);

}  // namespace vibrato::format
