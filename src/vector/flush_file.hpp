// The work of a flush: a file's rows and the rows behind them become one new file with an index, under the same path.
#pragma once

#include <memory>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

#include "io/file_system.hpp"
#include "vector/hot_segment.hpp"
#include "vector/sealed_segment.hpp"

namespace vibrato::vector {

// Where the rows of a flush wait for their index, beside `path`. A crash may leave it behind, and others that begin
// with this name.
[[nodiscard]] std::string flush_staging_path(const std::string& path);

// Removes what write_flushed and replace_with_index left behind beside `path` when they were killed, and nothing else.
// Requires: none of them runs for it. What cannot be removed stays.
void remove_flush_leftovers(io::FileSystem& fs, const std::string& path);

// Writes the rows of `rows` with `index`, which was built over them, to `path`, which is replaced atomically, and opens
// the result. Errors: those of the file system; the old file is still there then or, if only the sync of the folder
// failed, either of the two.
[[nodiscard]] Result<std::unique_ptr<SealedSegment>> replace_with_index(io::FileSystem& fs, const std::string& path,
                                                                        const store::VdbFile& rows,
                                                                        const BuiltIndex& index);

// Writes all rows of `sealed`, then those of `tail` in order (nobody appends to them any more), to `path`, which is
// replaced atomically, and opens the result. The stored graph is extended where that pays, else built with `options`.
// Rows keep their order and meta. Memory: the new graph and codes. Errors: kCorruption of the old file,
// kInvalidArgument if its rows have ids, kUnavailable, those of the file system; nothing but possibly the new file
// itself is left behind then.
[[nodiscard]] Result<std::unique_ptr<SealedSegment>> write_flushed(io::FileSystem& fs, const std::string& path,
                                                                   const SealedSegment& sealed,
                                                                   const std::vector<const HotSegment*>& tail,
                                                                   const GraphBuildOptions& options);

}  // namespace vibrato::vector
