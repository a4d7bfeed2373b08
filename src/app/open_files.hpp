// How many files and sockets this process may hold open.
#pragma once

#include <cstdint>

namespace vibrato::app {

// Raises the soft limit to `count` if it is lower, as far as the hard limit allows. Returns the limit that now holds.
std::uint64_t allow_open_files(std::uint64_t count);

}  // namespace vibrato::app
