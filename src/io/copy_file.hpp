// Copying and linking whole files, for snapshots and restores.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vibrato/result.hpp>

#include "io/file_system.hpp"

namespace vibrato::io {

// Called with the bytes of a file, in order.
using ByteSink = std::function<Status(std::span<const std::byte>)>;

// Reads `count` bytes from the start of the file in pieces. kCorruption, naming the path, if it is shorter.
[[nodiscard]] Status read_pieces(const File& file, std::uint64_t count, const ByteSink& sink);

// Copies the first `count` bytes into a new file (kCreateNew or kCreateNewPrivate), durable but for its name.
// `seen` gets the bytes as they are copied; may be empty. After an error a part of the file may be there.
[[nodiscard]] Status copy_bytes(FileSystem& fs, const std::string& from, const std::string& to, std::uint64_t count,
                                OpenMode mode = OpenMode::kCreateNew, const ByteSink& seen = {});

// A second name of the same file, where the file system can (both on one); otherwise a copy. Requires: the file never
// changes. Durable but for its name. `mode` is that of a copy: kCreateNewPrivate for what holds secrets.
[[nodiscard]] Status link_or_copy(FileSystem& fs, const std::string& from, const std::string& to,
                                  OpenMode mode = OpenMode::kCreateNew);

}  // namespace vibrato::io
