// How the system is told that raw vectors of sealed parts will be read. The small sections that every search needs
// (graph, codes, ids) are read ahead either way.
#pragma once

#include <cstdint>

namespace vibrato::vector {

enum class VectorAccess : std::uint8_t {
  kRandom,     // A row at a time: nothing around it is read. For files larger than memory.
  kReadAhead,  // As the system sees fit: what lies around a row comes with it.
};

}  // namespace vibrato::vector
