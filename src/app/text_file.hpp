// Small files that commands read whole: certificates, keys.
#pragma once

#include <cstddef>
#include <string>
#include <vibrato/result.hpp>

#include "io/file_system.hpp"

namespace vibrato::app {

inline constexpr std::size_t kTextFileBytesMax = std::size_t{1} << 20;

// `path` as an operator typed it; links are followed. Errors: kNotFound, kIoError, kInvalidArgument past the maximum.
[[nodiscard]] Result<std::string> read_text_file(io::FileSystem& fs, const std::string& path,
                                                 std::size_t bytes_max = kTextFileBytesMax);

}  // namespace vibrato::app
