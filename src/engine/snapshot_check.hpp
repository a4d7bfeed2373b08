// Checks a snapshot folder, which may come from anywhere, before anything is done with it: the manifest, that the
// folder holds exactly what the manifest names, no links, sizes and hashes. Reads all of it, changes nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vibrato/result.hpp>

#include "format/snapshot_manifest.hpp"
#include "io/file_system.hpp"

namespace vibrato::engine {

// Bytes done, and in all. May be empty.
using BytesProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// Errors: kNotFound without a manifest, kCorruption naming the first thing that is wrong, kInvalidArgument for a
// snapshot of a newer version, kIoError.
[[nodiscard]] Result<format::SnapshotManifest> check_snapshot(io::FileSystem& fs, const std::string& folder,
                                                              const BytesProgress& progress = {});
// All of it but the content of the files: nothing is read but the manifest. Errors: the same.
[[nodiscard]] Result<format::SnapshotManifest> check_snapshot_files(io::FileSystem& fs, const std::string& folder);
// The manifest alone.
[[nodiscard]] Result<format::SnapshotManifest> read_manifest(io::FileSystem& fs, const std::string& folder);

}  // namespace vibrato::engine
