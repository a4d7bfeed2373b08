// The caps of what is streamed, beside those of limits.hpp, which nearly all of the code includes.
#pragma once

#include "base/limits.hpp"

namespace vibrato::limits {

inline constexpr std::size_t kStreamBufferBytes = 512 * kKiB;  // Of a body, between a socket and its reader.
inline constexpr std::size_t kStreamPieceBytes = 256 * kKiB;   // Of an answer, made at a time.
inline constexpr std::uint32_t kExportsMax = 8;                // At a time.
inline constexpr std::uint32_t kImportsMax = 4;                // At a time; one of a collection.
inline constexpr std::size_t kImportLineBytesMax = 4 * kMiB;   // Of ndjson.
inline constexpr std::size_t kImportFilesMax = 4096;           // That one import makes.

}  // namespace vibrato::limits
