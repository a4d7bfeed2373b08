// Puts a state that was built in `tmp/` in the place of the one in a data folder: all of it or nothing, whenever the
// power goes.
//
// How: the files are linked into the data folder under names that begin with "restoring-", durably. Then the file
// "restore.json" is written, which is the one moment of the swap. From there on the steps only go forward, again after
// a crash (finish_swap, by whoever opens the folder next): each present piece is renamed to "replaced-<id>-...", the
// new one to its name, with an fsync of the folder between, and in the end the marker goes.
#pragma once

#include <cstdint>
#include <string>
#include <vibrato/result.hpp>

#include "engine/data_folder.hpp"
#include "io/file_system.hpp"

namespace vibrato::engine {

// All require: the lock on `folder` is held.

// Replaces the state of `folder` by that of the data folder `built`, whose files are synced and stay as they are. Its
// pepper is taken only with `take_pepper`. `id` makes the names of what is replaced unique. Answers a
// pattern of those paths, which ends in `*`; empty if nothing was there.
[[nodiscard]] Result<std::string> swap_state(io::FileSystem& fs, const DataFolder& folder, const DataFolder& built,
                                             bool take_pepper, std::int64_t id);

// Goes on with a swap that a crash interrupted, and clears what one left that was not decided. A no-op otherwise.
[[nodiscard]] Status finish_swap(io::FileSystem& fs, const DataFolder& folder);

}  // namespace vibrato::engine
